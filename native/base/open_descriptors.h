// SPDX-License-Identifier: Apache-2.0
#ifndef RUNT_BASE_OPEN_DESCRIPTORS_H_
#define RUNT_BASE_OPEN_DESCRIPTORS_H_

namespace runt {

// Makes every open descriptor from `first` on close-on-exec, as close_range(2) does on a newer kernel. It reads the list
// `path` of a procfs, a path below the directory `procfs`: to try all numbers takes minutes where RLIMIT_NOFILE is high.
// 0 or -errno.
long MarkOpenDescriptors(int procfs, const char* path, int first);

}  // namespace runt

#endif  // RUNT_BASE_OPEN_DESCRIPTORS_H_
