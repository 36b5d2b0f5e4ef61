// SPDX-License-Identifier: Apache-2.0
#ifndef RUNT_INIT_DESCRIPTORS_H_
#define RUNT_INIT_DESCRIPTORS_H_

#include "procfs.h"

namespace runt {

// Makes every descriptor from `first` on close-on-exec; 0 or -errno. Without close_range(2), `procfs` lists the open ones; no
// other process can have changed it.
long CloseFromAtExec(Procfs& procfs, int first);

}  // namespace runt

#endif  // RUNT_INIT_DESCRIPTORS_H_
