#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../control.h"
#include "../copy_up.h"
#include "../mount_api.h"
#include "../mount_table.h"
#include "../mount_target.h"
#include "../places.h"
#include "steps.h"

namespace runt {

namespace {

constexpr std::uint32_t kDirectoryMode = 0755;
// mount(2) cuts off what is longer.
constexpr std::size_t kOptionsMax = 4096;

bool Has(const MountStep& step, std::uint32_t flag) { return (step.flags & flag) != 0; }

Links LinksOf(const MountStep& step) {
  return Has(step, kMountFlagStrictTarget) ? Links::kRefuse : Links::kFollow;
}

bool IsRoot(const MountStep& step) { return step.target == "/"; }

Result<UniqueFd> OpenSource(const char* path, std::string_view subject, int flags = 0) {
  return CheckedFd(Syscall(__NR_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC | flags, 0), Call::kOpen,
                   subject);
}

// What is to be covered by a directory or a file; made where it is missing.
Result<UniqueFd> MakeTarget(Context& context, const MountStep& step, bool directory,
                            bool shows_procfs) {
  if (Has(step, kMountFlagDestNofollow)) {
    UniqueFd existing = TRY(OpenPlace(context, step.target, O_PATH | O_NOFOLLOW));
    TRY(VerifyMountTarget(context, existing.get(), shows_procfs));
    return existing;
  }
  Result<UniqueFd> made =
      directory ? MakePlaceDirectories(context, step.target, kDirectoryMode, LinksOf(step))
                : MakePlaceFile(context, step.target, kDirectoryMode);
  if (!made.ok()) return WhyNotMade(context, step.target, made.error());
  UniqueFd target = made.Take();
  TRY(VerifyMountTarget(context, target.get(), shows_procfs, IsRoot(step)));
  return target;
}

// Lets go of held mounts behind a link whose places lie below the one that has been covered now: under their names there is
// something else.
void ForgetCovered(Context& context) {
  for (std::size_t i = context.held.size(); i > 0; --i) {
    const HeldMount& held = context.held[i - 1];
    Text<kPathMax> name;
    if (held.linked && context.procfs.Name(held.root.fd(), &name).ok() &&
        IsBelow(name.view(), context.mount_target.view())) {
      context.held.DropEntry(i - 1);
    }
  }
}

// Keeps what later steps need of the mount that has been attached.
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

// move_mount(2) has EINVAL for a file that comes over a directory, where mount(2) has ENOTDIR, which
// callers know.
Error WhyNotAttached(int mount, int target, const Error& error) {
  FileFacts what;
  FileFacts place;
  if (error.number() != EINVAL || GetFacts(mount, &what) < 0 || GetFacts(target, &place) < 0 ||
      what.IsDirectory() == place.IsDirectory()) {
    return error;
  }
  return Error{ENOTDIR, error.call(), error.subject()};
}

// What is left to do for every mount once its target is known.
Status Finish(Context& context, const MountStep& step, const UniqueFd& mount, int target) {
  // pivot_root(2) takes no shared mount, and what was mounted in one would show up on the host.
  if (IsRoot(step)) {
    const std::uint64_t flags = context.receives_mounts ? MS_SLAVE : MS_PRIVATE;
    TRY(SetPropagation(context.procfs, mount.get(), flags | MS_REC, step.target));
  }
  const Status attached = Attach(mount.get(), target, step.target);
  if (!attached.ok()) return WhyNotAttached(mount.get(), target, attached.error());
  for (const std::uint32_t flags : step.propagation) {
    TRY(SetPropagation(context.procfs, mount.get(), flags, step.target));
  }
  return {};
}

// Puts the detached mount `tree` in its place. `source` is what it shows.
Status PlaceTree(Context& context, const MountStep& step, int source, UniqueFd tree) {
  // In place of a new sysfs comes the host's with all that is mounted in it: its cgroups must not
  // be writable where it was asked for read-only (CVE-2023-25809).
  const bool whole = !Has(step, kMountFlagBind);
  Attributes own = {step.set, step.clear, whole};
  const Attributes all = {step.rec_set, step.rec_clear, true};
  Status changed = SetAttributes(tree.get(), own, step.target);
  // What the mount namespace of another user namespace has locked stays, unless it was named.
  if (!changed.ok() && changed.error().number() == EPERM && step.implied != 0) {
    own.clear &= ~static_cast<std::uint64_t>(step.implied);
    changed = SetAttributes(tree.get(), own, step.target);
  }
  const bool late = !changed.ok() && changed.error().number() == ENOSYS && !whole;
  if (!late) TRY(changed);
  TRY(SetAttributes(tree.get(), all, step.target));
  FileFacts facts;
  TRY(Check(GetFacts(source, &facts), Call::kFstat, step.source));
  const bool shows_procfs = FilesystemMagic(source) == PROC_SUPER_MAGIC;
  const UniqueFd target = TRY(MakeTarget(context, step, facts.IsDirectory(), shows_procfs));
  TRY(Finish(context, step, tree, target.get()));
  if (late) TRY(ChangeAttached(context.procfs, tree.get(), own, step.target));
  Keep(context, step, std::move(tree));
  return {};
}

Status BindTree(Context& context, const MountStep& step, const UniqueFd& source, bool recursive) {
  UniqueFd tree = TRY(CloneTree(source.get(), recursive, step.source));
  return PlaceTree(context, step, source.get(), std::move(tree));
}

Status Bind(Context& context, const MountStep& step) {
  if (step.tree != 0) {
    const ReceivedMessage answer =
        TRY(Ask(context, Message::kMountTree, static_cast<std::int32_t>(step.tree - 1)));
    // Nothing: the runtime may not open it, and this process may be luckier.
    if (answer.fd_count > 0) {
      UniqueFd tree(answer.fds[0]);
      const int source = tree.get();
      return PlaceTree(context, step, source, std::move(tree));
    }
  }
  const int flags = Has(step, kMountFlagSrcNofollow) ? O_NOFOLLOW : 0;
  const UniqueFd source = TRY(OpenSource(step.source.data(), step.source, flags));
  return BindTree(context, step, source, Has(step, kMountFlagRecursive));
}

Status Remount(Context& context, const MountStep& step) {
  const UniqueFd target = TRY(OpenMounted(context, step.target, LinksOf(step)));
  const bool superblock = step.sb != 0 || !step.data.empty();
  if (superblock && !Has(step, kMountFlagBind)) {
    NewFilesystem existing = TRY(NewFilesystem::Pick(target.get(), step.target));
    TRY(existing.SetFlags(step.sb, step.target));
    TRY(existing.SetOptions(step.data));
    TRY(existing.Reconfigure(step.target));
  }
  const Attributes own = {step.set, step.clear, Has(step, kMountFlagRecursive)};
  TRY(ChangeAttached(context.procfs, target.get(), own, step.target));
  TRY(SetAttributes(target.get(), {step.rec_set, step.rec_clear, true}, step.target));
  for (const std::uint32_t flags : step.propagation) {
    TRY(SetPropagation(context.procfs, target.get(), flags, step.target));
  }
  return {};
}

// Four octal digits; empty for none.
using ModeText = Text<8>;

// A tmpfs has the mode of the directory that it covers, unless an option says otherwise: /tmp of an
// image stays what it was. Where there is none yet, the file system's default holds.
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

// What was mounted on `target` by its name, whose real place is known. Its directory's entry has to lead to another mount
// now; where it does not, somebody has moved it.
Result<UniqueFd> OpenCovering(const Context& context, const MountStep& step, int target) {
  const UniqueFd parent =
      TRY(CheckedFd(Syscall(__NR_openat, target, "..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0),
                    Call::kOpenat, step.target));
  std::string_view name = context.mount_target.view();
  std::size_t start = name.size();
  while (start > 0 && name[start - 1] != '/') --start;
  name.remove_prefix(start);
  UniqueFd mount = TRY(CheckedFd(Syscall(__NR_openat, parent.get(), name.data(),
                                         O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0),
                                 Call::kOpenat, step.target));
  FileFacts covered;
  FileFacts covering;
  TRY(Check(GetFacts(target, &covered), Call::kFstat, step.target));
  TRY(Check(GetFacts(mount.get(), &covering), Call::kFstat, step.target));
  if (covered.mount == covering.mount) return Error{EXDEV, Call::kVerify, step.target};
  return mount;
}

// By mount(2), for options that fsconfig(2) cannot carry: longer than 255 bytes (overlayfs with
// many layers), or with commas that belong to the value (tmpfs mpol=bind:0,2).
Status NewByName(Context& context, const MountStep& step, int target, const ModeText& mode) {
  Text<kOptionsMax> data;
  if (!mode.empty()) data.Add("mode=").Add(mode.view()).Add(step.data.empty() ? "" : ",");
  data.Add(step.data);
  if (data.overflowed()) return Error{E2BIG, Call::kMount, step.fstype};
  TRY(MountByName(context.procfs, step.source.data(), target, step.fstype.data(),
                  step.sb | LegacyFlags(step.set), data.c_str(), step.fstype));
  UniqueFd root = TRY(OpenCovering(context, step, target));
  for (const std::uint32_t flags : step.propagation) {
    TRY(SetPropagation(context.procfs, root.get(), flags, step.target));
  }
  Keep(context, step, std::move(root));
  return {};
}

Status Configure(NewFilesystem& filesystem, const MountStep& step, std::uint64_t sb,
                 const ModeText& mode) {
  if (!mode.empty()) TRY(filesystem.Set("mode", mode.c_str(), step.target));
  if (!step.source.empty()) TRY(filesystem.Set("source", step.source.data(), step.source));
  TRY(filesystem.SetFlags(sb, step.target));
  return filesystem.SetOptions(step.data);
}

Status New(Context& context, const MountStep& step) {
  // The order matters for what a failure names: an unknown file system before a target that cannot
  // be made.
  NewFilesystem filesystem = TRY(NewFilesystem::Open(step.fstype));
  const ModeText mode = TRY(CoveredMode(context, step));
  const UniqueFd target = TRY(MakeTarget(context, step, true, step.fstype == "proc"));
  const bool copy_up = Has(step, kMountFlagCopyUp);
  // As mount(2) does, "ro" goes to the superblock too: a disk must not even replay its journal. A
  // tmpfs that has to be filled gets it afterwards.
  const std::uint64_t read_only = (step.sb | ((step.set | step.rec_set) & MOUNT_ATTR_RDONLY)) &
                                  static_cast<std::uint64_t>(MS_RDONLY);
  const bool late_readonly = copy_up && read_only != 0;
  const std::uint64_t sb = step.sb & ~static_cast<std::uint64_t>(MS_RDONLY);
  const Status configured = Configure(filesystem, step, late_readonly ? sb : sb | read_only, mode);
  if (!configured.ok()) {
    const int number = configured.error().number();
    if ((number != EINVAL && number != E2BIG) || copy_up) return configured;
    if (step.data.size() >= kOptionsMax) return configured;
    const Status mounted = NewByName(context, step, target.get(), mode);
    // The option that was refused says more than the name of the file system.
    return mounted.ok() || number == E2BIG ? mounted : configured;
  }
  const std::uint64_t attributes = step.set | step.rec_set;
  const std::uint64_t late =
      copy_up ? attributes & static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY) : 0;
  UniqueFd mount = TRY(filesystem.Mount(attributes & ~late));
  if (copy_up) {
    TRY(CopyUp(context.procfs, target.get(), mount.get(), step.target));
    if (late_readonly) {
      TRY(filesystem.SetFlag("ro", step.target));
      TRY(filesystem.Reconfigure(step.target));
    }
  }
  TRY(Finish(context, step, mount, target.get()));
  TRY(ChangeAttached(context.procfs, mount.get(), {late, 0, false}, step.target));
  Keep(context, step, std::move(mount));
  return {};
}

}  // namespace

Status Mount(Context& context, const MountStep& step) {
  if (Has(step, kMountFlagRemount)) return Remount(context, step);
  if (Has(step, kMountFlagBind)) return Bind(context, step);
  const Status made = New(context, step);
  // A user namespace may mount a sysfs only together with a network namespace of its own.
  if (made.ok() || made.error().number() != EPERM || step.fstype != "sysfs" ||
      context.entered_root) {
    return made;
  }
  Result<UniqueFd> source = OpenSource("/sys", step.source);
  if (!source.ok()) return made;
  const UniqueFd host = source.Take();
  if (FilesystemMagic(host.get()) != SYSFS_MAGIC) return made;
  return BindTree(context, step, host, true);
}

}  // namespace runt
