// SPDX-License-Identifier: Apache-2.0
// The workbench: a place to make mounts that cannot be made detached, before Linux 5.2 or because a filter refuses
// open_tree(2) or fsopen(2).
//
// mount(2) attaches a new mount at once. So init puts a file system of its own over the root of the container's mount. It
// makes a mount in there, where all names are its own, changes it, and then moves it to its target, from descriptor to
// descriptor. It uses no name of the root file system, so no other process can exchange one. ".." of the root would lead
// into the bench, so nothing is looked up below the root while the bench stands: targets are found before.

#ifndef RUNT_INIT_WORKBENCH_H_
#define RUNT_INIT_WORKBENCH_H_

#include <cstdint>
#include <string_view>

#include "../base/result.h"
#include "../base/unique_fd.h"
#include "procfs.h"

namespace runt {

// The arguments of mount(2) for a new file system. `flags` are MS_*.
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
  // A mount is being made.
  bool stands() const { return root_.valid(); }
  // The mount has been made at its target already: on the root itself, where no bench can be.
  bool in_place() const { return in_place_; }

  // Puts the bench on `root`, the root directory of a mount of this mount namespace. `in_place`: the new mount stays there.
  Status Open(Procfs& procfs, int root, bool in_place);

  // The mount that CloneTree would make, attached.
  Result<UniqueFd> Clone(Procfs& procfs, int source, bool recursive, std::string_view subject);

  // The mount that NewFilesystem::Mount would make, attached.
  Result<UniqueFd> Make(Procfs& procfs, const FilesystemCall& call, std::string_view subject);

  // A node that is kept only by mounts cloned from it.
  Result<UniqueFd> MakeNode(const OwnNode& node, std::string_view subject) const;

  // Takes the bench away, with the mounts that have not been moved out of it.
  Status Close();

 private:
  Result<UniqueFd> Place(bool directory) const;
  Result<UniqueFd> Reach(Procfs& procfs, bool directory, std::string_view subject) const;

  // The directory that is covered, and the mount that covers it: none in place.
  UniqueFd root_;
  UniqueFd cover_;
  bool in_place_ = false;
};

// The mount on top of `directory`, which is found without a name: the parent of a process's root directory is that directory
// again, or the mount that covers it. EXDEV: no mount covers it.
Result<UniqueFd> OpenCovering(Procfs& procfs, int directory, std::string_view subject);

}  // namespace runt

#endif  // RUNT_INIT_WORKBENCH_H_
