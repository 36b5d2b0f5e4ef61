// SPDX-License-Identifier: Apache-2.0
// The standard streams of the process, which come from the caller.

#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../../base/unattached.h"
#include "../mount_api.h"
#include "steps.h"

namespace runt {

namespace {

constexpr std::uint32_t kMemoryMajor = 1;
// The id that statx(2) returns for an owner that the user namespace does not know (overflowuid).
constexpr std::uint32_t kUnmapped = 65534;

// Devices that are the same everywhere; every container has its own node of each.
struct MemoryDevice {
  std::uint32_t minor;
  std::string_view path;
};
constexpr MemoryDevice kMemoryDevices[] = {
    {3, "/dev/null"}, {5, "/dev/zero"}, {7, "/dev/full"}, {8, "/dev/random"}, {9, "/dev/urandom"}};

bool IsNode(const FileFacts& facts, const MemoryDevice& device) {
  return facts.type() == kTypeCharacter && facts.major == kMemoryMajor && facts.minor == device.minor;
}

const MemoryDevice* FindDevice(const FileFacts& facts) {
  for (const MemoryDevice& device : kMemoryDevices) {
    if (IsNode(facts, device)) return &device;
  }
  return nullptr;
}

// The container's own node. Its /dev may come from the image, or the container may have changed it:
// no link is followed, and no file is opened before it is known to be this device.
Result<UniqueFd> OpenOwn(Context& context, const MemoryDevice& device) {
  const UniqueFd node = TRY(context.root.Open(device.path, O_PATH | O_NOFOLLOW, Links::kRefuse));
  FileFacts facts;
  TRY(Check(GetFacts(node.get(), &facts), Call::kFstat, device.path));
  if (!IsNode(facts, device)) return Error{ENODEV, Call::kVerify, device.path};
  return context.procfs.Reopen(node.get(), O_RDWR, device.path);
}

Result<UniqueFd> DetachedFilesystem() {
  NewFilesystem tmpfs = TRY(NewFilesystem::Open("tmpfs"));
  TRY(tmpfs.Set("nr_blocks", "1", "nr_blocks"));
  return tmpfs.Mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

Result<UniqueFd> MakeNode(int directory, const MemoryDevice& device) {
  const long mask = Syscall(__NR_umask, 0);
  const long made = Syscall(__NR_mknodat, directory, "device", kTypeCharacter | 0666, DeviceNumber(kMemoryMajor, device.minor));
  Syscall(__NR_umask, mask);
  TRY(Check(made, Call::kMknodat, device.path));
  return CheckedFd(Syscall(__NR_openat, directory, "device", O_RDWR | O_CLOEXEC, 0), Call::kOpen, device.path);
}

// A node in a file system of its own, which is attached nowhere.
Result<UniqueFd> MakeOwn(Context& context, const MemoryDevice& device) {
  Result<UniqueFd> made = DetachedFilesystem();
  if (!made.ok() && IsWithheld(made.error())) {
    TRY(context.procfs.Prepare());
    made = CheckedFd(MakeUnattached(context.procfs.fd(), "tmpfs", MS_NOSUID | MS_NOEXEC, "nr_blocks=1"), Call::kMount, "tmpfs");
  }
  const UniqueFd mount = TRY(std::move(made));
  return MakeNode(mount.get(), device);
}

// With the host's node the container's root could change its mode and owner, for every process of
// the host.
Status ReplaceDevice(Context& context, int fd, const FileFacts& facts, const MemoryDevice& device) {
  Result<UniqueFd> own = OpenOwn(context, device);
  if (!own.ok()) own = MakeOwn(context, device);
  // In a user namespace no node can be made, and a node whose owner is unmapped cannot be changed.
  if (!own.ok() && facts.uid == kUnmapped) return {};
  const UniqueFd opened = TRY(std::move(own));
  return Check(Syscall(__NR_dup3, opened.get(), fd, 0), Call::kDup3, "stdio");
}

// A file of the host that was opened for reading: a new owner could write to it, too.
bool IsInput(int fd, const FileFacts& facts) {
  return facts.type() == kTypeRegular && (Syscall(__NR_fcntl, fd, F_GETFL, 0) & O_ACCMODE) == O_RDONLY;
}

// Whether the file gets a new owner, who can open it again. A terminal or another device stays the
// caller's, unless it is the console that was made for this process.
bool IsGiven(const Context& context, int fd, const FileFacts& facts) {
  switch (facts.type()) {
    case kTypeFifo:
    case kTypeSocket:
      return true;
    case kTypeRegular:
      return !IsInput(fd, facts);
    case kTypeCharacter:
      return context.has_console;
    default:
      return false;
  }
}

// Lets the user reopen the stream by its name (/dev/stdout).
Status GiveStream(Context& context, int fd, const FileFacts& facts, std::uint32_t uid) {
  if ((facts.uid == uid && uid != kUnmapped) || !IsGiven(context, fd, facts)) return {};
  const long changed = Syscall(__NR_fchown, fd, uid, -1);
  // A stream whose owner cannot be changed stays as it is.
  if (changed == -EROFS || changed == -EINVAL) return {};
  if (IsRefused(context, changed, kRefusedStreams)) return {};
  return Check(changed, Call::kFchown, "stdio");
}

}  // namespace

Status StandardStreams(Context& context, const StandardStreamsStep& step) {
  for (int fd = 0; fd <= 2; ++fd) {
    FileFacts facts;
    const long known = GetFacts(fd, &facts);
    if (known == -EBADF) continue;
    TRY(Check(known, Call::kFstat, "stdio"));
    const MemoryDevice* device = FindDevice(facts);
    TRY(device != nullptr ? ReplaceDevice(context, fd, facts, *device) : GiveStream(context, fd, facts, step.uid));
  }
  return {};
}

}  // namespace runt
