// SPDX-License-Identifier: Apache-2.0
// A directory for one test, removed with all that is in it.

#ifndef RUNT_TEST_SCRATCH_H_
#define RUNT_TEST_SCRATCH_H_

#include <cstdlib>
#include <string>

#include "../base/file.h"
#include "../base/unique_fd.h"

namespace runt::test {

class Scratch {
 public:
  Scratch() {
    const char* parent = std::getenv("TMPDIR");
    path_ = std::string(parent == nullptr ? "/tmp" : parent) + "/runt-test-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Scratch() { Remove(AT_FDCWD, path_.c_str()); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  std::string At(const std::string& name) const { return path_ + "/" + name; }

  void Directory(const std::string& name) const { Syscall(__NR_mkdirat, AT_FDCWD, At(name).c_str(), 0755); }
  void Link(const std::string& name, const std::string& target) const {
    Syscall(__NR_symlinkat, target.c_str(), AT_FDCWD, At(name).c_str());
  }
  void File(const std::string& name, const std::string& content) const {
    const UniqueFd file(static_cast<int>(Syscall(__NR_openat, AT_FDCWD, At(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644)));
    WriteAll(file.get(), content.data(), content.size());
  }
  bool Exists(const std::string& name) const { return Open(name, O_PATH | O_NOFOLLOW).valid(); }
  UniqueFd Open(const std::string& name, long flags) const {
    const long opened = Syscall(__NR_openat, AT_FDCWD, At(name).c_str(), flags | O_CLOEXEC, 0);
    return UniqueFd(opened < 0 ? -1 : static_cast<int>(opened));
  }

 private:
  static void Remove(int directory, const char* name) {
    constexpr long kRemoveDirectory = 0x200;  // AT_REMOVEDIR
    const long opened = Syscall(__NR_openat, directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (opened < 0) {
      Syscall(__NR_unlinkat, directory, name, 0);
      return;
    }
    const UniqueFd self(static_cast<int>(opened));
    alignas(DirectoryEntry) unsigned char buffer[4096];
    for (long size = 0; (size = Syscall(__NR_getdents64, opened, buffer, sizeof buffer)) > 0;) {
      for (long offset = 0; offset < size;) {
        const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + offset);
        const char* child = reinterpret_cast<const char*>(buffer) + offset + offsetof(DirectoryEntry, name);
        const std::string text(child);
        if (text != "." && text != "..") Remove(self.get(), text.c_str());
        offset += entry->size;
      }
    }
    Syscall(__NR_unlinkat, directory, name, kRemoveDirectory);
  }

  std::string path_;
};

}  // namespace runt::test

#endif  // RUNT_TEST_SCRATCH_H_
