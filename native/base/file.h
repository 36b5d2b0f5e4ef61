// SPDX-License-Identifier: Apache-2.0
// The few calls about files that nearly every step makes.

#ifndef RUNT_BASE_FILE_H_
#define RUNT_BASE_FILE_H_

#include <cstddef>
#include <cstdint>

#include "kernel.h"
#include "syscall.h"

namespace runt {

// The result of statx(2) for a descriptor.
struct FileFacts {
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  // 0 where it is not known.
  std::uint64_t mount = 0;
  std::uint64_t device = 0;

  std::uint32_t type() const { return mode & kTypeMask; }
  bool IsDirectory() const { return type() == kTypeDirectory; }
  // The same file, seen through the same mount.
  bool IsSamePlace(const FileFacts& other) const {
    return inode == other.inode && device == other.device && mount == other.mount;
  }
};

// The same with newfstatat(2), if statx(2) is refused.
long GetOldFacts(int fd, FileFacts* facts);

// The mount that `fd` is on, without statx(2), which returns it from Linux 5.8 on; 0 where the file system has no handles.
std::uint64_t MountByHandle(int fd);

// Facts of the file that `fd` (O_PATH will do) is open on; 0 or -errno.
inline long GetFacts(int fd, FileFacts* facts) {
  struct statx status = {};
  const long result = Syscall(__NR_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_MNT_ID, &status);
  if (IsMissing(result)) return GetOldFacts(fd, facts);
  if (result < 0) return result;
  facts->mode = status.stx_mode;
  facts->uid = status.stx_uid;
  facts->gid = status.stx_gid;
  facts->major = status.stx_rdev_major;
  facts->minor = status.stx_rdev_minor;
  facts->inode = status.stx_ino;
  facts->size = status.stx_size;
  facts->mount = (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : MountByHandle(fd);
  facts->device = (static_cast<std::uint64_t>(status.stx_dev_major) << 32) | status.stx_dev_minor;
  return 0;
}

// The device number as mknod(2) wants it.
inline std::uint32_t DeviceNumber(std::uint32_t major, std::uint32_t minor) {
  return (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xffU) << 12);
}

// The magic number of the file system that `fd` is on; -errno where it cannot be read.
inline long FilesystemMagic(int fd) {
  FilesystemFacts facts = {};
  const long result = Syscall(__NR_fstatfs, fd, &facts);
  return result < 0 ? result : facts.type;
}

// Writes all of `data`; 0 or -errno.
inline long WriteAll(int fd, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  while (size > 0) {
    const long written = Syscall(__NR_write, fd, bytes, size);
    if (written == -EINTR) continue;
    if (written < 0) return written;
    if (written == 0) return -EIO;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return 0;
}

// As read(2), but never -EINTR.
inline long ReadSome(int fd, void* data, std::size_t size) {
  long got = 0;
  do {
    got = Syscall(__NR_read, fd, data, size);
  } while (got == -EINTR);
  return got;
}

}  // namespace runt

#endif  // RUNT_BASE_FILE_H_
