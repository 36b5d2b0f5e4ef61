// SPDX-License-Identifier: Apache-2.0
#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../mask.h"
#include "../mount_api.h"
#include "../mount_target.h"
#include "../new_mount.h"
#include "../places.h"
#include "steps.h"

namespace runt {

namespace {

constexpr std::uint32_t kNullMajor = 1;
constexpr std::uint32_t kNullMinor = 3;

// EINVAL: fewer inodes than the kernel allows.
Result<UniqueFd> DetachedDirectory(const char* inodes) {
  NewFilesystem tmpfs = TRY(NewFilesystem::Open("tmpfs"));
  TRY(tmpfs.SetFlag("ro", "ro"));
  TRY(tmpfs.Set("nr_blocks", "1", "nr_blocks"));
  TRY(tmpfs.Set("nr_inodes", inodes, "nr_inodes"));
  return tmpfs.Mount(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

Result<UniqueFd> EmptyDirectory(Context& context, int target) {
  // One inode is the root itself. Ubuntu's 5.4 kernel carries a patch that refuses less than two.
  Result<UniqueFd> made = Error{EINVAL, Call::kFsmount, "tmpfs"};
  for (const char* inodes : {"1", "2"}) {
    made = DetachedDirectory(inodes);
    if (!made.ok() && IsWithheld(made.error())) {
      Text<64> data("nr_blocks=1,nr_inodes=");
      data.Add(inodes);
      const FilesystemCall call = {"tmpfs", "none", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, data.c_str()};
      made = MakeMount(context, call, target, "tmpfs");
    }
    if (made.ok()) break;
  }
  return made;
}

// Puts `mask` over `target`, read-only: itself when it is not attached yet, else a clone, which is
// read-only like it.
Status Cover(Context& context, UniqueFd* mask, bool* attached, int target, std::string_view path) {
  if (!*attached) {
    *attached = true;
    return AttachChanged(context, mask->get(), {MOUNT_ATTR_RDONLY, 0, false}, target, path);
  }
  const UniqueFd clone = TRY(CloneMount(context, mask->get(), false, target, path));
  return AttachMount(context, clone.get(), target, path);
}

bool IsNull(const FileFacts& facts) {
  return facts.type() == kTypeCharacter && facts.major == kNullMajor && facts.minor == kNullMinor;
}

// If the host's could not be held when the root was entered: the container's own, if that is this device. No link is
// followed. Any other file of the image or the container there is unfit for a mask; then a new node is made.
Result<UniqueFd> OwnNull(Context& context, int target) {
  constexpr std::string_view kPath = "/dev/null";
  const Result<UniqueFd> found = OpenPlace(context, kPath, O_PATH | O_NOFOLLOW, Links::kRefuse);
  FileFacts facts;
  if (found.ok() && GetFacts(found.value().get(), &facts) >= 0 && IsNull(facts)) {
    return CloneMount(context, found.value().get(), false, target, kPath);
  }
  return MakeNodeMount(context, {kTypeCharacter | 0666, kNullMajor, kNullMinor}, target, kPath);
}

// Hides `opened`; a file that does not exist needs no mask.
template <typename Act>
Status HideOne(Result<UniqueFd> opened, Act act) {
  if (!opened.ok() && opened.error().number() == ENOENT) return {};
  const UniqueFd target = TRY(std::move(opened));
  return act(target.get());
}

// Calls `act` for the file to hide. The file is looked up in the mount that was made there: the directory itself may have
// been exchanged since, and hiding a file in the new one would leave the real one open under another name
// (GHSA-3q8j-pf29-vwv8). If a link led to that mount, both are hidden.
template <typename Act>
Status Hide(const Context& context, std::string_view path, Act act) {
  const HeldMount* held = context.held.Find(path);
  Result<UniqueFd> inside = OpenPlace(context, path, O_PATH);
  if (held == nullptr || !held->linked) return HideOne(std::move(inside), act);
  Result<UniqueFd> named = context.root.Open(path, O_PATH);
  FileFacts one;
  FileFacts other;
  const bool differ = !inside.ok() || !named.ok() || GetFacts(inside.value().get(), &one) < 0 ||
                      GetFacts(named.value().get(), &other) < 0 || !one.IsSamePlace(other);
  TRY(HideOne(std::move(inside), act));
  return differ ? HideOne(std::move(named), act) : Status();
}

Status MaskOne(Context& context, int target, std::string_view path) {
  FileFacts facts;
  TRY(Check(GetFacts(target, &facts), Call::kFstat, path));
  if (!facts.IsDirectory()) {
    if (!context.null_mask.valid()) context.null_mask = TRY(OwnNull(context, target));
    return Cover(context, &context.null_mask, &context.null_mask_attached, target, path);
  }
  if (!context.directory_mask.valid()) {
    context.directory_mask = TRY(EmptyDirectory(context, target));
  }
  return Cover(context, &context.directory_mask, &context.directory_mask_attached, target, path);
}

Status FixOne(Context& context, int target, std::string_view path) {
  const UniqueFd clone = TRY(CloneMount(context, target, true, target, path));
  return AttachChanged(context, clone.get(), {MOUNT_ATTR_RDONLY, 0, true}, target, path);
}

}  // namespace

Status PrepareNullMask(Context& context) {
  constexpr std::string_view kPath = "/dev/null";
  if (context.null_mask.valid() || context.entered_root) return {};
  const UniqueFd null =
      TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0), Call::kOpen, kPath));
  FileFacts facts;
  TRY(Check(GetFacts(null.get(), &facts), Call::kFstat, kPath));
  if (!IsNull(facts)) return Error{ENODEV, Call::kVerify, kPath};
  Result<UniqueFd> cloned = CloneTree(null.get(), false, kPath);
  // A mount that is not detached stays behind with the host's root.
  if (!cloned.ok() && IsWithheld(cloned.error())) return {};
  context.null_mask = TRY(std::move(cloned));
  return {};
}

Status MaskPath(Context& context, const MaskPathStep& step) {
  TRY(PrepareNullMask(context));
  return Hide(context, step.path, [&](int target) { return MaskOne(context, target, step.path); });
}

Status ReadonlyPath(Context& context, const ReadonlyPathStep& step) {
  return Hide(context, step.path, [&](int target) { return FixOne(context, target, step.path); });
}

Status MountAttributes(Context& context, const MountAttributesStep& step) {
  const UniqueFd target = TRY(OpenMounted(context, step.path, Links::kFollow));
  const Attributes wanted = {step.set, step.clear, step.recursive != 0};
  return ChangeAttached(context.procfs, target.get(), wanted, step.path);
}

}  // namespace runt
