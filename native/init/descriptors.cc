// SPDX-License-Identifier: Apache-2.0
#include "descriptors.h"

#include "../base/kernel.h"
#include "../base/open_descriptors.h"
#include "../base/syscall.h"

namespace runt {

long CloseFromAtExec(Procfs& procfs, int first) {
  const long result = Syscall(__NR_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC);
  // The call came with Linux 5.9, the flag with 5.11.
  if (!IsMissing(result) && result != -EINVAL) return result;
  if (!procfs.Prepare().ok()) return result;
  const long marked = MarkOpenDescriptors(procfs.fd(), "self/fd", first);
  return marked < 0 ? result : 0;
}

}  // namespace runt
