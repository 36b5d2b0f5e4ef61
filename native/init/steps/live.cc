// SPDX-License-Identifier: Apache-2.0
// Mounts of an existing container. One init makes them, among the host's mounts and in the container's other namespaces,
// attached nowhere; the runtime hands them to another init, which has joined the container's mount namespace and attaches
// them. So no process that the container could see holds a file of the host, and no source path is looked up in there.

#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/socket.h"
#include "../../base/syscall.h"
#include "../control.h"
#include "../mount_api.h"
#include "../mount_table.h"
#include "../places.h"
#include "steps.h"

namespace runt {

namespace {

// mount(2) cuts off longer options.
constexpr std::size_t kOptionsMax = 4096;
// How often init looks for a mount whose name changes meanwhile.
constexpr int kFindTries = 128;
// A directory that every host has; the mount namespace is this process's own.
constexpr const char* kSpare = "/proc";

// The message to the runtime about a mount that was attached.
struct MountNews {
  ControlMessage head;
  std::uint64_t mount;
  std::uint64_t device;
  std::uint64_t inode;
  std::uint64_t filesystem;
};
static_assert(sizeof(MountNews) == 40);

Status Give(const Context& context, std::uint32_t tree, int mount, std::string_view subject) {
  const ControlMessage message{Message::kMount, static_cast<std::int32_t>(tree - 1)};
  return Check(SendMessage(context.control.get(), &message, sizeof message, mount), Call::kSendmsg, subject);
}

Result<UniqueFd> OpenSpare() {
  return CheckedFd(Syscall(__NR_openat, AT_FDCWD, kSpare, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0), Call::kOpen, kSpare);
}

// By mount(2), for options that fsconfig(2) cannot carry (see NewByName in mount.cc).
Result<UniqueFd> MakeByName(Context& context, const DetachedMountStep& step) {
  if (step.data.size() >= kOptionsMax) return Error{E2BIG, Call::kMount, step.fstype};
  const Text<kOptionsMax> data(step.data);
  const UniqueFd place = TRY(OpenSpare());
  TRY(MountByName(context.procfs, step.source.data(), place.get(), step.fstype.data(), step.sb | LegacyFlags(step.set),
                  data.c_str(), step.fstype));
  const UniqueFd mounted = TRY(OpenSpare());
  Result<UniqueFd> tree = CloneTree(mounted.get(), false, step.fstype);
  TRY(Check(Syscall(__NR_umount2, kSpare, kMountDetach), Call::kUmount2, kSpare));
  return tree;
}

Result<UniqueFd> Configured(NewFilesystem& filesystem, const DetachedMountStep& step) {
  if (!step.source.empty()) TRY(filesystem.Set("source", step.source.data(), step.source));
  // As mount(2) does, "ro" goes to the superblock too.
  TRY(filesystem.SetFlags(step.sb | (step.set & static_cast<std::uint64_t>(MOUNT_ATTR_RDONLY)), step.source));
  TRY(filesystem.SetOptions(step.data));
  return filesystem.Mount(step.set);
}

Result<UniqueFd> MakeNew(Context& context, const DetachedMountStep& step) {
  NewFilesystem filesystem = TRY(NewFilesystem::Open(step.fstype));
  Result<UniqueFd> made = Configured(filesystem, step);
  if (made.ok() || (step.data.empty() && !LacksAttribute(step.set, made.error()))) return made;
  const int number = made.error().number();
  if (number != EINVAL && number != E2BIG) return made;
  Result<UniqueFd> named = MakeByName(context, step);
  if (named.ok()) TRY(VerifyFlags(named.value().get(), step.set));
  // The refused option says more than the name of the file system.
  return named.ok() || number == E2BIG ? std::move(named) : std::move(made);
}

// umount2(2) takes no descriptor: the mount is named as self/fd/N in a procfs that no other process can reach.
Status UnmountDescriptor(Context& context, int mount, std::string_view subject) {
  TRY(context.procfs.Prepare());
  const UniqueFd before =
      TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), Call::kOpen, "."));
  TRY(Check(Syscall(__NR_fchdir, context.procfs.fd()), Call::kFchdir, "procfs"));
  const Text<32> name = DescriptorPath(mount);
  const Status unmounted = Check(Syscall(__NR_umount2, name.c_str(), kMountDetach), Call::kUmount2, subject);
  TRY(Check(Syscall(__NR_fchdir, before.get()), Call::kFchdir, "."));
  return unmounted;
}

bool IsThat(const FileFacts& facts, const UnmountStep& step) {
  // A kernel before 5.8 does not return the number of a mount.
  return facts.device == step.device && facts.inode == step.inode &&
         (facts.mount == step.mount || facts.mount == 0 || step.mount == 0);
}

Result<bool> UnmountAt(Context& context, std::string_view path, const UnmountStep& step) {
  const Result<UniqueFd> opened = context.root.Open(path, O_PATH);
  if (!opened.ok()) return false;
  FileFacts facts;
  TRY(Check(GetFacts(opened.value().get(), &facts), Call::kFstat, step.path));
  if (!IsThat(facts, step)) return false;
  TRY(UnmountDescriptor(context, opened.value().get(), step.path));
  return true;
}

// The mount of this namespace's table with the number; false if it is not there.
Result<bool> FindMount(Context& context, std::uint64_t mount, MountEntry* entry) {
  const UniqueFd table = TRY(context.procfs.Open("self/mountinfo", O_RDONLY));
  MountTable mounts(table.get());
  while (TRY(mounts.Next(entry))) {
    if (entry->id == mount) return true;
  }
  return false;
}

}  // namespace

Status DetachedMount(Context& context, const DetachedMountStep& step) {
  if ((step.flags & kMountFlagBind) == 0) {
    const UniqueFd made = TRY(MakeNew(context, step));
    return Give(context, step.tree, made.get(), step.fstype);
  }
  TRY(Tell(context, Message::kMountTree, static_cast<std::int32_t>(step.tree - 1)));
  std::int32_t refused = 0;
  TRY(WaitFor(context, Message::kMountTree, &refused));
  if (refused == 0) return {};
  // The runtime could not open it in this process's view; this process may succeed.
  const int flags = (step.flags & kMountFlagSrcNofollow) != 0 ? O_NOFOLLOW : 0;
  const UniqueFd source =
      TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, step.source.data(), O_PATH | O_CLOEXEC | flags, 0), Call::kOpen, step.source));
  const UniqueFd tree = TRY(CloneTree(source.get(), (step.flags & kMountFlagRecursive) != 0, step.source));
  return Give(context, step.tree, tree.get(), step.source);
}

Status DetachedNode(Context& context, const DetachedNodeStep& step) {
  constexpr std::string_view kSubject = "device node";
  if (!context.device_nodes.valid()) return Error{EPERM, Call::kMknodat, kSubject};
  const UniqueFd node = TRY(OpenMadeNode(context, step.node, kSubject));
  const UniqueFd tree = TRY(CloneTree(node.get(), false, kSubject));
  return Give(context, step.tree, tree.get(), kSubject);
}

Status LiveMounts(Context& /*context*/, const LiveMountsStep& /*step*/) {
  // The end of the runtime shows at the next message; mounts attached by then have to be unmounted first.
  return Check(Syscall(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0), Call::kPrctl, "PR_SET_PDEATHSIG");
}

Status LiveMount(Context& context, const LiveMountStep& step) {
  const HeldMount* held = context.held.Find(step.path);
  if (held == nullptr || InsideOf(*held, step.path) != "." || context.live_count == Context::kMaxLive) {
    return Error{ENFILE, Call::kVerify, step.path};
  }
  const UniqueFd& mount = context.live[context.live_count] =
      TRY(CheckedFd(Syscall(__NR_fcntl, held->root.fd(), F_DUPFD_CLOEXEC, 0), Call::kOpen, step.path));
  ++context.live_count;
  for (const std::uint32_t flags : step.propagation) {
    TRY(SetPropagation(context.procfs, mount.get(), flags, step.path));
  }
  FileFacts facts;
  TRY(Check(GetFacts(mount.get(), &facts), Call::kFstat, step.path));
  // Numbers of mounts are reused, and a file may have another device than its file system.
  MountEntry entry;
  if (!TRY(FindMount(context, facts.mount, &entry))) entry.device = facts.device;
  const MountNews news = {
      {Message::kMount, static_cast<std::int32_t>(step.index)}, facts.mount, facts.device, facts.inode, entry.device};
  return Check(SendMessage(context.control.get(), &news, sizeof news, -1), Call::kSendmsg, step.path);
}

Status Unmount(Context& context, const UnmountStep& step) {
  if (TRY(UnmountAt(context, step.path, step))) return {};
  // The directories on the way have changed, and may do so again and again; or something lies over it.
  for (int i = 0; i < kFindTries; ++i) {
    MountEntry entry;
    if (!TRY(FindMount(context, step.mount, &entry)) || entry.device != step.filesystem) {
      return Tell(context, Message::kMount, static_cast<std::int32_t>(step.index));
    }
    if (TRY(UnmountAt(context, entry.path.view(), step))) return {};
  }
  return Error{EBUSY, Call::kVerify, step.path};
}

Status LiveNode(Context& context, const LiveNodeStep& step) {
  const ParentDirectory parent = TRY(MakePlaceParent(context, step.path));
  const std::uint32_t type = step.mode & kTypeMask;
  const std::uint32_t device = type == kTypeRegular ? 0 : DeviceNumber(step.major, step.minor);
  const long made = Syscall(__NR_mknodat, parent.directory.get(), parent.name.c_str(), step.mode, device);
  if (made < 0 && (made != -EEXIST || type == kTypeRegular)) {
    return Error{static_cast<int>(-made), Call::kMknodat, step.path};
  }
  // The node there now need not be the one that was made.
  const UniqueFd node = TRY(OpenChild(parent, O_PATH, step.path));
  FileFacts facts;
  TRY(Check(GetFacts(node.get(), &facts), Call::kFstat, step.path));
  const bool same = facts.type() == type && (type == kTypeRegular || (facts.major == step.major && facts.minor == step.minor));
  if (!same) return Error{EEXIST, Call::kMknodat, step.path};
  const MountNews news = {
      {Message::kMount, static_cast<std::int32_t>(step.index)}, 0, facts.device, facts.inode, made >= 0 ? std::uint64_t{1} : 0};
  TRY(Check(SendMessage(context.control.get(), &news, sizeof news, -1), Call::kSendmsg, step.path));
  // A node that existed keeps its mode and owner.
  if (made < 0 || type == kTypeRegular) return {};
  TRY(Check(Syscall(__NR_fchownat, node.get(), "", step.uid, step.gid, AT_EMPTY_PATH), Call::kFchown, step.path));
  return ChangeMode(context, node.get(), step.mode & 07777, step.path);
}

Status RemoveNode(Context& context, const RemoveNodeStep& step) {
  std::size_t start = step.path.size();
  while (start > 0 && step.path[start - 1] != '/') --start;
  ParentDirectory parent;
  parent.name.Add({step.path.data() + start, step.path.size() - start});
  Result<UniqueFd> directory = context.root.Open({step.path.data(), start}, O_PATH | O_DIRECTORY);
  if (!directory.ok()) return {};
  parent.directory = directory.Take();
  const Result<UniqueFd> node = OpenChild(parent, O_PATH, step.path);
  if (!node.ok()) return {};
  FileFacts facts;
  TRY(Check(GetFacts(node.value().get(), &facts), Call::kFstat, step.path));
  if (facts.device != step.device || facts.inode != step.inode) return {};
  return Check(Syscall(__NR_unlinkat, parent.directory.get(), parent.name.c_str(), 0), Call::kUnlinkat, step.path);
}

Status Done(Context& context, const DoneStep& /*step*/) {
  TRY(Ask(context, Message::kDone));
  ExitProcess(0);
}

void TakeBack(Context& context) {
  while (context.live_count > 0) {
    const UniqueFd mount = std::move(context.live[--context.live_count]);
    [[maybe_unused]] const Status undone = UnmountDescriptor(context, mount.get(), "mount");
  }
}

}  // namespace runt
