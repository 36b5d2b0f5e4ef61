// SPDX-License-Identifier: Apache-2.0
// What openat2(2) does for init, one component at a time: for kernels (before 5.6) and seccomp
// filters of a surrounding container that do not have it.
//
// No step of a walk can leave the root: a component is opened on the descriptor of its directory,
// never followed, and ".." is never opened; the walk starts again at the root instead, with one
// component less. Links are expanded as text.

#ifndef RUNT_INIT_WALK_H_
#define RUNT_INIT_WALK_H_

#include <cstdint>

namespace runt {

// As openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, and RESOLVE_NO_SYMLINKS unless
// `follow`. `beneath`: RESOLVE_BENEATH instead, where what leads out of the root is -EXDEV. Returns a
// close-on-exec descriptor or -errno.
long WalkInRoot(int root, const char* path, std::uint64_t flags, bool follow, bool beneath = false);

// As openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS in a procfs; of all
// links only its "self" is followed. `bare`: nothing can be mounted over a part of it, even where that cannot be told.
long WalkProcfs(int procfs, const char* path, int flags, bool bare);

// The mount that `fd` is on by what the procfs shows of this process's descriptors (self/fdinfo); 0 where it does not.
std::uint64_t MountInfoOf(int procfs, int fd);

}  // namespace runt

#endif  // RUNT_INIT_WALK_H_
