// SPDX-License-Identifier: Apache-2.0
// Calls for an event loop and for the mounts of a shim: readiness of descriptors, connections, root file systems.

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>

#include "../base/unique_fd.h"
#include "addon.h"

namespace runt::addon {

int EpollSet(int epoll, int fd, uint32_t events) {
  if (events == 0) return OrErrno(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr));
  epoll_event event = {};
  event.events = events;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0) return 0;
  return errno == ENOENT ? OrErrno(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) : -errno;
}

int EpollWait(int epoll, const Words& ready, int timeout_ms) {
  constexpr size_t kMost = 64;
  epoll_event events[kMost];
  const size_t room = ready.count / 2 < kMost ? ready.count / 2 : kMost;
  // A signal ends it: its handler has made a descriptor readable.
  const int count = OrErrno(epoll_wait(epoll, events, static_cast<int>(room), timeout_ms));
  for (int index = 0; index < count; ++index) {
    ready.data[2 * index] = events[index].data.fd;
    ready.data[2 * index + 1] = static_cast<int32_t>(events[index].events);
  }
  return count == -EINTR ? 0 : count;
}

int Accept(int fd) {
  return OrErrno(Retry([&] { return accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); }));
}

int ReadableBytes(int fd) {
  int count = 0;
  return ioctl(fd, FIONREAD, &count) < 0 ? -errno : count;
}

// The source and paths in the data may count from a directory: the data of an overlay with many layers must fit on a page.
int MountFileSystem(const Path& source, const Path& target, const Path& type, int64_t flags, const Path& data,
                    const Path& directory) {
  UniqueFd before;
  if (directory.length > 0) {
    before = UniqueFd(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!before.valid() || chdir(directory.text) < 0) return -errno;
  }
  const int result = OrErrno(
      mount(source.text, target.text, type.text, static_cast<unsigned long>(flags), data.length > 0 ? data.text : nullptr));
  if (before.valid() && fchdir(before.get()) < 0) return -errno;
  return result;
}

// In one call from Linux 5.8 on; before that the flags follow the file.
int LoopAttach(int device, int file, int64_t flags) {
  constexpr unsigned long kLoopConfigure = 0x4C0A;  // LOOP_CONFIGURE, which older headers lack
  struct {
    uint32_t fd;
    uint32_t block_size;
    loop_info64 info;
    uint64_t reserved[8];
  } config = {};
  config.fd = static_cast<uint32_t>(file);
  config.info.lo_flags = static_cast<uint32_t>(flags);
  if (ioctl(device, kLoopConfigure, &config) == 0) return 0;
  if (errno != EINVAL && errno != ENOTTY) return -errno;
  if (ioctl(device, LOOP_SET_FD, file) < 0) return -errno;
  if (ioctl(device, LOOP_SET_STATUS64, &config.info) == 0) return 0;
  const int failed = errno;
  ioctl(device, LOOP_CLR_FD, 0);
  return -failed;
}

int SchedCore(int pid, bool group) {
  constexpr int kSchedCore = 62;   // PR_SCHED_CORE
  constexpr int kCreate = 1;       // PR_SCHED_CORE_CREATE
  constexpr int kThreadGroup = 1;  // PR_SCHED_CORE_SCOPE_THREAD_GROUP
  constexpr int kProcessGroup = 2;
  return OrErrno(prctl(kSchedCore, kCreate, pid, group ? kProcessGroup : kThreadGroup, 0));
}

}  // namespace runt::addon
