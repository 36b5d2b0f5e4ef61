// SPDX-License-Identifier: Apache-2.0
#include "walk.h"

#include <string_view>

#include "../base/file.h"
#include "../base/kernel.h"
#include "../base/syscall.h"
#include "../base/text.h"
#include "../base/unique_fd.h"

namespace runt {

namespace {

using Path = Text<kPathMax>;
using Name = Text<256>;

constexpr int kMaxLinks = 40;
constexpr std::uint64_t kProcRootInode = 1;

long OpenAt(int directory, const char* name, std::uint64_t flags) {
  long result = -EINTR;
  while (result == -EINTR) result = Syscall(__NR_openat, directory, name, flags | O_CLOEXEC, 0);
  return result;
}

// Takes the first component off `rest`; empty at the end. The slashes after it are left.
std::string_view TakeComponent(std::string_view* rest) {
  std::size_t begin = 0;
  while (begin < rest->size() && (*rest)[begin] == '/') ++begin;
  std::size_t end = begin;
  while (end < rest->size() && (*rest)[end] != '/') ++end;
  const std::string_view component(rest->data() + begin, end - begin);
  rest->remove_prefix(end);
  return component;
}

bool IsOnlySlashes(std::string_view text) { return TakeComponent(&text).empty(); }

// A walk below one root: the current directory, and the names that led to it.
class Walk {
 public:
  explicit Walk(int root) : root_(root) {}

  int at() const { return current_.get(); }
  bool IsAtRoot() const { return passed_.empty(); }

  long Restart() {
    passed_.Clear();
    const long opened = OpenAt(root_, ".", O_PATH | O_DIRECTORY);
    if (opened >= 0) current_ = UniqueFd(static_cast<int>(opened));
    return opened;
  }

  long Enter(std::string_view name, UniqueFd directory) {
    passed_.Add("/").Add(name);
    if (passed_.overflowed()) return -ENAMETOOLONG;
    current_ = std::move(directory);
    return 0;
  }

  // ".." of the root is the root.
  long Leave() {
    const Path way = passed_;
    std::string_view rest = way.view();
    while (!rest.empty() && rest.back() != '/') rest.remove_suffix(1);
    if (!rest.empty()) rest.remove_suffix(1);
    long result = Restart();
    while (result >= 0 && !rest.empty()) {
      const Name name(TakeComponent(&rest));
      // These were directories; one that has been replaced by another kind of file is not followed.
      result = OpenAt(at(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
      if (result >= 0) result = Enter(name.view(), UniqueFd(static_cast<int>(result)));
    }
    return result;
  }

 private:
  int root_;
  UniqueFd current_;
  Path passed_;
};

// The links of a procfs that do not only name another file all lie below its root directory.
bool IsMagic(int link, int directory) {
  FileFacts facts;
  return FilesystemMagic(link) == PROC_SUPER_MAGIC && (GetFacts(directory, &facts) < 0 || facts.inode != kProcRootInode);
}

// Puts the target of `link` in front of `rest`; a positive result: the target starts at the root.
long Expand(int link, std::string_view rest, Path* path) {
  char target[kPathMax];
  const long size = Syscall(__NR_readlinkat, link, "", target, sizeof target);
  if (size < 0) return size;
  if (size == 0) return -ENOENT;
  Path expanded(std::string_view(target, static_cast<std::size_t>(size)));
  expanded.Add(rest);
  if (expanded.overflowed()) return -ENAMETOOLONG;
  *path = expanded;
  return target[0] == '/' ? 1 : 0;
}

// GetFacts, with the mount from fdinfo if the kernel gives no other source: before Linux 5.8 that is so for a procfs.
long GetProcfsFacts(int procfs, int fd, FileFacts* facts) {
  const long result = GetFacts(fd, facts);
  if (result >= 0 && facts->mount == 0) facts->mount = MountInfoOf(procfs, fd);
  return result;
}

// 0 for a file of the mount that `root` is on; a link is refused. Only the mount id shows that another file is mounted over
// this one: so it has to be known, unless nothing can be mounted there (`bare`).
long VerifyBeneath(int procfs, int fd, const FileFacts& root, bool bare) {
  FileFacts facts;
  const long result = GetProcfsFacts(procfs, fd, &facts);
  if (result < 0) return result;
  if (facts.device != root.device || facts.mount != root.mount) return -EXDEV;
  if (facts.mount == 0 && !bare) return -EXDEV;
  return facts.type() == kTypeLink ? -ELOOP : 0;
}

}  // namespace

long WalkInRoot(int root, const char* path, std::uint64_t flags, bool follow, bool beneath) {
  if (path[0] == '\0') return -ENOENT;
  if (beneath && path[0] == '/') return -EXDEV;
  Path names{std::string_view(path)};
  if (names.overflowed()) return -ENAMETOOLONG;
  Walk walk(root);
  long result = walk.Restart();
  int links = 0;
  std::string_view rest = names.view();
  while (result >= 0) {
    const Name name(TakeComponent(&rest));
    if (name.overflowed()) return -ENAMETOOLONG;
    if (name.empty()) return OpenAt(walk.at(), ".", flags);
    if (name.view() == ".") continue;
    if (name.view() == "..") {
      if (beneath && walk.IsAtRoot()) return -EXDEV;
      result = walk.Leave();
      continue;
    }
    // "name/" means a directory, also behind a link.
    const bool last = rest.empty();
    const long opened = OpenAt(walk.at(), name.c_str(), O_PATH | O_NOFOLLOW);
    if (opened < 0) return opened;
    UniqueFd file(static_cast<int>(opened));
    FileFacts facts;
    result = GetFacts(file.get(), &facts);
    if (result < 0) return result;
    if (facts.type() == kTypeLink) {
      if (last && (flags & O_NOFOLLOW) != 0) {
        return (flags & O_PATH) != 0 ? file.Release() : -ELOOP;
      }
      if (!follow || ++links > kMaxLinks || IsMagic(file.get(), walk.at())) return -ELOOP;
      Path expanded;
      result = Expand(file.get(), rest, &expanded);
      if (result < 0) return result;
      names = expanded;
      rest = names.view();
      if (result > 0 && beneath) return -EXDEV;
      if (result > 0) result = walk.Restart();
      continue;
    }
    if (!last || (flags & O_DIRECTORY) != 0) {
      if (!facts.IsDirectory()) return -ENOTDIR;
    }
    if (last) {
      if ((flags & O_PATH) != 0) return file.Release();
      return OpenAt(walk.at(), name.c_str(), flags | O_NOFOLLOW);
    }
    result = walk.Enter(name.view(), std::move(file));
  }
  return result;
}

long WalkProcfs(int procfs, const char* path, int flags, bool bare) {
  FileFacts root;
  long result = GetProcfsFacts(procfs, procfs, &root);
  if (result < 0) return result;
  std::string_view rest(path);
  UniqueFd directory;
  while (result >= 0) {
    const int at = directory.valid() ? directory.get() : procfs;
    const Name name(TakeComponent(&rest));
    if (name.overflowed()) return -ENAMETOOLONG;
    if (name.empty() || name.view() == "." || name.view() == "..") return -EXDEV;
    const bool own = !directory.valid() && name.view() == "self";
    const std::uint64_t how = own ? O_PATH | O_DIRECTORY : O_PATH | O_NOFOLLOW;
    const long opened = OpenAt(at, name.c_str(), how);
    if (opened < 0) return opened;
    UniqueFd file(static_cast<int>(opened));
    result = VerifyBeneath(procfs, file.get(), root, bare);
    if (result < 0) return result;
    if (!IsOnlySlashes(rest)) {
      directory = std::move(file);
      continue;
    }
    if (own) return OpenAt(file.get(), ".", static_cast<unsigned>(flags));
    result = OpenAt(at, name.c_str(), static_cast<unsigned>(flags) | O_NOFOLLOW);
    if (result < 0) return result;
    UniqueFd final(static_cast<int>(result));
    result = VerifyBeneath(procfs, final.get(), root, bare);
    return result < 0 ? result : final.Release();
  }
  return result;
}

std::uint64_t MountInfoOf(int procfs, int fd) {
  Text<48> path("self/fdinfo/");
  path.AddNumber(static_cast<std::uint64_t>(fd));
  const long opened = OpenAt(procfs, path.c_str(), O_RDONLY | O_NOFOLLOW);
  if (opened < 0) return 0;
  const UniqueFd file(static_cast<int>(opened));
  char text[1024];
  const long size = ReadSome(file.get(), text, sizeof text);
  std::string_view rest(text, size < 0 ? 0 : static_cast<std::size_t>(size));
  constexpr std::string_view kKey = "mnt_id:\t";
  while (!rest.empty()) {
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != '\n') ++end;
    const std::string_view line(rest.data(), end);
    std::uint64_t id = 0;
    if (StartsWith(line, kKey) && ParseNumber({line.data() + kKey.size(), line.size() - kKey.size()}, &id)) return id;
    rest.remove_prefix(end < rest.size() ? end + 1 : end);
  }
  return 0;
}

}  // namespace runt
