#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../mask.h"
#include "../mount_api.h"
#include "../mount_target.h"
#include "../places.h"
#include "steps.h"

namespace runt {

namespace {

constexpr std::uint32_t kNullMajor = 1;
constexpr std::uint32_t kNullMinor = 3;

Result<UniqueFd> EmptyDirectory() {
  // One inode is the root itself. Ubuntu's 5.4 kernel carries a patch that refuses less than two.
  Result<UniqueFd> made = Error{EINVAL, Call::kFsmount, "tmpfs"};
  for (const char* inodes : {"1", "2"}) {
    NewFilesystem tmpfs = TRY(NewFilesystem::Open("tmpfs"));
    TRY(tmpfs.SetFlag("ro", "ro"));
    TRY(tmpfs.Set("nr_blocks", "1", "nr_blocks"));
    const Status limited = tmpfs.Set("nr_inodes", inodes, "nr_inodes");
    made = limited.ok() ? tmpfs.Mount(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                      MOUNT_ATTR_NOEXEC)
                        : Result<UniqueFd>(limited.error());
    if (made.ok()) break;
  }
  return made;
}

// Puts `mask` over `target`, read-only: itself when it is still detached, else a clone, which is
// read-only like it.
Status Cover(Context& context, UniqueFd* mask, bool* attached, int target, std::string_view path) {
  if (!*attached) {
    *attached = true;
    return AttachReadonly(context.procfs, mask->get(), target, path);
  }
  const UniqueFd clone = TRY(CloneTree(mask->get(), false, path));
  return Attach(clone.get(), target, path);
}

// `opened` to be hidden; what does not exist needs not be.
template <typename Act>
Status HideOne(Result<UniqueFd> opened, Act act) {
  if (!opened.ok() && opened.error().number() == ENOENT) return {};
  const UniqueFd target = TRY(std::move(opened));
  return act(target.get());
}

// Calls `act` for what is to be hidden. It is looked for in the mount that was made there: the directory itself may have been
// exchanged since, and to hide something in the other would leave the real one open under another name
// (GHSA-3q8j-pf29-vwv8). Where a link led to that mount, both are hidden.
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
    return Cover(context, &context.null_mask, &context.null_mask_attached, target, path);
  }
  if (!context.directory_mask.valid()) context.directory_mask = TRY(EmptyDirectory());
  return Cover(context, &context.directory_mask, &context.directory_mask_attached, target, path);
}

Status FixOne(Context& context, int target, std::string_view path) {
  const UniqueFd clone = TRY(CloneTree(target, true, path));
  const Status changed = SetAttributes(clone.get(), {MOUNT_ATTR_RDONLY, 0, true}, path);
  const bool late = !changed.ok() && changed.error().number() == ENOSYS;
  if (!late) TRY(changed);
  TRY(Attach(clone.get(), target, path));
  // Before Linux 5.12 what is mounted below stays as it is, as always with runc.
  return late ? ChangeAttached(context.procfs, clone.get(), {MOUNT_ATTR_RDONLY, 0, false}, path)
              : Status();
}

}  // namespace

Status PrepareNullMask(Context& context) {
  constexpr std::string_view kPath = "/dev/null";
  if (context.null_mask.valid() || context.entered_root) return {};
  const UniqueFd null =
      TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0),
                    Call::kOpen, kPath));
  FileFacts facts;
  TRY(Check(GetFacts(null.get(), &facts), Call::kFstat, kPath));
  if (facts.type() != kTypeCharacter || facts.major != kNullMajor || facts.minor != kNullMinor) {
    return Error{ENODEV, Call::kVerify, kPath};
  }
  context.null_mask = TRY(CloneTree(null.get(), false, kPath));
  return {};
}

Status MaskPath(Context& context, const MaskPathStep& step) {
  TRY(PrepareNullMask(context));
  return Hide(context, step.path,
              [&](int target) { return MaskOne(context, target, step.path); });
}

Status ReadonlyPath(Context& context, const ReadonlyPathStep& step) {
  return Hide(context, step.path,
              [&](int target) { return FixOne(context, target, step.path); });
}

Status MountAttributes(Context& context, const MountAttributesStep& step) {
  const UniqueFd target = TRY(OpenMounted(context, step.path, Links::kFollow));
  const Attributes wanted = {step.set, step.clear, step.recursive != 0};
  return ChangeAttached(context.procfs, target.get(), wanted, step.path);
}

}  // namespace runt
