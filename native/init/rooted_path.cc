// SPDX-License-Identifier: Apache-2.0
#include "rooted_path.h"

#include "../base/file.h"
#include "../base/syscall.h"
#include "../plan/ops.gen.h"
#include "walk.h"

namespace runt {

namespace {

using Path = Text<kPathMax>;

// The kernel gives up with EAGAIN when something was renamed while it walked over "..". The worst
// that was ever measured under a rename load is a few hundred tries.
constexpr int kResolveTries = 4096;
// As the kernel's own limit for one resolution.
constexpr int kMaxLinks = 40;

// The directory that paths start from.
struct Base {
  int fd;
  Scope scope;
};

std::uint64_t ResolveFlags(Scope scope, Links links) {
  const std::uint64_t base =
      (scope == Scope::kRoot ? RESOLVE_IN_ROOT : RESOLVE_BENEATH) | static_cast<std::uint64_t>(RESOLVE_NO_MAGICLINKS);
  return links == Links::kRefuse ? base | RESOLVE_NO_SYMLINKS : base;
}

long OpenInRoot(Base base, const char* path, std::uint64_t flags, Links links) {
  // The base itself may be a file.
  if (base.scope == Scope::kBeneath && (flags & O_PATH) != 0 && std::string_view(path) == ".") {
    return Syscall(__NR_fcntl, base.fd, F_DUPFD_CLOEXEC, 0);
  }
  struct open_how how = {};
  how.flags = flags | O_CLOEXEC;
  how.resolve = ResolveFlags(base.scope, links);
  long result = -EAGAIN;
  for (int i = 0; i < kResolveTries && (result == -EAGAIN || result == -EINTR); ++i) {
    result = Syscall(__NR_openat2, base.fd, path, &how, sizeof how);
  }
  if (IsMissing(result)) {
    return WalkInRoot(base.fd, path, flags, links == Links::kFollow, base.scope == Scope::kBeneath);
  }
  return result;
}

// Walks over the components of a path; both ends of a component are known as offsets.
class Components {
 public:
  explicit Components(std::string_view path) : path_(path) {}

  // False at the end. `begin` and `end` then delimit a component that is neither empty nor ".".
  bool Next() {
    for (;;) {
      begin_ = end_;
      while (begin_ < path_.size() && path_[begin_] == '/') ++begin_;
      end_ = begin_;
      while (end_ < path_.size() && path_[end_] != '/') ++end_;
      if (begin_ == end_) return false;
      if (name() != ".") return true;
    }
  }

  std::string_view name() const { return {path_.data() + begin_, end_ - begin_}; }
  std::string_view before() const { return {path_.data(), begin_}; }
  std::string_view through() const { return {path_.data(), end_}; }
  std::string_view after() const { return {path_.data() + end_, path_.size() - end_}; }

 private:
  std::string_view path_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// Replaces a component that is a symbolic link by the link's target: `before`, target, `after`.
// The result is only a name; it is resolved inside the root like every other.
Status ExpandLink(int directory, std::string_view before, std::string_view name, std::string_view after, std::string_view subject,
                  Path* path) {
  const Text<256> link(name);
  char target[kPathMax];
  const long size = Syscall(__NR_readlinkat, directory, link.c_str(), target, sizeof target - 1);
  if (size == -EINVAL) return Error{ENOTDIR, Call::kOpenat, subject};
  if (size < 0) return Error{static_cast<int>(-size), Call::kReadlinkat, subject};
  Path expanded;
  if (size == 0 || target[0] != '/') expanded.Add(before);
  expanded.Add({target, static_cast<std::size_t>(size)}).Add("/").Add(after);
  if (expanded.overflowed()) return Error{ENAMETOOLONG, Call::kReadlinkat, subject};
  *path = expanded;
  return {};
}

// The state of one try to make a directory: either `made`, or `path` was rewritten by a dangling
// link.
struct Attempt {
  UniqueFd made;
};

// `is_missing`: the whole path was not there a moment ago.
Result<Attempt> TryMakeDirectories(Base root, bool is_missing, std::uint32_t mode, Links links, std::string_view subject,
                                   Path* path) {
  constexpr std::uint64_t kDirectory = O_PATH | O_DIRECTORY;
  // The directory that the next component is in: the root, as long as there is no other one.
  UniqueFd current;
  Components components(path->view());
  bool exists = true;
  while (components.Next()) {
    if (is_missing && components.after().empty()) exists = false;
    if (exists) {
      const Path prefix(components.through());
      const long opened = OpenInRoot(root, prefix.c_str(), kDirectory, links);
      if (opened >= 0) {
        current = UniqueFd(static_cast<int>(opened));
        continue;
      }
      if (opened != -ENOENT) return Error{static_cast<int>(-opened), Call::kOpenat2, subject};
      exists = false;
    }
    // ".." after a missing directory has no safe meaning.
    if (components.name() == "..") return Error{ENOENT, Call::kOpenat2, subject};
    const Text<256> name(components.name());
    if (name.overflowed()) return Error{ENAMETOOLONG, Call::kMkdirat, subject};
    const int directory = current.valid() ? current.get() : root.fd;
    const long made = Syscall(__NR_mkdirat, directory, name.c_str(), mode);
    if (made < 0 && made != -EEXIST) {
      return Error{static_cast<int>(-made), Call::kMkdirat, subject};
    }
    const long next = Syscall(__NR_openat, directory, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (next == -ENOTDIR && links == Links::kFollow) {
      TRY(ExpandLink(directory, components.before(), components.name(), components.after(), subject, path));
      return Attempt{};
    }
    if (next == -ENOTDIR) return Error{ELOOP, Call::kOpenat, subject};
    if (next < 0) return Error{static_cast<int>(-next), Call::kOpenat, subject};
    current = UniqueFd(static_cast<int>(next));
  }
  if (!current.valid()) current = TRY(CheckedFd(OpenInRoot(root, ".", kDirectory, links), Call::kOpenat2, subject));
  return Attempt{std::move(current)};
}

}  // namespace

Result<UniqueFd> RootedPath::Open(std::string_view path, std::uint64_t flags, Links links) const {
  const Path text(path);
  if (text.overflowed()) return Error{ENAMETOOLONG, Call::kOpenat2, path};
  return CheckedFd(OpenInRoot({fd(), scope_}, text.c_str(), flags, links), Call::kOpenat2, path);
}

Result<UniqueFd> RootedPath::MakeDirectories(std::string_view path, std::uint32_t mode, Links links) const {
  Path wanted(path);
  if (wanted.overflowed()) return Error{ENAMETOOLONG, Call::kOpenat2, path};
  const long existing = OpenInRoot({fd(), scope_}, wanted.c_str(), O_PATH | O_DIRECTORY, links);
  if (existing >= 0) return UniqueFd(static_cast<int>(existing));
  if (existing != -ENOENT) return Error{static_cast<int>(-existing), Call::kOpenat2, path};
  for (int i = 0; i < kMaxLinks; ++i) {
    Attempt attempt = TRY(TryMakeDirectories({fd(), scope_}, i == 0, mode, links, path, &wanted));
    if (attempt.made.valid()) return std::move(attempt.made);
  }
  return Error{ELOOP, Call::kOpenat2, path};
}

Result<ParentDirectory> RootedPath::MakeParent(std::string_view path) const {
  std::string_view directory = path;
  while (!directory.empty() && directory.back() == '/') directory.remove_suffix(1);
  std::size_t start = directory.size();
  while (start > 0 && directory[start - 1] != '/') --start;
  const std::string_view last(directory.data() + start, directory.size() - start);
  ParentDirectory parent;
  parent.name.Add(last);
  if (parent.name.overflowed()) return Error{ENAMETOOLONG, Call::kOpenat2, path};
  if (last.empty() || last == "." || last == "..") return Error{EINVAL, Call::kOpenat2, path};
  const std::string_view before(directory.data(), start);
  Result<UniqueFd> made = MakeDirectories(before.empty() ? "." : before, 0755);
  // The error names the whole path, which the caller knows.
  if (!made.ok()) return Error{made.error().number(), made.error().call(), path};
  parent.directory = made.Take();
  return parent;
}

Result<UniqueFd> RootedPath::MakeFile(std::string_view path, std::uint32_t mode) const {
  Path wanted(path);
  if (wanted.overflowed()) return Error{ENAMETOOLONG, Call::kOpenat2, path};
  for (int i = 0; i < kMaxLinks; ++i) {
    const long existing = OpenInRoot({fd(), scope_}, wanted.c_str(), O_PATH, Links::kFollow);
    if (existing >= 0) return UniqueFd(static_cast<int>(existing));
    if (existing != -ENOENT) return Error{static_cast<int>(-existing), Call::kOpenat2, path};
    Result<ParentDirectory> found = MakeParent(wanted.view());
    if (!found.ok()) return Error{found.error().number(), found.error().call(), path};
    const ParentDirectory parent = found.Take();
    const long made = Syscall(__NR_mknodat, parent.directory.get(), parent.name.c_str(), kTypeRegular | mode, 0);
    if (made >= 0) return OpenChild(parent, O_PATH, path);
    if (made != -EEXIST) return Error{static_cast<int>(-made), Call::kMknodat, path};
    std::string_view before = wanted.view();
    while (!before.empty() && before.back() == '/') before.remove_suffix(1);
    before.remove_suffix(parent.name.view().size());
    const Status expanded = ExpandLink(parent.directory.get(), before, parent.name.view(), "", path, &wanted);
    // Not a link any more: another process made the file just now.
    if (!expanded.ok() && expanded.error().number() != ENOTDIR) return expanded.error();
  }
  return Error{ELOOP, Call::kOpenat2, path};
}

Result<UniqueFd> OpenChild(const ParentDirectory& parent, std::uint64_t flags, std::string_view subject) {
  return CheckedFd(Syscall(__NR_openat, parent.directory.get(), parent.name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0),
                   Call::kOpenat, subject);
}

}  // namespace runt
