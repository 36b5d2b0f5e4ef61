// SPDX-License-Identifier: Apache-2.0
#include "file.h"

namespace runt {

namespace {

// struct stat of the kernel, up to the size.
#if defined(__x86_64__)
struct OldStatus {
  std::uint64_t device;
  std::uint64_t inode;
  std::uint64_t links;
  std::uint32_t mode;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t padding;
  std::uint64_t special;
  std::int64_t size;
  std::uint64_t rest[11];
};
static_assert(sizeof(OldStatus) == 144);
#else
struct OldStatus {
  std::uint64_t device;
  std::uint64_t inode;
  std::uint32_t mode;
  std::uint32_t links;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint64_t special;
  std::uint64_t padding;
  std::int64_t size;
  std::uint64_t rest[9];
};
static_assert(sizeof(OldStatus) == 128);
#endif

// struct file_handle without room for a handle: the kernel returns the mount all the same.
struct NoHandle {
  std::uint32_t size;
  std::int32_t type;
};

constexpr std::uint32_t Major(std::uint64_t device) {
  return static_cast<std::uint32_t>(((device >> 8) & 0xfff) | ((device >> 32) & ~std::uint64_t{0xfff}));
}

constexpr std::uint32_t Minor(std::uint64_t device) {
  return static_cast<std::uint32_t>((device & 0xff) | ((device >> 12) & ~std::uint64_t{0xff}));
}

}  // namespace

std::uint64_t MountByHandle(int fd) {
  NoHandle handle = {};
  std::int32_t mount = 0;
  const long result = Syscall(__NR_name_to_handle_at, fd, "", &handle, &mount, AT_EMPTY_PATH);
  return (result == -EOVERFLOW || result >= 0) && mount > 0 ? static_cast<std::uint64_t>(mount) : 0;
}

long GetOldFacts(int fd, FileFacts* facts) {
  OldStatus status = {};
  const long result = Syscall(__NR_newfstatat, fd, "", &status, AT_EMPTY_PATH);
  if (result < 0) return result;
  facts->mode = status.mode;
  facts->uid = status.uid;
  facts->gid = status.gid;
  facts->major = Major(status.special);
  facts->minor = Minor(status.special);
  facts->inode = status.inode;
  facts->size = static_cast<std::uint64_t>(status.size);
  facts->mount = MountByHandle(fd);
  facts->device = (static_cast<std::uint64_t>(Major(status.device)) << 32) | Minor(status.device);
  return 0;
}

}  // namespace runt
