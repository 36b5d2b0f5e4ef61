// SPDX-License-Identifier: Apache-2.0
// What is put over a path to hide it.

#ifndef RUNT_INIT_MASK_H_
#define RUNT_INIT_MASK_H_

#include "../base/result.h"
#include "context.h"

namespace runt {

// Takes hold of the host's /dev/null. The container's own could be anything (CVE-2025-31133). To be
// called before the root is entered; later calls do nothing. Without open_tree(2) nothing is held, and masks are made of the
// container's own, once that is known to be this device.
Status PrepareNullMask(Context& context);

}  // namespace runt

#endif  // RUNT_INIT_MASK_H_
