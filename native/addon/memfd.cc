// SPDX-License-Identifier: Apache-2.0
// Files without a name that cannot be changed any more once they are sealed.

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/syscall.h"
#include "../base/unique_fd.h"
#include "addon.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

// native/engine/init_image.cc; the addon that the library loads has none.
extern "C" {
[[gnu::weak, gnu::visibility("hidden")]] extern const uint8_t runt_init_begin[];
[[gnu::weak, gnu::visibility("hidden")]] extern const uint8_t runt_init_end[];
}

namespace runt::addon {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

// `executability` is MFD_EXEC or MFD_NOEXEC_SEAL. Linux before 6.3 knows neither, and 6.3 and later
// log a warning when neither is given.
int Create(const char* name, unsigned executability) {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd = memfd_create(name, kFlags | executability);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name, kFlags);
  return OrErrno(fd);
}

// F_SEAL_EXEC (the x bits cannot be changed) came with Linux 6.3.
int Seal(int fd) {
  if (fcntl(fd, F_ADD_SEALS, kSeals | F_SEAL_EXEC) == 0) return 0;
  if (errno != EINVAL) return -errno;
  return OrErrno(fcntl(fd, F_ADD_SEALS, kSeals));
}

// Seals `fd` if filling it has worked; the descriptor or -errno.
int Finish(UniqueFd fd, int filled) {
  const int result = filled < 0 ? filled : Seal(fd.get());
  return result < 0 ? result : fd.Release();
}

// The file position stays 0 for a reader that does not map.
int Fill(int fd, const Bytes& data) {
  size_t written = 0;
  while (written < data.size) {
    const ssize_t count =
        Retry([&] { return pwrite(fd, data.data + written, data.size - written, static_cast<off_t>(written)); });
    if (count < 0) return -errno;
    written += static_cast<size_t>(count);
  }
  return 0;
}

int Copy(int from, int to) {
  struct stat source;
  if (fstat(from, &source) < 0) return -errno;
  if (!S_ISREG(source.st_mode)) return -EACCES;
  size_t left = static_cast<size_t>(source.st_size);
  while (left > 0) {
    const ssize_t count = Retry([&] { return sendfile(to, from, nullptr, left); });
    if (count < 0) return -errno;
    if (count == 0) return -EIO;
    left -= static_cast<size_t>(count);
  }
  return lseek(to, 0, SEEK_SET) < 0 ? -errno : 0;
}

// The same without fsopen(2): by a child in a mount namespace of its own, which ends with it. The descriptor keeps the file.
template <typename Filler>
int CopyOfOwnNamespace(Filler& fill) {
  struct Work {
    Filler& fill;
    int result;
  } work = {fill, -EPERM};
  const auto make = [](void* argument) {
    Work& here = *static_cast<Work*>(argument);
    constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV;
    long result = Syscall(__NR_mount, nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (result >= 0) result = Syscall(__NR_mount, "tmpfs", "/", "tmpfs", kFlags, "mode=0700");
    // The parent of the root directory is the mount that covers it.
    if (result >= 0) result = Syscall(__NR_chdir, "/..");
    if (result >= 0) result = Syscall(__NR_openat, AT_FDCWD, "init", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0555);
    if (result >= 0) {
      const UniqueFd copy(static_cast<int>(result));
      result = here.fill(copy.get());
    }
    if (result >= 0) result = Syscall(__NR_mount, nullptr, "/..", nullptr, MS_REMOUNT | MS_RDONLY | kFlags, nullptr);
    if (result >= 0) result = Syscall(__NR_openat, AT_FDCWD, "init", O_RDONLY | O_CLOEXEC, 0);
    here.result = static_cast<int>(result);
    return 0;
  };
  const int child = InChild(make, &work, CLONE_NEWNS);
  return child < 0 ? child : work.result;
}

// A copy that `fill` writes, for vm.memfd_noexec=2, which allows no executable memfd. It lies on a tmpfs of its own, which
// is attached nowhere and is read-only before the copy is executed, so that no /proc/PID/exe can be opened for writing.
// Only descriptors keep it.
template <typename Filler>
int UnattachedCopy(Filler&& fill) {
  const long opened = Syscall(__NR_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (IsMissing(static_cast<int>(opened))) return CopyOfOwnNamespace(fill);
  if (opened < 0) return static_cast<int>(opened);
  const UniqueFd context(static_cast<int>(opened));
  const auto configure = [&](unsigned command, const char* key, const char* value) {
    return static_cast<int>(Syscall(__NR_fsconfig, context.get(), command, key, value, 0));
  };
  int result = configure(FSCONFIG_SET_STRING, "mode", "0700");
  if (result >= 0) result = configure(FSCONFIG_CMD_CREATE, nullptr, nullptr);
  if (result < 0) return result;
  const long mounted = Syscall(__NR_fsmount, context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (mounted < 0) return static_cast<int>(mounted);
  const UniqueFd mount(static_cast<int>(mounted));
  {
    const UniqueFd copy(openat(mount.get(), "init", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0555));
    if (!copy.valid()) return -errno;
    const int copied = fill(copy.get());
    if (copied < 0) return copied;
  }
  result = configure(FSCONFIG_SET_FLAG, "ro", nullptr);
  if (result >= 0) result = configure(FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr);
  return result < 0 ? result : OrErrno(openat(mount.get(), "init", O_RDONLY | O_CLOEXEC));
}

template <typename Filler>
int SealedExecutable(const Path& name, Filler&& fill) {
  const int fd = Create(name.text, MFD_EXEC);
  if (fd == -EACCES) return UnattachedCopy(fill);
  return fd < 0 ? fd : Finish(UniqueFd(fd), fill(fd));
}

}  // namespace

int SealedMemfd(const Path& name, const Bytes& data) {
  const int fd = Create(name.text, MFD_NOEXEC_SEAL);
  return fd < 0 ? fd : Finish(UniqueFd(fd), Fill(fd, data));
}

int SealedCopy(const Path& name, const Path& path) {
  const UniqueFd source(Open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0));
  if (!source.valid()) return -errno;
  return SealedExecutable(name, [&](int fd) { return Copy(source.get(), fd); });
}

int SealedInit(const Path& name) {
  const Bytes init = {runt_init_begin, static_cast<size_t>(runt_init_end - runt_init_begin), {}};
  if (init.size == 0) return -ENOENT;
  return SealedExecutable(name, [&](int fd) { return Fill(fd, init); });
}

int Memfd(const Path& name) { return Create(name.text, MFD_NOEXEC_SEAL); }

}  // namespace runt::addon
