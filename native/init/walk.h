// SPDX-License-Identifier: Apache-2.0
// A replacement of openat2(2), one component at a time: for kernels that lack it (before 5.6) and
// seccomp filters of a surrounding container that refuse it.
//
// No step of a walk can leave the root: a component is opened on the descriptor of its directory,
// never followed, and ".." is never opened; the walk starts again at the root instead, with one
// component less. Links are expanded as text.

#ifndef RUNT_INIT_WALK_H_
#define RUNT_INIT_WALK_H_

#include <cstdint>

namespace runt {

// As openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, and RESOLVE_NO_SYMLINKS unless
// `follow`. `beneath`: RESOLVE_BENEATH instead: a path that leads out of the root is -EXDEV. Returns
// a close-on-exec descriptor or -errno.
long WalkInRoot(int root, const char* path, std::uint64_t flags, bool follow, bool beneath = false);

// As openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS in a procfs; of all
// links only its "self" is followed. `bare`: nothing can be mounted over a part of it, even if that cannot be checked.
long WalkProcfs(int procfs, const char* path, int flags, bool bare);

// The mount that `fd` is on, from the procfs entry of this process's descriptor (self/fdinfo); 0 if it does not show it.
std::uint64_t MountInfoOf(int procfs, int fd);

}  // namespace runt

#endif  // RUNT_INIT_WALK_H_
