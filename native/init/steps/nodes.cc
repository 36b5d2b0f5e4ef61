// Symbolic links and device nodes, made on the descriptor of their directory: /dev itself may be a
// link of the image (CVE-2026-41579).

#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../mount_api.h"
#include "../mount_target.h"
#include "steps.h"

namespace runt {

namespace {

bool Matches(const FileFacts& facts, const DeviceStep& step) {
  if (facts.type() != (step.mode & kTypeMask)) return false;
  return facts.type() == kTypeFifo || (facts.major == step.major && facts.minor == step.minor);
}

Status ChangeMode(Context& context, int fd, std::uint32_t mode, std::string_view path) {
  const long changed = Syscall(__NR_fchmodat2, fd, "", mode, AT_EMPTY_PATH);
  // Before 6.6 an O_PATH descriptor can be changed only by its name in a procfs.
  if (changed != -ENOSYS) return Check(changed, Call::kFchmod, path);
  TRY(context.procfs.Prepare());
  const Text<32> name = DescriptorPath(fd);
  return Check(Syscall(__NR_fchmodat, context.procfs.fd(), name.c_str(), mode), Call::kFchmod,
               path);
}

// The host's node of the same name over an empty file: for user namespaces, where mknod(2) is
// refused. Read-only, because the node is the host's.
Status BindDevice(Context& context, const DeviceStep& step) {
  if (context.entered_root) return Error{EPERM, Call::kMknodat, step.path};
  const UniqueFd host = TRY(CheckedFd(
      Syscall(__NR_openat, AT_FDCWD, step.path.data(), O_PATH | O_NOFOLLOW | O_CLOEXEC, 0),
      Call::kOpen, step.path));
  FileFacts facts;
  TRY(Check(GetFacts(host.get(), &facts), Call::kFstat, step.path));
  if (!Matches(facts, step)) return Error{ENODEV, Call::kVerify, step.path};
  const UniqueFd node = TRY(CloneTree(host.get(), false, step.path));
  const UniqueFd target = TRY(context.root.MakeFile(step.path, 0644));
  TRY(VerifyMountTarget(context, target.get(), false));
  return AttachReadonly(context.procfs, node.get(), target.get(), step.path);
}

}  // namespace

Status Symlink(Context& context, const SymlinkStep& step) {
  const ParentDirectory parent = TRY(context.root.MakeParent(step.path));
  const long made =
      Syscall(__NR_symlinkat, step.target.data(), parent.directory.get(), parent.name.c_str());
  if (made == -EEXIST) return {};
  return Check(made, Call::kSymlinkat, step.path);
}

Status Device(Context& context, const DeviceStep& step) {
  const bool fifo = (step.mode & kTypeMask) == kTypeFifo;
  if (step.bind != 0 && !fifo) return BindDevice(context, step);
  const ParentDirectory parent = TRY(context.root.MakeParent(step.path));
  const long made = Syscall(__NR_mknodat, parent.directory.get(), parent.name.c_str(), step.mode,
                            DeviceNumber(step.major, step.minor));
  if (made == -EPERM && !fifo) return BindDevice(context, step);
  if (made < 0 && made != -EEXIST) return Error{static_cast<int>(-made), Call::kMknodat, step.path};
  // What is there now need not be what was made.
  const UniqueFd node = TRY(OpenChild(parent, O_PATH, step.path));
  FileFacts facts;
  TRY(Check(GetFacts(node.get(), &facts), Call::kFstat, step.path));
  if (!Matches(facts, step)) return Error{EEXIST, Call::kMknodat, step.path};
  // A node that existed keeps its mode and owner: it may be the host's own.
  if (made == -EEXIST) return {};
  TRY(Check(Syscall(__NR_fchownat, node.get(), "", step.uid, step.gid, AT_EMPTY_PATH),
            Call::kFchown, step.path));
  return ChangeMode(context, node.get(), step.mode & 07777, step.path);
}

}  // namespace runt
