// SPDX-License-Identifier: Apache-2.0
// A new file system that is attached nowhere, for systems without fsopen(2).

#ifndef RUNT_BASE_UNATTACHED_H_
#define RUNT_BASE_UNATTACHED_H_

#include <cstdint>

namespace runt {

// Makes it by mount(2) in a mount namespace that only this call sees, and that ends with it; its root directory, close-on-exec,
// keeps the file system. It takes CAP_SYS_ADMIN and CAP_SYS_CHROOT over the mount namespace of this process, whose root and
// working directory stay. `procfs` is the root of one. Returns the descriptor or -errno. After -ENOTRECOVERABLE the process
// could not come back and must end.
long MakeUnattached(int procfs, const char* type, std::uint64_t flags, const char* data);

}  // namespace runt

#endif  // RUNT_BASE_UNATTACHED_H_
