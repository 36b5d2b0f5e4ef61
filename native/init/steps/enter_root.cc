// SPDX-License-Identifier: Apache-2.0
#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../mask.h"
#include "../mount_api.h"
#include "../mount_table.h"
#include "steps.h"

namespace runt {

namespace {

constexpr std::uint32_t kPivot = 0;
constexpr std::uint32_t kMove = 1;

Status ChangeTo(int directory, std::string_view subject) {
  return Check(Syscall(__NR_fchdir, directory), Call::kFchdir, subject);
}

Status ChangeToRoot() { return Check(Syscall(__NR_chdir, "/"), Call::kChdir, "/"); }

Status PivotRoot(Context& context) {
  const UniqueFd old_root =
      TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), Call::kOpen, "/"));
  TRY(ChangeTo(context.root.fd(), "rootfs"));
  // With the same directory for both arguments the old root ends up on top of the new one, and no
  // directory for it is needed inside the rootfs.
  TRY(Check(Syscall(__NR_pivot_root, ".", "."), Call::kPivotRoot, "rootfs"));
  TRY(ChangeTo(old_root.get(), "old root"));
  // Not private: the unmount below must not reach the host, but the host may still unmount mounts that are busy here.
  TRY(SetPropagation(context.procfs, old_root.get(), MS_SLAVE | MS_REC, "old root"));
  // umount(2) removes mounts on top of the old root first. The root itself has gone when "." is no mount any more.
  long unmounted = Syscall(__NR_umount2, ".", kMountDetach);
  TRY(Check(unmounted, Call::kUmount2, "old root"));
  while (unmounted >= 0) unmounted = Syscall(__NR_umount2, ".", kMountDetach);
  if (unmounted != -EINVAL) return Error{static_cast<int>(-unmounted), Call::kUmount2, "old root"};
  return ChangeToRoot();
}

// Without pivot_root the host's mounts stay in this namespace, and an uncovered procfs or sysfs
// makes the kernel allow new ones. So they are unmounted, or covered if the kernel refuses that
// (locked mounts of a user namespace).
Status HideHostFilesystems(Context& context) {
  const std::uint64_t root = TRY(context.procfs.MountId(context.root.fd()));
  const UniqueFd table = TRY(context.procfs.Open("self/mountinfo", O_RDONLY));
  MountTable mounts(table.get());
  MountEntry entry;
  // The first pass finds the name of the rootfs in this table; mounts below it are the container's.
  Text<kPathMax> rootfs;
  while (TRY(mounts.Next(&entry))) {
    if (entry.id == root) rootfs = entry.path;
  }
  if (rootfs.empty()) return Error{ENOENT, Call::kVerify, "self/mountinfo"};
  TRY(mounts.Rewind());
  while (TRY(mounts.Next(&entry))) {
    if (!entry.whole || (entry.type.view() != "proc" && entry.type.view() != "sysfs")) continue;
    if (IsBelow(entry.path.view(), rootfs.view())) continue;
    const char* path = entry.path.c_str();
    const long slave = Syscall(__NR_mount, nullptr, path, nullptr, MS_SLAVE | MS_REC, nullptr);
    // It has gone already, together with the mount that it was mounted on.
    if (slave == -ENOENT || slave == -EINVAL) continue;
    if (slave < 0) return Error{static_cast<int>(-slave), Call::kMount, "host procfs"};
    const long unmounted = Syscall(__NR_umount2, path, kMountDetach);
    if (unmounted == -EINVAL || unmounted == -EPERM) {
      TRY(Check(Syscall(__NR_mount, "tmpfs", path, "tmpfs", MS_RDONLY, "nr_inodes=2"), Call::kMount, "host procfs"));
    } else if (unmounted < 0) {
      return Error{static_cast<int>(-unmounted), Call::kUmount2, "host procfs"};
    }
  }
  return {};
}

Status ChangeRoot() {
  TRY(Check(Syscall(__NR_chroot, "."), Call::kChroot, "rootfs"));
  return ChangeToRoot();
}

Status MoveRoot(Context& context) {
  TRY(HideHostFilesystems(context));
  const UniqueFd old_root =
      TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), Call::kOpen, "/"));
  // The move would show up on the host's own "/" if that is in the same peer group. EINVAL: "/" is
  // no mount's root (a chroot); then nothing is moved onto a mount that the host has.
  const Status hidden = SetPropagation(context.procfs, old_root.get(), MS_PRIVATE, "/");
  if (!hidden.ok() && hidden.error().number() != EINVAL) return hidden;
  TRY(ChangeTo(context.root.fd(), "rootfs"));
  TRY(Check(Syscall(__NR_mount, ".", "/", nullptr, MS_MOVE, nullptr), Call::kMount, "rootfs"));
  return ChangeRoot();
}

// Unmounts the device nodes over the host's "/", which umount(2) would take for the root. Clones of them stay.
Status DetachDeviceNodes(Context& context) {
  if (!context.device_nodes_attached) return {};
  TRY(ChangeTo(context.device_nodes.get(), "device nodes"));
  TRY(Check(Syscall(__NR_umount2, ".", kMountDetach), Call::kUmount2, "device nodes"));
  context.device_nodes.Reset();
  context.device_nodes_attached = false;
  return {};
}

}  // namespace

Status EnterRoot(Context& context, const EnterRootStep& step) {
  TRY(DetachDeviceNodes(context));
  // Files of the host have to be opened now.
  TRY(context.procfs.Prepare());
  if (context.plan.masks) TRY(PrepareNullMask(context));
  FileFacts expected;
  TRY(Check(GetFacts(context.root.fd(), &expected), Call::kFstat, "rootfs"));
  if (step.mode == kPivot) {
    TRY(PivotRoot(context));
  } else if (step.mode == kMove) {
    TRY(MoveRoot(context));
  } else {
    TRY(ChangeTo(context.root.fd(), "rootfs"));
    TRY(ChangeRoot());
  }
  UniqueFd entered = TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), Call::kOpen, "/"));
  FileFacts found;
  TRY(Check(GetFacts(entered.get(), &found), Call::kFstat, "/"));
  if (!found.IsSamePlace(expected)) return Error{EXDEV, Call::kVerify, "/"};
  context.root = RootedPath(std::move(entered));
  context.entered_root = true;
  return {};
}

}  // namespace runt
