// SPDX-License-Identifier: Apache-2.0
// The entry point of an executable without libc. start.cc has `_start`; it relocates a static-pie
// image, seeds the stack protector from AT_RANDOM, and calls Main.

#ifndef RUNT_BASE_START_H_
#define RUNT_BASE_START_H_

namespace runt {

// The executable defines it; its result is the exit status. `environment` ends with a null pointer.
int Main(int argc, char** argv, char** environment);

}  // namespace runt

#endif  // RUNT_BASE_START_H_
