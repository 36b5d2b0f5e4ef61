// SPDX-License-Identifier: Apache-2.0
#include "workbench.h"

#include "../base/file.h"
#include "../base/kernel.h"
#include "../base/syscall.h"
#include "../plan/ops.gen.h"
#include "mount_api.h"

namespace runt {

namespace {

constexpr std::string_view kSubject = "workbench";
// The mount points for a directory and for a file.
constexpr const char* kDirectory = "directory";
constexpr const char* kFile = "file";

Status ChangeTo(int directory) { return Check(Syscall(__NR_fchdir, directory), Call::kFchdir, kSubject); }

Status ChangeRootTo(int directory) {
  TRY(ChangeTo(directory));
  return Check(Syscall(__NR_chroot, "."), Call::kChroot, kSubject);
}

Result<UniqueFd> OpenDirectory(const char* path) {
  return CheckedFd(Syscall(__NR_openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), Call::kOpen, kSubject);
}

}  // namespace

Result<UniqueFd> OpenCovering(Procfs& procfs, int directory, std::string_view subject) {
  const UniqueFd root = TRY(OpenDirectory("/"));
  const UniqueFd before = TRY(OpenDirectory("."));
  TRY(ChangeRootTo(directory));
  Result<UniqueFd> opened = OpenDirectory("/..");
  TRY(ChangeRootTo(root.get()));
  TRY(ChangeTo(before.get()));
  UniqueFd covering = TRY(std::move(opened));
  if (TRY(procfs.MountId(directory)) == TRY(procfs.MountId(covering.get()))) return Error{EXDEV, Call::kVerify, subject};
  return covering;
}

Status Workbench::Open(Procfs& procfs, int root, bool in_place) {
  root_ = TRY(CheckedFd(Syscall(__NR_fcntl, root, F_DUPFD_CLOEXEC, 0), Call::kOpen, kSubject));
  in_place_ = in_place;
  if (in_place) return {};
  const std::uint64_t flags = MS_NOSUID | MS_NOEXEC;
  TRY(MountByName(procfs, "tmpfs", root, "tmpfs", flags, "mode=0700,nr_inodes=8", kSubject));
  cover_ = TRY(OpenCovering(procfs, root, kSubject));
  if (FilesystemMagic(cover_.get()) != TMPFS_MAGIC) return Error{EXDEV, Call::kVerify, kSubject};
  // Without a mount namespace of the container's own the root may be shared: mounts on the bench are not.
  TRY(SetPropagation(procfs, cover_.get(), MS_PRIVATE, kSubject));
  TRY(Check(Syscall(__NR_mkdirat, cover_.get(), kDirectory, 0700), Call::kMkdirat, kSubject));
  return Check(Syscall(__NR_mknodat, cover_.get(), kFile, kTypeRegular | 0600, 0), Call::kMknodat, kSubject);
}

// The directory or file that a new mount will cover.
Result<UniqueFd> Workbench::Place(bool directory) const {
  const int from = in_place_ ? root_.get() : cover_.get();
  const char* name = in_place_ ? "." : directory ? kDirectory : kFile;
  return CheckedFd(Syscall(__NR_openat, from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0), Call::kOpenat, kSubject);
}

// The mount that covers it by now.
Result<UniqueFd> Workbench::Reach(Procfs& procfs, bool directory, std::string_view subject) const {
  return in_place_ ? OpenCovering(procfs, root_.get(), subject) : Place(directory);
}

Result<UniqueFd> Workbench::Clone(Procfs& procfs, int source, bool recursive, std::string_view subject) {
  FileFacts facts;
  TRY(Check(GetFacts(source, &facts), Call::kFstat, subject));
  const UniqueFd place = TRY(Place(facts.IsDirectory()));
  const std::uint64_t flags = MS_BIND | (recursive ? MS_REC : 0);
  TRY(MountByName(procfs, DescriptorPath(source).c_str(), place.get(), nullptr, flags, nullptr, subject));
  return Reach(procfs, facts.IsDirectory(), subject);
}

Result<UniqueFd> Workbench::Make(Procfs& procfs, const FilesystemCall& call, std::string_view subject) {
  const UniqueFd place = TRY(Place(true));
  TRY(MountByName(procfs, call.source, place.get(), call.type, call.flags, call.data, subject));
  return Reach(procfs, true, subject);
}

Result<UniqueFd> Workbench::MakeNode(const OwnNode& node, std::string_view subject) const {
  constexpr const char* kNode = "node";
  const std::uint32_t device = DeviceNumber(node.major, node.minor);
  TRY(Check(Syscall(__NR_mknodat, cover_.get(), kNode, node.mode, device), Call::kMknodat, subject));
  TRY(Check(Syscall(__NR_fchmodat, cover_.get(), kNode, node.mode & 07777), Call::kFchmod, subject));
  return CheckedFd(Syscall(__NR_openat, cover_.get(), kNode, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0), Call::kOpenat, subject);
}

Status Workbench::Close() {
  const UniqueFd root = std::move(root_);
  const UniqueFd cover = std::move(cover_);
  in_place_ = false;
  if (!cover.valid()) return {};
  const UniqueFd before = TRY(OpenDirectory("."));
  TRY(ChangeTo(cover.get()));
  TRY(Check(Syscall(__NR_umount2, ".", kMountDetach), Call::kUmount2, kSubject));
  return ChangeTo(before.get());
}

}  // namespace runt
