// What is put over a path to hide it.

#ifndef RUNT_INIT_MASK_H_
#define RUNT_INIT_MASK_H_

#include "../base/result.h"
#include "context.h"

namespace runt {

// Takes hold of the host's /dev/null. The container's own could be anything (CVE-2025-31133). To be
// called before the root is entered; later calls do nothing.
Status PrepareNullMask(Context& context);

}  // namespace runt

#endif  // RUNT_INIT_MASK_H_
