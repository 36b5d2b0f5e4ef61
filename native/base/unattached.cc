// SPDX-License-Identifier: Apache-2.0
#include "unattached.h"

#include "kernel.h"
#include "syscall.h"
#include "unique_fd.h"

namespace runt {

namespace {

UniqueFd Open(int directory, const char* path, long flags) {
  const long opened = Syscall(__NR_openat, directory, path, flags | O_CLOEXEC, 0);
  return UniqueFd(opened < 0 ? -1 : static_cast<int>(opened));
}

// Covers the root directory, and opens the covering mount, which is the parent of the root.
long CoverRoot(const char* type, std::uint64_t flags, const char* data) {
  // The mount must not propagate to the namespace that this one was copied from.
  long result = Syscall(__NR_mount, nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  if (result >= 0) result = Syscall(__NR_mount, type, "/", type, flags, data);
  return result < 0 ? result : Syscall(__NR_openat, AT_FDCWD, "/..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

}  // namespace

long MakeUnattached(int procfs, const char* type, std::uint64_t flags, const char* data) {
  const UniqueFd home = Open(procfs, "self/ns/mnt", O_RDONLY);
  const UniqueFd root = Open(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
  const UniqueFd before = Open(AT_FDCWD, ".", O_PATH | O_DIRECTORY);
  if (!home.valid() || !root.valid() || !before.valid()) return -ENOENT;
  // A process that may not come back must not leave. From here on "/" is the root of the namespace, which is a mount.
  const long allowed = Syscall(__NR_setns, home.get(), CLONE_NEWNS);
  if (allowed < 0) return allowed;
  const long left = Syscall(__NR_unshare, CLONE_NEWNS);
  const long made = left < 0 ? left : CoverRoot(type, flags, data);
  UniqueFd mount(made < 0 ? -1 : static_cast<int>(made));
  long back = Syscall(__NR_setns, home.get(), CLONE_NEWNS);
  if (back >= 0) back = Syscall(__NR_fchdir, root.get());
  if (back >= 0) back = Syscall(__NR_chroot, ".");
  if (back >= 0) back = Syscall(__NR_fchdir, before.get());
  if (back < 0) return -ENOTRECOVERABLE;
  return made < 0 ? made : mount.Release();
}

}  // namespace runt
