// Processes that exist already, and facts of our own.

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vector>

#include "../base/unique_fd.h"
#include "addon.h"

namespace runt::addon {
namespace {

double MonotonicMilliseconds() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// linux/pidfd.h of Linux 6.15; older headers lack it.
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroup_id;
  uint32_t ids[11];
  int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr uint64_t kPidfdInfoExit = 1 << 3;
constexpr unsigned long kPidfdGetInfo = _IOWR(0xff, 11, PidfdInfo);

// struct sched_attr in its second version, which has the utilisation clamps.
struct SchedulingAttributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
  uint32_t utilisation_min;
  uint32_t utilisation_max;
};
static_assert(sizeof(SchedulingAttributes) == 56);

constexpr int kIoPriorityOfProcess = 1;  // IOPRIO_WHO_PROCESS

// linux/nsfs.h: of any namespace from Linux 6.18 on, of a mount namespace from 6.11 on.
constexpr unsigned long kNsGetId = _IOR(0xb7, 13, uint64_t);
constexpr unsigned long kNsGetMntnsId = _IOR(0xb7, 5, uint64_t);

}  // namespace

int PidfdOpen(int pid) { return OrErrno(syscall(SYS_pidfd_open, pid, 0)); }

int PidfdKill(int pidfd, int signal) {
  return OrErrno(syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

int PidfdGetfd(int pidfd, int fd) { return OrErrno(syscall(SYS_pidfd_getfd, pidfd, fd, 0)); }

Napi::Value PidfdExit(Napi::Env env, int pidfd) {
  PidfdInfo info = {};
  info.mask = kPidfdInfoExit;
  if (ioctl(pidfd, kPidfdGetInfo, &info) < 0) return Napi::Number::New(env, -errno);
  if ((info.mask & kPidfdInfoExit) == 0) return env.Null();
  return Napi::Number::New(env, info.exit_code);
}

int Epoll(const std::vector<int>& fds) {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return -errno;
  for (const int fd : fds) {
    epoll_event event = {};
    event.events = EPOLLIN;
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) < 0) return -errno;
  }
  return epoll.Release();
}

Napi::Value NamespaceId(Napi::Env env, int fd) {
  uint64_t id = 0;
  if (ioctl(fd, kNsGetId, &id) < 0 && ioctl(fd, kNsGetMntnsId, &id) < 0) {
    return Napi::Number::New(env, -errno);
  }
  char text[21];
  snprintf(text, sizeof text, "%llu", static_cast<unsigned long long>(id));
  return Napi::String::New(env, text);
}

int Eventfd() { return OrErrno(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int Inotify() { return OrErrno(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)); }

int InotifyAdd(int fd, const Path& path, uint32_t mask) {
  return OrErrno(inotify_add_watch(fd, path.text, mask));
}

int Kill(int pid, int signal) { return OrErrno(kill(pid, signal)); }

Napi::Value Waitpid(Napi::Env env, int pid, bool no_hang) {
  int status = 0;
  const pid_t ended = Retry([&] { return waitpid(pid, &status, no_hang ? WNOHANG : 0); });
  if (ended < 0) return Napi::Number::New(env, -errno);
  if (ended == 0) return env.Null();
  const bool signaled = WIFSIGNALED(status);
  Napi::Object result = Napi::Object::New(env);
  result.Set("pid", Napi::Number::New(env, ended));
  result.Set("status", Napi::Number::New(env, signaled ? WTERMSIG(status) : WEXITSTATUS(status)));
  result.Set("signaled", Napi::Boolean::New(env, signaled));
  return result;
}

// poll(2) is not restarted after a signal, and the engine's own signals must not look like a
// result.
int Poll(const Words& fds, int timeout_ms) {
  const size_t count = fds.count / 2;
  std::vector<pollfd> entries(count);
  for (size_t index = 0; index < count; ++index) {
    entries[index].fd = fds.data[2 * index];
    entries[index].events = static_cast<short>(fds.data[2 * index + 1]);
    entries[index].revents = 0;
  }
  const double deadline = timeout_ms > 0 ? MonotonicMilliseconds() + timeout_ms : 0;
  int left = timeout_ms;
  int ready = poll(entries.data(), count, left);
  while (ready < 0 && errno == EINTR) {
    if (timeout_ms > 0) {
      const double rest = deadline - MonotonicMilliseconds();
      left = rest > 0 ? static_cast<int>(rest) + 1 : 0;
    }
    ready = poll(entries.data(), count, left);
  }
  if (ready < 0) return -errno;
  for (size_t index = 0; index < count; ++index) {
    fds.data[2 * index + 1] = entries[index].revents;
  }
  return ready;
}

int Prctl(int option, int64_t argument) { return OrErrno(prctl(option, argument, 0L, 0L, 0L)); }

int Umask(uint32_t mask) { return static_cast<int>(umask(mask)); }

int Prlimit(int pid, int resource, uint64_t soft, uint64_t hard) {
  const rlimit64 limit{soft, hard};
  return OrErrno(syscall(SYS_prlimit64, pid, resource, &limit, nullptr));
}

int SchedSetattr(int pid, uint32_t policy, uint64_t flags, int nice, uint32_t priority,
                 uint64_t runtime, uint64_t deadline, uint64_t period) {
  SchedulingAttributes attributes = {};
  attributes.size = sizeof attributes;
  attributes.policy = policy;
  attributes.flags = flags;
  attributes.nice = nice;
  attributes.priority = priority;
  attributes.runtime = runtime;
  attributes.deadline = deadline;
  attributes.period = period;
  return OrErrno(syscall(SYS_sched_setattr, pid, &attributes, 0));
}

int IoprioSet(int pid, uint32_t value) {
  return OrErrno(syscall(SYS_ioprio_set, kIoPriorityOfProcess, pid, value));
}

double Now() { return MonotonicMilliseconds(); }

Napi::Value KernelRelease(Napi::Env env) {
  utsname names;
  uname(&names);
  return Napi::String::New(env, names.release);
}

}  // namespace runt::addon
