// SPDX-License-Identifier: Apache-2.0
// The places that may be mounted on: not on or in the container's procfs, nor on its root.
//
// A program that writes to /proc/self/attr, or reads /proc/self/status, relies on a real procfs
// there (CVE-2019-16884). So the place is judged by the descriptor that a path of config.json came
// to: the image may hold links into /proc.

#ifndef RUNT_INIT_MOUNT_TARGET_H_
#define RUNT_INIT_MOUNT_TARGET_H_

#include <string_view>

#include "../base/result.h"
#include "context.h"

namespace runt {

enum class Place {
  kFree,
  // The root itself, or something that is not below it any more.
  kRoot,
  kOutside,
  // /proc, and the files in it, except those that lxcfs replaces by a container's own version.
  kProcfs,
  kInProcfs,
};

// `path` and `root` as the kernel names them: absolute, without links, "." and "..".
Place PlaceOf(std::string_view path, std::string_view root);

// Fails with call `verify` and the real path below the root as the subject, unless `target` may be
// covered: EPERM on or in /proc, EINVAL on the root, EXDEV outside. `shows_procfs`: the new mount is
// a procfs, or a bind of one; only that belongs on /proc. `is_root`: config.json names the root,
// which no link of the image may do.
Status VerifyMountTarget(Context& context, int target, bool shows_procfs, bool is_root = false);

// The error for a target `path` that could not be made: `error`, or the fact that a procfs takes no new names (the kernel
// returns ENOENT for that).
Error WhyNotMade(Context& context, std::string_view path, const Error& error);

// Opens (O_PATH) the existing mount at `path`, to change it. The root and /proc are allowed under
// their own names; the place that a link of the image leads to is judged like a new mount there.
Result<UniqueFd> OpenMounted(Context& context, std::string_view path, Links links);

}  // namespace runt

#endif  // RUNT_INIT_MOUNT_TARGET_H_
