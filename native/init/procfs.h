// SPDX-License-Identifier: Apache-2.0
// Procfs mounts of init's own, attached nowhere: no mount of the container over /proc, and no link
// that it put there, can redirect reads or writes through them (CVE-2019-16884, CVE-2025-52881).
// If not even mount(2) may make one, init uses the /proc of the runtime's mount namespace.

#ifndef RUNT_INIT_PROCFS_H_
#define RUNT_INIT_PROCFS_H_

#include <string_view>

#include "../base/kernel.h"
#include "../base/result.h"
#include "../base/text.h"
#include "../base/unique_fd.h"

namespace runt {

class Procfs {
 public:
  // Makes the mount that shows processes only, unless it exists. To be called before the root is
  // entered: the fallback, for where the kernel refuses a new procfs, is a clone of the /proc of
  // that moment.
  Status Prepare();

  // Opens "self/…": beneath the procfs, over no mount and no magic link. `flags` as in open(2).
  Result<UniqueFd> Open(const char* path, int flags);

  // Opens "sys/…" in a procfs that has it.
  Result<UniqueFd> OpenSetting(const char* path, int flags, std::string_view subject);

  // Opens the file again that `fd` (O_PATH will do) is open on, with other flags.
  Result<UniqueFd> Reopen(int fd, int flags, std::string_view subject);

  // The kernel's name of the file that `fd` is open on, seen from this process's root.
  // ENAMETOOLONG if it does not fit.
  Status Name(int fd, Text<kPathMax>* name);

  // The id of the mount that `fd` is on, as mountinfo has it.
  Result<std::uint64_t> MountId(int fd);

  // The descriptor of the prepared mount's root, for calls that take a path below it; -1 before
  // Prepare.
  int fd() const { return processes_.get(); }

  // A procfs shows the pid namespace it was made in: after a fork into another one it has to be
  // made again.
  void Forget() {
    processes_.Reset();
    full_.Reset();
    processes_full_ = false;
  }

  // In a pid namespace below the one it was made in: gives up the procfs that shows the outer
  // processes, if the kernel allows a new one (in a user namespace it need not). A link of the
  // image can lead through this process's descriptors, and must not reach other processes' roots.
  Status Narrow();

 private:
  Status PrepareSettings();

  UniqueFd processes_;
  UniqueFd full_;
  // It is the /proc from before the root was entered, which has settings too.
  bool processes_full_ = false;
  // Nothing can be mounted over a part of it: it is a mount of this process's own.
  bool processes_bare_ = false;
  bool full_bare_ = false;
};

}  // namespace runt

#endif  // RUNT_INIT_PROCFS_H_
