// SPDX-License-Identifier: Apache-2.0
// The workbench: where mounts are made that cannot be made detached, before Linux 5.2, and where a filter refuses open_tree(2)
// or fsopen(2).
//
// mount(2) attaches what it makes at once. So a file system of init's own is put over the root of the container's mount; a
// mount is made in there, where no name is anybody else's, is changed, and is then moved to its target, from descriptor to
// descriptor. No name of the root file system is used, so that nobody can exchange one. ".." of the root would lead into the
// bench, so nothing is looked up below the root while it stands: a target is found before.

#ifndef RUNT_INIT_WORKBENCH_H_
#define RUNT_INIT_WORKBENCH_H_

#include <cstdint>
#include <string_view>

#include "../base/result.h"
#include "../base/unique_fd.h"
#include "procfs.h"

namespace runt {

// What mount(2) takes for a new file system. `flags` are MS_*.
struct FilesystemCall {
  const char* type;
  const char* source;
  std::uint64_t flags;
  const char* data;
};

// A device node. `mode` has its type.
struct OwnNode {
  std::uint32_t mode;
  std::uint32_t major;
  std::uint32_t minor;
};

class Workbench {
 public:
  // A mount is in the making.
  bool stands() const { return root_.valid(); }
  // It has been made where it belongs already: on the root itself, where no bench can be.
  bool in_place() const { return in_place_; }

  // Stands on `root`, the root directory of a mount of this mount namespace. `in_place`: what is made is to stay there.
  Status Open(Procfs& procfs, int root, bool in_place);

  // What CloneTree makes, attached.
  Result<UniqueFd> Clone(Procfs& procfs, int source, bool recursive, std::string_view subject);

  // What NewFilesystem::Mount makes, attached.
  Result<UniqueFd> Make(Procfs& procfs, const FilesystemCall& call, std::string_view subject);

  // A node that only what is cloned from it keeps.
  Result<UniqueFd> MakeNode(const OwnNode& node, std::string_view subject) const;

  // Takes it away, with what has not been moved out of it.
  Status Close();

 private:
  Result<UniqueFd> Place(bool directory) const;
  Result<UniqueFd> Reach(Procfs& procfs, bool directory, std::string_view subject) const;

  // The directory that is covered, and what covers it: none in place.
  UniqueFd root_;
  UniqueFd cover_;
  bool in_place_ = false;
};

// The mount on top of `directory`, which is found without a name: the parent of a process's root directory is that directory
// again, or what covers it. EXDEV: nothing does.
Result<UniqueFd> OpenCovering(Procfs& procfs, int directory, std::string_view subject);

}  // namespace runt

#endif  // RUNT_INIT_WORKBENCH_H_
