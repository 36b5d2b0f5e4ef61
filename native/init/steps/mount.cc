// SPDX-License-Identifier: Apache-2.0
#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../control.h"
#include "../copy_up.h"
#include "../mount_api.h"
#include "../mount_table.h"
#include "../mount_target.h"
#include "../new_mount.h"
#include "../overlay_layers.h"
#include "../places.h"
#include "steps.h"

namespace runt {

namespace {

constexpr std::uint32_t kDirectoryMode = 0755;
// mount(2) cuts off longer options.
constexpr std::size_t kOptionsMax = kPathMax;

bool Has(const MountStep& step, std::uint32_t flag) { return (step.flags & flag) != 0; }

Links LinksOf(const MountStep& step) { return Has(step, kMountFlagStrictTarget) ? Links::kRefuse : Links::kFollow; }

bool IsRoot(const MountStep& step) { return step.target == "/"; }

Result<UniqueFd> OpenSource(const char* path, std::string_view subject, int flags = 0) {
  return CheckedFd(Syscall(__NR_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC | flags, 0), Call::kOpen, subject);
}

// The place that a directory or a file is to cover; made if it is missing.
Result<UniqueFd> MakeTarget(Context& context, const MountStep& step, bool directory, bool shows_procfs) {
  if (Has(step, kMountFlagDestNofollow)) {
    UniqueFd existing = TRY(OpenPlace(context, step.target, O_PATH | O_NOFOLLOW));
    TRY(VerifyMountTarget(context, existing.get(), shows_procfs));
    return existing;
  }
  Result<UniqueFd> made = directory ? MakePlaceDirectories(context, step.target, kDirectoryMode, LinksOf(step))
                                    : MakePlaceFile(context, step.target, kDirectoryMode);
  if (!made.ok()) return WhyNotMade(context, step.target, made.error());
  UniqueFd target = made.Take();
  TRY(VerifyMountTarget(context, target.get(), shows_procfs, IsRoot(step)));
  return target;
}

// Lets go of held mounts behind a link whose places lie below the place that is covered now: their names lead to other files
// then.
void ForgetCovered(Context& context) {
  for (std::size_t i = context.held.size(); i > 0; --i) {
    const HeldMount& held = context.held[i - 1];
    Text<kPathMax> name;
    if (held.linked && context.procfs.Name(held.root.fd(), &name).ok() && IsBelow(name.view(), context.mount_target.view())) {
      context.held.DropEntry(i - 1);
    }
  }
}

// Keeps the descriptors of the attached mount that later steps need.
void Keep(Context& context, const MountStep& step, UniqueFd mount) {
  if (IsRoot(step)) {
    context.held.Clear();
    context.root = RootedPath(std::move(mount));
    return;
  }
  if (context.held.any_linked()) ForgetCovered(context);
  if (Has(step, kMountFlagRelease)) context.held.Drop(step.target);
  context.held.DropBelow(step.target);
  if (!Has(step, kMountFlagHold)) return;
  context.held.Add(step.target, std::move(mount), context.mount_inside != step.target);
}

// For a file over a directory move_mount(2) returns EINVAL, but mount(2) ENOTDIR, which callers
// know.
Error WhyNotAttached(int mount, int target, const Error& error) {
  FileFacts what;
  FileFacts place;
  if (error.number() != EINVAL || GetFacts(mount, &what) < 0 || GetFacts(target, &place) < 0 ||
      what.IsDirectory() == place.IsDirectory()) {
    return error;
  }
  return Error{ENOTDIR, error.call(), error.subject()};
}

// Puts a mount in its place, with its propagation.
Status Finish(Context& context, const MountStep& step, const UniqueFd& mount, int target) {
  // pivot_root(2) refuses a shared mount, and mounts made in one would show up on the host.
  const std::uint64_t flags = (context.receives_mounts ? MS_SLAVE : MS_PRIVATE) | MS_REC;
  Status own = IsRoot(step) ? SetPropagation(context.procfs, mount.get(), flags, step.target) : Status();
  // Before Linux 5.12 a detached mount cannot be changed. The mount below is private, so the later moment is as good.
  const bool late = !own.ok() && own.error().number() == EINVAL;
  if (!late) TRY(own);
  const Status attached = AttachMount(context, mount.get(), target, step.target);
  if (!attached.ok()) return WhyNotAttached(mount.get(), target, attached.error());
  if (late) TRY(SetPropagation(context.procfs, mount.get(), flags, step.target));
  for (const std::uint32_t kind : step.propagation) {
    TRY(SetPropagation(context.procfs, mount.get(), kind, step.target));
  }
  return {};
}

// A function that changes a mount: ChangeMade or ChangeAttached.
template <typename Change>
Status ChangeOwn(const MountStep& step, Attributes* own, Change change) {
  Status changed = change(*own);
  // Attributes that the mount namespace of another user namespace has locked stay, unless config.json names them.
  if (!changed.ok() && changed.error().number() == EPERM && step.implied != 0) {
    own->clear &= ~static_cast<std::uint64_t>(step.implied);
    changed = change(*own);
  }
  return changed;
}

// Puts `tree`, which is not in its place yet, on `target`.
Status PlaceTree(Context& context, const MountStep& step, UniqueFd tree, const UniqueFd& target) {
  // The host's sysfs, with all mounts in it, takes the place of a new one: its cgroups must not be
  // writable if config.json asks for a read-only sysfs (CVE-2023-25809).
  const bool whole = !Has(step, kMountFlagBind);
  Attributes own = {step.set, step.clear, whole};
  const Attributes all = {step.rec_set, step.rec_clear, true};
  const auto made = [&](const Attributes& attributes) { return ChangeMade(context, tree.get(), attributes, step.target); };
  const auto attached = [&](const Attributes& attributes) {
    return ChangeAttached(context.procfs, tree.get(), attributes, step.target);
  };
  Status changed = ChangeOwn(step, &own, made);
  if (changed.ok()) changed = made(all);
  const bool late = !changed.ok() && changed.error().number() == ENOSYS;
  if (!late) TRY(changed);
  TRY(Finish(context, step, tree, target.get()));
  if (late) {
    TRY(ChangeOwn(step, &own, attached));
    TRY(attached(all));
  }
  Keep(context, step, std::move(tree));
  return {};
}

// Makes the target for a mount of `source`.
Result<UniqueFd> MakeTargetOf(Context& context, const MountStep& step, int source) {
  FileFacts facts;
  TRY(Check(GetFacts(source, &facts), Call::kFstat, step.source));
  return MakeTarget(context, step, facts.IsDirectory(), FilesystemMagic(source) == PROC_SUPER_MAGIC);
}

Status BindTree(Context& context, const MountStep& step, const UniqueFd& source, bool recursive) {
  const UniqueFd target = TRY(MakeTargetOf(context, step, source.get()));
  UniqueFd tree = TRY(CloneMount(context, source.get(), recursive, target.get(), step.source));
  return PlaceTree(context, step, std::move(tree), target);
}

Status Bind(Context& context, const MountStep& step) {
  if (step.tree != 0) {
    std::int32_t kind = 0;
    TRY(Tell(context, Message::kMountTree, static_cast<std::int32_t>(step.tree - 1)));
    const ReceivedMessage answer = TRY(WaitFor(context, Message::kMountTree, &kind));
    // No descriptor: the runtime could not open it, but this process may succeed.
    if (answer.fd_count > 0) {
      UniqueFd opened(answer.fds[0]);
      if (static_cast<std::uint32_t>(kind) == kMountTreeSource) {
        return BindTree(context, step, opened, Has(step, kMountFlagRecursive));
      }
      const UniqueFd target = TRY(MakeTargetOf(context, step, opened.get()));
      return PlaceTree(context, step, std::move(opened), target);
    }
  }
  const int flags = Has(step, kMountFlagSrcNofollow) ? O_NOFOLLOW : 0;
  const UniqueFd source = TRY(OpenSource(step.source.data(), step.source, flags));
  return BindTree(context, step, source, Has(step, kMountFlagRecursive));
}

// Flags and options of the superblock that is mounted at `target`.
Status Reconfigure(Context& context, const MountStep& step, int target) {
  const auto by_descriptor = [&]() -> Status {
    NewFilesystem existing = TRY(NewFilesystem::Pick(target, step.target));
    TRY(existing.SetFlags(step.sb, step.target));
    TRY(existing.SetOptions(step.data));
    return existing.Reconfigure(step.target);
  };
  const Status done = by_descriptor();
  if (done.ok() || !IsWithheld(done.error())) return done;
  return ReconfigureAttached(context.procfs, target, step.sb, step.data, step.target);
}

Status Remount(Context& context, const MountStep& step) {
  const UniqueFd target = TRY(OpenMounted(context, step.target, LinksOf(step)));
  const bool superblock = step.sb != 0 || !step.data.empty();
  if (superblock && !Has(step, kMountFlagBind)) TRY(Reconfigure(context, step, target.get()));
  const Attributes own = {step.set, step.clear, Has(step, kMountFlagRecursive)};
  TRY(ChangeAttached(context.procfs, target.get(), own, step.target));
  TRY(ChangeAttached(context.procfs, target.get(), {step.rec_set, step.rec_clear, true}, step.target));
  for (const std::uint32_t flags : step.propagation) {
    TRY(SetPropagation(context.procfs, target.get(), flags, step.target));
  }
  return {};
}

// Four octal digits; empty for none.
using ModeText = Text<8>;

// A tmpfs has the mode of the directory that it covers, unless an option says otherwise: /tmp of an
// image keeps its mode. If there is no directory yet, the file system's default holds.
Result<ModeText> CoveredMode(Context& context, const MountStep& step) {
  ModeText text;
  if (step.fstype != "tmpfs") return text;
  const Result<UniqueFd> covered = OpenPlace(context, step.target, O_PATH, LinksOf(step));
  if (!covered.ok()) return text;
  FileFacts facts;
  TRY(Check(GetFacts(covered.value().get(), &facts), Call::kFstat, step.target));
  for (unsigned shift = 12; shift > 0; shift -= 3) {
    const char digit = static_cast<char>('0' + (facts.mode >> (shift - 3) & 7U));
    text.Add({&digit, 1});
  }
  return text;
}

// MS_RDONLY for the superblock: "ro" applies to it too, as with mount(2), because a disk must not even replay its journal.
std::uint64_t SuperblockReadonly(const MountStep& step) {
  return (step.sb | ((step.set | step.rec_set) & MOUNT_ATTR_RDONLY)) & static_cast<std::uint64_t>(MS_RDONLY);
}

// By mount(2): if the kernel has no other call, and for options that fsconfig(2) cannot carry, because they are longer than
// 255 bytes (overlayfs with many layers) or have commas in the value (tmpfs mpol=bind:0,2).
Status NewByName(Context& context, const MountStep& step, int target, const ModeText& mode) {
  Text<kOptionsMax> data;
  if (!mode.empty()) data.Add("mode=").Add(mode.view()).Add(step.data.empty() ? "" : ",");
  data.Add(step.data);
  OverlayLayers layers;
  if (data.overflowed() && step.fstype == "overlay") {
    TRY(layers.Shorten(step.data));
    data = layers.options();
  }
  if (data.overflowed()) return Error{E2BIG, Call::kMount, step.fstype};
  const std::uint64_t attributes = step.set | step.rec_set;
  const std::uint64_t flags = step.sb | LegacyFlags(attributes) | SuperblockReadonly(step);
  const bool copy_up = Has(step, kMountFlagCopyUp);
  const std::uint64_t late = copy_up ? flags & static_cast<std::uint64_t>(MS_RDONLY) : 0;
  const FilesystemCall call = {step.fstype.data(), step.source.data(), flags & ~late, data.c_str()};
  UniqueFd mount = TRY(MakeMount(context, call, target, step.fstype));
  TRY(VerifyFlags(mount.get(), attributes));
  if (copy_up) TRY(CopyUp(context.procfs, target, mount.get(), step.target));
  if (late != 0) {
    TRY(MountByName(context.procfs, nullptr, mount.get(), nullptr, flags | MS_REMOUNT, nullptr, step.fstype));
  }
  TRY(Finish(context, step, mount, target));
  Keep(context, step, std::move(mount));
  return {};
}

Status Configure(NewFilesystem& filesystem, const MountStep& step, std::uint64_t sb, const ModeText& mode) {
  if (!mode.empty()) TRY(filesystem.Set("mode", mode.c_str(), step.target));
  if (!step.source.empty()) TRY(filesystem.Set("source", step.source.data(), step.source));
  TRY(filesystem.SetFlags(sb, step.target));
  return filesystem.SetOptions(step.data);
}

// The detached mount of a new file system, and its configuration.
struct Made {
  NewFilesystem filesystem;
  UniqueFd mount;
  // MOUNT_ATTR_*, and whether the superblock too, once it has been filled.
  std::uint64_t late = 0;
  bool late_readonly = false;
};

Result<Made> MakeDetached(NewFilesystem filesystem, const MountStep& step, const ModeText& mode) {
  const bool copy_up = Has(step, kMountFlagCopyUp);
  // A tmpfs that has to be filled becomes read-only afterwards.
  const std::uint64_t read_only = SuperblockReadonly(step);
  const bool late_readonly = copy_up && read_only != 0;
  const std::uint64_t sb = step.sb & ~static_cast<std::uint64_t>(MS_RDONLY);
  TRY(Configure(filesystem, step, late_readonly ? sb : sb | read_only, mode));
  const std::uint64_t attributes = step.set | step.rec_set;
  const std::uint64_t late = copy_up ? attributes & static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY) : 0;
  UniqueFd mount = TRY(filesystem.Mount(attributes & ~late));
  return Made{std::move(filesystem), std::move(mount), late, late_readonly};
}

// Whether to try mount(2): it accepts options in forms that fsconfig(2) does not.
bool IsForMount(const MountStep& step, const Error& error) {
  if (IsWithheld(error) || LacksAttribute(step.set | step.rec_set, error)) return true;
  const bool option = error.call() == Call::kFsconfig && (error.number() == EINVAL || error.number() == E2BIG);
  return option && error.subject().data() != step.fstype.data();
}

Status New(Context& context, const MountStep& step) {
  // The order decides which failure is reported: an unknown file system before a target that cannot be
  // made.
  Result<NewFilesystem> opened = NewFilesystem::Open(step.fstype);
  if (!opened.ok() && !IsWithheld(opened.error())) return opened.error();
  const ModeText mode = TRY(CoveredMode(context, step));
  const UniqueFd target = TRY(MakeTarget(context, step, true, step.fstype == "proc"));
  if (!opened.ok()) return NewByName(context, step, target.get(), mode);
  Result<Made> detached = MakeDetached(opened.Take(), step, mode);
  if (!detached.ok()) {
    const Error error = detached.error();
    if (!IsForMount(step, error)) return error;
    const Status mounted = NewByName(context, step, target.get(), mode);
    // The refused option says more than the name of the file system.
    return mounted.ok() || error.number() != EINVAL ? mounted : error;
  }
  Made made = detached.Take();
  if (Has(step, kMountFlagCopyUp)) {
    TRY(CopyUp(context.procfs, target.get(), made.mount.get(), step.target));
    if (made.late_readonly) {
      TRY(made.filesystem.SetFlag("ro", step.target));
      TRY(made.filesystem.Reconfigure(step.target));
    }
  }
  TRY(Finish(context, step, made.mount, target.get()));
  TRY(ChangeAttached(context.procfs, made.mount.get(), {made.late, 0, false}, step.target));
  Keep(context, step, std::move(made.mount));
  return {};
}

}  // namespace

Status Mount(Context& context, const MountStep& step) {
  if (Has(step, kMountFlagRemount)) return Remount(context, step);
  if (Has(step, kMountFlagBind)) return Bind(context, step);
  const Status made = New(context, step);
  // A user namespace may mount a sysfs only together with a network namespace of its own.
  if (made.ok() || made.error().number() != EPERM || step.fstype != "sysfs" || context.entered_root) {
    return made;
  }
  Result<UniqueFd> source = OpenSource("/sys", step.source);
  if (!source.ok()) return made;
  const UniqueFd host = source.Take();
  if (FilesystemMagic(host.get()) != SYSFS_MAGIC) return made;
  TRY(context.workbench.Close());
  return BindTree(context, step, host, true);
}

}  // namespace runt
