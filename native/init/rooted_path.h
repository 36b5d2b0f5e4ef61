// SPDX-License-Identifier: Apache-2.0
// Paths of config.json, resolved inside the container's root file system and nowhere else.
//
// The root file system is hostile, and other processes may move its directories while init works.
// So the kernel resolves a path below one descriptor (openat2 with RESOLVE_IN_ROOT) and refuses magic
// links. Missing components are made one at a time, each on the descriptor of its parent. The caller
// gets a descriptor: it must act on that, never on the name again.

#ifndef RUNT_INIT_ROOTED_PATH_H_
#define RUNT_INIT_ROOTED_PATH_H_

#include <cstdint>
#include <string_view>
#include <utility>

#include "../base/kernel.h"
#include "../base/result.h"
#include "../base/text.h"
#include "../base/unique_fd.h"

namespace runt {

// The place that an absolute link or ".." past the root leads to: the root, as in a chroot, or nowhere (EXDEV).
enum class Scope { kRoot, kBeneath };

// Whether symbolic links are followed (inside the root), or make the resolution fail with ELOOP.
enum class Links { kFollow, kRefuse };

// The directory that a path's last component is in, and that component: never empty, "." or "..".
struct ParentDirectory {
  UniqueFd directory;
  Text<256> name;
};

class RootedPath {
 public:
  RootedPath() = default;
  // `root`: an O_PATH descriptor, or the root of a mount.
  // With kBeneath, which may be a file too, paths are relative.
  explicit RootedPath(UniqueFd root, Scope scope = Scope::kRoot) : root_(std::move(root)), scope_(scope) {}

  int fd() const { return root_.get(); }

  // Opens an existing path; `flags` are O_* without O_CREAT, O_CLOEXEC is added.
  Result<UniqueFd> Open(std::string_view path, std::uint64_t flags, Links links = Links::kFollow) const;

  // Opens a directory (O_PATH); missing directories on the way are made with `mode`, less the umask. A
  // dangling link leads to the place that it names inside the root.
  Result<UniqueFd> MakeDirectories(std::string_view path, std::uint32_t mode, Links links = Links::kFollow) const;

  // Opens any existing file (O_PATH), or makes an empty regular file with `mode`, and its
  // directories.
  Result<UniqueFd> MakeFile(std::string_view path, std::uint32_t mode) const;

  // Resolves all but the last component, and makes missing directories with mode 0755.
  Result<ParentDirectory> MakeParent(std::string_view path) const;

 private:
  UniqueFd root_;
  Scope scope_ = Scope::kRoot;
};

// Opens one component below `directory` without following a link; `flags` as in open(2).
Result<UniqueFd> OpenChild(const ParentDirectory& parent, std::uint64_t flags, std::string_view subject);

}  // namespace runt

#endif  // RUNT_INIT_ROOTED_PATH_H_
