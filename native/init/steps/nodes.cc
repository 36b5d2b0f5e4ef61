// SPDX-License-Identifier: Apache-2.0
// Symbolic links and device nodes, made on the descriptor of their directory: /dev itself may be a
// link of the image (CVE-2026-41579).

#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../../base/text.h"
#include "../mount_api.h"
#include "../mount_target.h"
#include "../new_mount.h"
#include "../places.h"
#include "steps.h"

namespace runt {

namespace {

bool Matches(const FileFacts& facts, const DeviceStep& step) {
  if (facts.type() != (step.mode & kTypeMask)) return false;
  return facts.type() == kTypeFifo || (facts.major == step.major && facts.minor == step.minor);
}

// A node over an empty file. Nothing on it can be executed. `more` are further attributes of the mount.
Status PlaceNode(Context& context, const DeviceStep& step, int source, std::uint64_t more) {
  const Attributes attributes = {MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | more, 0, false};
  const UniqueFd target = TRY(MakePlaceFile(context, step.path, 0644));
  TRY(VerifyMountTarget(context, target.get(), false));
  const UniqueFd node = TRY(CloneMount(context, source, false, target.get(), step.path));
  return AttachChanged(context, node.get(), attributes, target.get(), step.path);
}

// The host's node of the same name over an empty file: for user namespaces, where mknod(2) is
// refused. Read-only, because the node is the host's.
Status BindDevice(Context& context, const DeviceStep& step) {
  if (context.entered_root) return Error{EPERM, Call::kMknodat, step.path};
  const UniqueFd host = TRY(
      CheckedFd(Syscall(__NR_openat, AT_FDCWD, step.path.data(), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0), Call::kOpen, step.path));
  FileFacts facts;
  TRY(Check(GetFacts(host.get(), &facts), Call::kFstat, step.path));
  if (!Matches(facts, step)) return Error{ENODEV, Call::kVerify, step.path};
  return PlaceNode(context, step, host.get(), MOUNT_ATTR_RDONLY);
}

Text<16> NodeName(std::uint32_t number) {
  Text<16> name;
  name.AddNumber(number);
  return name;
}

Status BindMadeNode(Context& context, const DeviceStep& step) {
  const UniqueFd node = TRY(OpenMadeNode(context, step.node, step.path));
  return PlaceNode(context, step, node.get(), 0);
}

}  // namespace

Status ChangeMode(Context& context, int fd, std::uint32_t mode, std::string_view path) {
  const long changed = Syscall(__NR_fchmodat2, fd, "", mode, AT_EMPTY_PATH);
  // Before 6.6 an O_PATH descriptor can be changed only by its name in a procfs. If the file itself refuses the change, that
  // call fails in the same way.
  if (!IsMissing(changed)) return Check(changed, Call::kFchmod, path);
  TRY(context.procfs.Prepare());
  const Text<32> name = DescriptorPath(fd);
  return Check(Syscall(__NR_fchmodat, context.procfs.fd(), name.c_str(), mode), Call::kFchmod, path);
}

// Before Linux 6.15 only an attached mount can be cloned. So the file system is mounted over the host's "/", where no path
// leads into it, and goes away with that.
Result<UniqueFd> OpenMadeNode(Context& context, std::uint32_t number, std::string_view subject) {
  if (!context.device_nodes_attached) {
    const UniqueFd root =
        TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), Call::kOpen, "/"));
    TRY(AttachMount(context, context.device_nodes.get(), root.get(), "device nodes"));
    context.device_nodes_attached = true;
  }
  return CheckedFd(Syscall(__NR_openat, context.device_nodes.get(), NodeName(number).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0),
                   Call::kOpenat, subject);
}

Status Symlink(Context& context, const SymlinkStep& step) {
  const ParentDirectory parent = TRY(MakePlaceParent(context, step.path));
  const long made = Syscall(__NR_symlinkat, step.target.data(), parent.directory.get(), parent.name.c_str());
  if (made != -EEXIST) return Check(made, Call::kSymlinkat, step.path);
  if (step.exact == 0) return {};
  char target[kPathMax];
  const long size = Syscall(__NR_readlinkat, parent.directory.get(), parent.name.c_str(), target, sizeof target);
  const bool same = size >= 0 && std::string_view(target, static_cast<std::size_t>(size)) == step.target;
  return same ? Status() : Error{EEXIST, Call::kSymlinkat, step.path};
}

Status DeviceNodes(Context& context, const DeviceNodesStep& step) {
  Result<NewFilesystem> opened = NewFilesystem::Open("tmpfs");
  // A process that may make no file system may make no nodes.
  if (!opened.ok()) return {};
  NewFilesystem filesystem = opened.Take();
  TRY(filesystem.SetOptions(step.data));
  Result<UniqueFd> mount = filesystem.Mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (mount.ok()) context.device_nodes = mount.Take();
  return {};
}

Status DeviceNode(Context& context, const DeviceNodeStep& step) {
  if (!context.device_nodes.valid()) return {};
  constexpr std::string_view kSubject = "device node";
  const int directory = context.device_nodes.get();
  const Text<16> name = NodeName(++context.device_node_count);
  const long made = Syscall(__NR_mknodat, directory, name.c_str(), step.mode, DeviceNumber(step.major, step.minor));
  if (made == -EPERM) {
    context.device_nodes.Reset();
    return {};
  }
  TRY(Check(made, Call::kMknodat, kSubject));
  // No other process can reach it. The mode comes last, because a change of owner clears set-id bits.
  TRY(Check(Syscall(__NR_fchownat, directory, name.c_str(), step.uid, step.gid, AT_SYMLINK_NOFOLLOW), Call::kFchown, kSubject));
  return Check(Syscall(__NR_fchmodat, directory, name.c_str(), step.mode & 07777), Call::kFchmod, kSubject);
}

Status Device(Context& context, const DeviceStep& step) {
  const bool fifo = (step.mode & kTypeMask) == kTypeFifo;
  if (step.bind != 0 && !fifo) {
    return step.node != 0 && context.device_nodes.valid() ? BindMadeNode(context, step) : BindDevice(context, step);
  }
  const ParentDirectory parent = TRY(MakePlaceParent(context, step.path));
  const long made =
      Syscall(__NR_mknodat, parent.directory.get(), parent.name.c_str(), step.mode, DeviceNumber(step.major, step.minor));
  if (made == -EPERM && !fifo) return BindDevice(context, step);
  if (made < 0 && made != -EEXIST) return Error{static_cast<int>(-made), Call::kMknodat, step.path};
  // The node there now need not be the one that was made.
  const UniqueFd node = TRY(OpenChild(parent, O_PATH, step.path));
  FileFacts facts;
  TRY(Check(GetFacts(node.get(), &facts), Call::kFstat, step.path));
  if (!Matches(facts, step)) return Error{EEXIST, Call::kMknodat, step.path};
  // A node that existed keeps its mode and owner: it may be the host's own.
  if (made == -EEXIST) return {};
  TRY(Check(Syscall(__NR_fchownat, node.get(), "", step.uid, step.gid, AT_EMPTY_PATH), Call::kFchown, step.path));
  return ChangeMode(context, node.get(), step.mode & 07777, step.path);
}

}  // namespace runt
