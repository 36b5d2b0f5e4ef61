// SPDX-License-Identifier: Apache-2.0
#ifndef RUNT_INIT_COPY_UP_H_
#define RUNT_INIT_COPY_UP_H_

#include <string_view>

#include "../base/result.h"
#include "procfs.h"

namespace runt {

// Copies the content of the directory `from` (O_PATH) into the empty directory `to`: directories,
// files, links, FIFOs and device nodes, with modes and owners; sockets are left out. Links are
// copied, never followed. Each name is looked up once: other processes may change the tree
// meanwhile. `subject` names the mount in errors; ELOOP: deeper than 64 directories.
Status CopyUp(Procfs& procfs, int from, int to, std::string_view subject);

}  // namespace runt

#endif  // RUNT_INIT_COPY_UP_H_
