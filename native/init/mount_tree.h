// SPDX-License-Identifier: Apache-2.0
// Changes of a whole tree of mounts, one mount after another: mount_setattr(2) does it in one call since Linux 5.12.

#ifndef RUNT_INIT_MOUNT_TREE_H_
#define RUNT_INIT_MOUNT_TREE_H_

#include <string_view>

#include "../base/result.h"
#include "mount_api.h"
#include "procfs.h"

namespace runt {

// Sets and clears MOUNT_ATTR_* of each mount of the attached tree whose root `fd` is on; `attributes.recursive` is ignored.
// Each mount is opened below `fd`, without following a link, and has to be the mount that mountinfo lists there: EBUSY if
// another process keeps exchanging directories meanwhile. A mount that is covered as a whole is not changed: no path leads
// into it.
Status ChangeTree(Procfs& procfs, int fd, const Attributes& attributes, std::string_view subject);

}  // namespace runt

#endif  // RUNT_INIT_MOUNT_TREE_H_
