// SPDX-License-Identifier: Apache-2.0
// Makes mounts of the container: detached where the kernel can (mount_api.h), on a workbench where it cannot.

#ifndef RUNT_INIT_NEW_MOUNT_H_
#define RUNT_INIT_NEW_MOUNT_H_

#include <string_view>

#include "../base/result.h"
#include "../base/unique_fd.h"
#include "context.h"
#include "mount_api.h"

namespace runt {

// A copy of the mount that `source` is on, with its file as the root; AttachMount then puts it on `target`. Until then
// nothing may be looked up below the root.
Result<UniqueFd> CloneMount(Context& context, int source, bool recursive, int target, std::string_view subject);

// The same for a new file system, by mount(2).
Result<UniqueFd> MakeMount(Context& context, const FilesystemCall& call, int target, std::string_view subject);

// The same for a device node of init's own, of the type and mode `mode`.
Result<UniqueFd> MakeNodeMount(Context& context, const OwnNode& node, int target, std::string_view subject);

// Sets and clears MOUNT_ATTR_* of a mount that has been made. ENOSYS: it is detached, and before Linux 5.12 ChangeAttached can
// do it only once it is attached.
Status ChangeMade(Context& context, int mount, const Attributes& attributes, std::string_view subject);

// Puts it on top of the file that `target` (O_PATH) is open on.
Status AttachMount(Context& context, int mount, int target, std::string_view subject);

// The same with changed attributes: if the kernel can, they change before another process can see the mount.
Status AttachChanged(Context& context, int mount, const Attributes& attributes, int target, std::string_view subject);

}  // namespace runt

#endif  // RUNT_INIT_NEW_MOUNT_H_
