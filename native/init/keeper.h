// SPDX-License-Identifier: Apache-2.0
// A process beside the container: the parent of its first process. It notes how that process has ended, and then ends.
//
// It stays in the namespaces and the cgroup of the runtime. It keeps nothing open but the directory of the note and a file
// that counts kills for want of memory.

#ifndef RUNT_INIT_KEEPER_H_
#define RUNT_INIT_KEEPER_H_

namespace runt {

// Makes the process that goes on as init, and returns in it; the calling process becomes the keeper. `socket` leads to the
// runtime:
//
//   keeper → runtime   KEEPER, value is the pid of the process that goes on
//   runtime → keeper   KEEPER, value is the pid of the container's first process, with descriptors: the directory, and the
//                      file that counts, if there is one. Until then the keeper ends with the runtime
//   keeper → runtime   KEEPER: from now on it does not
//
// Its exit status is that of the first process, or 128 and the number of the signal.
void MakeKeeper(int socket, char* program_name);

}  // namespace runt

#endif  // RUNT_INIT_KEEPER_H_
