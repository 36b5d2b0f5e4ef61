// SPDX-License-Identifier: Apache-2.0
#include "procfs.h"

#include "../base/file.h"
#include "../base/syscall.h"
#include "../base/text.h"
#include "../base/unattached.h"
#include "../plan/ops.gen.h"
#include "mount_api.h"
#include "walk.h"

namespace runt {

namespace {

constexpr std::uint64_t kAttributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
constexpr std::uint64_t kProcRootInode = 1;

// The /proc that is mounted here, if it is the root of a procfs; cloned if that is allowed, so that
// mounts over parts of it do not show.
Result<UniqueFd> HostProcfs(bool* bare) {
  constexpr std::string_view kPath = "/proc";
  UniqueFd host = TRY(
      CheckedFd(Syscall(__NR_openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0), Call::kOpen, kPath));
  FileFacts facts;
  TRY(Check(GetFacts(host.get(), &facts), Call::kFstat, kPath));
  if (FilesystemMagic(host.get()) != PROC_SUPER_MAGIC || facts.inode != kProcRootInode) {
    return Error{EXDEV, Call::kVerify, kPath};
  }
  Result<UniqueFd> clone = CloneTree(host.get(), false, kPath);
  *bare = clone.ok();
  return clone.ok() ? clone.Take() : std::move(host);
}

Result<UniqueFd> NewProcfs(bool processes_only) {
  NewFilesystem procfs = TRY(NewFilesystem::Open("proc"));
  // `subset=pid` came with 5.8: a leaked descriptor then gives no way to /proc/sys or
  // /proc/sysrq-trigger.
  if (processes_only) TRY(procfs.Set("subset", "pid", "proc"));
  return procfs.Mount(kAttributes);
}

// The same without fsopen(2), with the help of `other`. `failed`: the error of NewProcfs, returned if it is another one.
Result<UniqueFd> UnattachedProcfs(int other, bool processes_only, const Error& failed) {
  if (!IsWithheld(failed)) return failed;
  constexpr std::uint64_t kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  long made = -EINVAL;
  if (processes_only) made = MakeUnattached(other, "proc", kFlags, "subset=pid");
  if (made == -EINVAL) made = MakeUnattached(other, "proc", kFlags, nullptr);
  return CheckedFd(made, Call::kMount, "proc");
}

long OpenBeneath(int procfs, const char* path, int flags, bool bare) {
  struct open_how how = {};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
  long result = -EAGAIN;
  for (int i = 0; i < 1024 && result == -EAGAIN; ++i) {
    result = Syscall(__NR_openat2, procfs, path, &how, sizeof how);
  }
  return IsMissing(result) ? WalkProcfs(procfs, path, flags, bare) : result;
}

}  // namespace

Status Procfs::Prepare() {
  if (processes_.valid()) return {};
  Result<UniqueFd> made = NewProcfs(true);
  UniqueFd host;
  if (!made.ok()) {
    host = TRY(HostProcfs(&processes_bare_));
    made = UnattachedProcfs(host.get(), true, made.error());
    if (!made.ok() && made.error().number() == ENOTRECOVERABLE) return made.error();
  }
  processes_full_ = !made.ok();
  if (made.ok()) processes_bare_ = true;
  processes_ = made.ok() ? made.Take() : std::move(host);
  return {};
}

Status Procfs::Narrow() {
  Result<UniqueFd> made = NewProcfs(true);
  if (!made.ok()) made = UnattachedProcfs(processes_.get(), true, made.error());
  if (!made.ok()) return made.error().number() == ENOTRECOVERABLE ? Status(made.error()) : Status();
  processes_ = made.Take();
  processes_bare_ = true;
  processes_full_ = false;
  full_.Reset();
  return {};
}

Result<UniqueFd> Procfs::Open(const char* path, int flags) {
  TRY(Prepare());
  return CheckedFd(OpenBeneath(processes_.get(), path, flags, processes_bare_), Call::kOpenat2, path);
}

Status Procfs::PrepareSettings() {
  if (full_.valid()) return {};
  Result<UniqueFd> made = NewProcfs(false);
  if (!made.ok()) {
    TRY(Prepare());
    made = UnattachedProcfs(processes_.get(), false, made.error());
  }
  full_bare_ = true;
  if (made.ok()) {
    full_ = made.Take();
    return {};
  }
  if (made.error().number() == ENOTRECOVERABLE) return made.error();
  // By now the root may have been entered, and /proc be the container's.
  full_bare_ = processes_bare_;
  full_ = processes_full_ ? TRY(CheckedFd(Syscall(__NR_fcntl, processes_.get(), F_DUPFD_CLOEXEC, 0), Call::kOpen, "proc"))
                          : TRY(HostProcfs(&full_bare_));
  return {};
}

Result<UniqueFd> Procfs::OpenSetting(const char* path, int flags, std::string_view subject) {
  TRY(PrepareSettings());
  return CheckedFd(OpenBeneath(full_.get(), path, flags, full_bare_), Call::kOpenat2, subject);
}

Result<UniqueFd> Procfs::Reopen(int fd, int flags, std::string_view subject) {
  TRY(Prepare());
  const Text<32> path = DescriptorPath(fd);
  long opened = -EINTR;
  while (opened == -EINTR) {
    opened = Syscall(__NR_openat, processes_.get(), path.c_str(), flags | O_CLOEXEC, 0);
  }
  return CheckedFd(opened, Call::kOpenat, subject);
}

Status Procfs::Name(int fd, Text<kPathMax>* name) {
  constexpr std::string_view kSubject = "self/fd";
  TRY(Prepare());
  const Text<32> path = DescriptorPath(fd);
  char target[kPathMax];
  const long size =
      TRY(Checked(Syscall(__NR_readlinkat, processes_.get(), path.c_str(), target, sizeof target), Call::kReadlinkat, kSubject));
  *name = Text<kPathMax>(std::string_view(target, static_cast<std::size_t>(size)));
  if (name->overflowed()) return Error{ENAMETOOLONG, Call::kReadlinkat, kSubject};
  return {};
}

Result<std::uint64_t> Procfs::MountId(int fd) {
  constexpr std::string_view kSubject = "self/fdinfo";
  FileFacts facts;
  TRY(Check(GetFacts(fd, &facts), Call::kFstat, kSubject));
  if (facts.mount != 0) return facts.mount;
  TRY(Prepare());
  const std::uint64_t shown = MountInfoOf(processes_.get(), fd);
  if (shown == 0) return Error{ENOENT, Call::kVerify, kSubject};
  return shown;
}

}  // namespace runt
