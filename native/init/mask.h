// SPDX-License-Identifier: Apache-2.0
// Masks: mounts that cover a path to hide it.

#ifndef RUNT_INIT_MASK_H_
#define RUNT_INIT_MASK_H_

#include "../base/result.h"
#include "context.h"

namespace runt {

// Takes hold of the host's /dev/null. The container's own could be any file (CVE-2025-31133). It has to be called before the
// root is entered; later calls do nothing. Without open_tree(2) no descriptor is held, and masks are made of the container's
// own /dev/null, once that is known to be this device.
Status PrepareNullMask(Context& context);

}  // namespace runt

#endif  // RUNT_INIT_MASK_H_
