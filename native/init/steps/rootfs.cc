// SPDX-License-Identifier: Apache-2.0
#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../mount_api.h"
#include "../new_mount.h"
#include "../workbench.h"
#include "steps.h"

namespace runt {

namespace {

// Values of `bind`.
constexpr std::uint32_t kNone = 0;
constexpr std::uint32_t kPrivate = 1;
constexpr std::uint32_t kReceiving = 2;

Result<UniqueFd> OpenDirectory(int directory, const char* path, std::string_view subject) {
  return CheckedFd(Syscall(__NR_openat, directory, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0), Call::kOpen, subject);
}

// Makes the mount private that `directory` lies on. pivot_root(2) refuses a new root whose parent
// mount is shared, and attaching something to a shared mount would show it to the host. Only the
// root of a mount can be changed, so the walk goes up until the kernel says that it is at one.
Status MakeParentPrivate(Procfs& procfs, int directory, std::string_view subject) {
  UniqueFd current = TRY(OpenDirectory(directory, ".", subject));
  constexpr int kMaxDepth = 4096;
  for (int i = 0; i < kMaxDepth; ++i) {
    const Status changed = SetPropagation(procfs, current.get(), MS_PRIVATE, subject);
    if (changed.ok() || changed.error().number() != EINVAL) return changed;
    UniqueFd parent = TRY(OpenDirectory(current.get(), "..", subject));
    FileFacts here;
    FileFacts above;
    TRY(Check(GetFacts(current.get(), &here), Call::kFstat, subject));
    TRY(Check(GetFacts(parent.get(), &above), Call::kFstat, subject));
    // "/" is not the root of a mount (a chroot): its mount cannot be reached, and needs no change.
    if (here.IsSamePlace(above)) return {};
    current = std::move(parent);
  }
  return Error{ELOOP, Call::kMountSetattr, subject};
}

// The root file system as a mount of its own.
struct RootMount {
  UniqueFd fd;
  bool attached = false;
};

// If it cannot be made detached, it is attached at once: to a mount that is private, or a slave to go on receiving, so no
// other namespace sees it. Without a mount namespace of the container's own it would be attached there later anyway.
Result<RootMount> MountRoot(Context& context, int directory, std::string_view subject) {
  Result<UniqueFd> tree = CloneTree(directory, true, subject);
  if (tree.ok()) return RootMount{tree.Take(), false};
  if (!IsWithheld(tree.error())) return tree.error();
  TRY(MountByName(context.procfs, DescriptorPath(directory).c_str(), directory, nullptr, MS_BIND | MS_REC, nullptr, subject));
  return RootMount{TRY(OpenCovering(context.procfs, directory, subject)), true};
}

}  // namespace

Status ParentPropagation(Context& context, const ParentPropagationStep& step) {
  const UniqueFd root = TRY(OpenDirectory(AT_FDCWD, "/", "/"));
  return SetPropagation(context.procfs, root.get(), step.flags | MS_REC, "/");
}

Status Rootfs(Context& context, const RootfsStep& step) {
  UniqueFd directory = TRY(OpenDirectory(AT_FDCWD, step.path.data(), step.path));
  context.owns_mounts = step.bind == kPrivate || step.bind == kReceiving;
  context.receives_mounts = step.bind == kReceiving;
  // In a joined mount namespace too: its root is only where this one's sources are.
  context.entered_root = false;
  if (step.bind == kNone) {
    context.root = RootedPath(std::move(directory));
    return {};
  }
  // A clone of a slave is a slave too; a clone of a mount that has been made private would be private.
  const bool late = step.bind == kPrivate;
  RootMount mount;
  if (!late) mount = TRY(MountRoot(context, directory.get(), step.path));
  if (context.owns_mounts) TRY(MakeParentPrivate(context.procfs, directory.get(), step.path));
  if (late) mount = TRY(MountRoot(context, directory.get(), step.path));
  if (!mount.attached) TRY(AttachMount(context, mount.fd.get(), directory.get(), step.path));
  context.root = RootedPath(std::move(mount.fd));
  return {};
}

Status RootPropagation(Context& context, const RootPropagationStep& step) {
  return SetPropagation(context.procfs, context.root.fd(), step.flags, "/");
}

}  // namespace runt
