// SPDX-License-Identifier: Apache-2.0
#include "copy_up.h"

#include "../base/file.h"
#include "../base/kernel.h"
#include "../base/syscall.h"
#include "../base/text.h"
#include "../base/unique_fd.h"
#include "../plan/ops.gen.h"
#include "rooted_path.h"

namespace runt {

namespace {

constexpr int kMaxDepth = 64;

class Copier {
 public:
  Copier(Procfs& procfs, std::string_view subject) : procfs_(procfs), subject_(subject) {}

  Status CopyContents(int from, int to, int depth) const;

 private:
  Status CopyEntry(int from, int to, const char* name, int depth) const;
  Status CopyFile(int entry, int to, const char* name) const;
  Status CopyLink(int entry, int to, const char* name) const;
  Status CopyOwner(int to, const char* name, const FileFacts& facts) const;

  Procfs& procfs_;
  std::string_view subject_;
};

Status Copier::CopyOwner(int to, const char* name, const FileFacts& facts) const {
  TRY(Check(Syscall(__NR_fchownat, to, name, facts.uid, facts.gid, AT_SYMLINK_NOFOLLOW), Call::kFchown, subject_));
  // The new file system is not attached yet, so no process can have put a link there. The mode comes
  // last, because a change of owner clears set-id bits.
  if (facts.type() == kTypeLink) return {};
  return Check(Syscall(__NR_fchmodat, to, name, facts.mode & 07777), Call::kFchmod, subject_);
}

// `entry` is known to be a regular file. By now its name may lead to a device, and opening a device can do anything.
Status Copier::CopyFile(int entry, int to, const char* name) const {
  const UniqueFd source = TRY(procfs_.Reopen(entry, O_RDONLY, subject_));
  const UniqueFd target =
      TRY(CheckedFd(Syscall(__NR_openat, to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), Call::kOpenat, subject_));
  constexpr std::size_t kChunk = 1 << 30;
  for (;;) {
    const long sent = Syscall(__NR_sendfile, target.get(), source.get(), nullptr, kChunk);
    if (sent == -EINTR) continue;
    if (sent < 0) return Error{static_cast<int>(-sent), Call::kWrite, subject_};
    if (sent == 0) return {};
  }
}

Status Copier::CopyLink(int entry, int to, const char* name) const {
  char target[kPathMax];
  const long size = TRY(Checked(Syscall(__NR_readlinkat, entry, "", target, sizeof target - 1), Call::kReadlinkat, subject_));
  target[size] = '\0';
  return Check(Syscall(__NR_symlinkat, target, to, name), Call::kSymlinkat, subject_);
}

Status Copier::CopyEntry(int from, int to, const char* name, int depth) const {
  const UniqueFd entry =
      TRY(CheckedFd(Syscall(__NR_openat, from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0), Call::kOpenat, subject_));
  FileFacts facts;
  TRY(Check(GetFacts(entry.get(), &facts), Call::kFstat, subject_));
  switch (facts.type()) {
    case kTypeRegular:
      TRY(CopyFile(entry.get(), to, name));
      break;
    case kTypeLink:
      TRY(CopyLink(entry.get(), to, name));
      break;
    case kTypeDirectory: {
      TRY(Check(Syscall(__NR_mkdirat, to, name, 0700), Call::kMkdirat, subject_));
      const UniqueFd made = TRY(
          CheckedFd(Syscall(__NR_openat, to, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0), Call::kOpenat, subject_));
      TRY(CopyContents(entry.get(), made.get(), depth + 1));
      break;
    }
    case kTypeFifo:
    case kTypeCharacter:
    case kTypeBlock:
      TRY(Check(Syscall(__NR_mknodat, to, name, facts.mode, DeviceNumber(facts.major, facts.minor)), Call::kMknodat, subject_));
      break;
    default:
      return {};
  }
  return CopyOwner(to, name, facts);
}

Status Copier::CopyContents(int from, int to, int depth) const {
  if (depth > kMaxDepth) return Error{ELOOP, Call::kGetdents64, subject_};
  const UniqueFd directory =
      TRY(CheckedFd(Syscall(__NR_openat, from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), Call::kOpenat, subject_));
  alignas(DirectoryEntry) unsigned char buffer[2048];
  for (;;) {
    const long size = TRY(Checked(Syscall(__NR_getdents64, directory.get(), buffer, sizeof buffer), Call::kGetdents64, subject_));
    if (size == 0) return {};
    for (long offset = 0; offset < size;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + offset);
      const std::string_view name(entry->name);
      if (name != "." && name != "..") {
        TRY(CopyEntry(directory.get(), to, entry->name, depth));
      }
      offset += entry->size;
    }
  }
}

}  // namespace

Status CopyUp(Procfs& procfs, int from, int to, std::string_view subject) {
  return Copier(procfs, subject).CopyContents(from, to, 0);
}

}  // namespace runt
