// SPDX-License-Identifier: Apache-2.0
// Processes that exist already, and facts of our own.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../base/syscall.h"
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

// Without pidfd_open(2), the directory of a process in procfs stands for the process: it never stands for another process
// with the same pid. But poll(2) always finds it ready, so this list keeps the descriptors that are such directories.
std::vector<int>& Directories() {
  thread_local std::vector<int> directories;
  return directories;
}

bool IsDirectory(int fd) {
  const std::vector<int>& known = Directories();
  return std::find(known.begin(), known.end(), fd) != known.end();
}

int OpenDirectory(int pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d", pid);
  const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? -ESRCH : -errno;
  Directories().push_back(fd);
  return fd;
}

// The number of the process that a pidfd or such a directory stands for; -1 if it has ended and been reaped.
int PidOf(int pidfd) {
  char path[64];
  char text[512];
  if (IsDirectory(pidfd)) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", pidfd);
    const ssize_t size = readlink(path, text, sizeof text - 1);
    if (size <= 0) return -1;
    text[size] = '\0';
    int pid = -1;
    // The kernel also names a process that is gone: "/proc/123 (deleted)".
    return sscanf(text, "/proc/%d", &pid) == 1 && Syscall(__NR_faccessat, pidfd, "stat", F_OK) == 0 ? pid : -1;
  }
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
  const UniqueFd file(open(path, O_RDONLY | O_CLOEXEC));
  const ssize_t size = file.valid() ? read(file.get(), text, sizeof text - 1) : -1;
  if (size <= 0) return -1;
  text[size] = '\0';
  const char* line = strstr(text, "\nPid:");
  return line == nullptr ? -1 : atoi(line + 5);
}

// Whether the process of such a directory has ended.
bool HasEnded(int directory) {
  const UniqueFd file(openat(directory, "stat", O_RDONLY | O_CLOEXEC));
  char text[1024];
  const ssize_t size = file.valid() ? read(file.get(), text, sizeof text - 1) : -1;
  if (size <= 0) return true;
  text[size] = '\0';
  // The name of the program, in parentheses, may hold anything.
  const char* end = strrchr(text, ')');
  return end == nullptr || end[1] == '\0' || end[2] == 'Z' || end[2] == 'X';
}

// Sets `revents` of such directories, which poll(2) does not know. Returns how many entries are ready then.
int LookAtDirectories(std::vector<pollfd>& entries) {
  int ready = 0;
  for (pollfd& entry : entries) {
    if (IsDirectory(entry.fd)) entry.revents = HasEnded(entry.fd) ? POLLIN : 0;
    if (entry.revents != 0) ++ready;
  }
  return ready;
}

constexpr int kLookAgain = 10;

// poll(2) for entries, some of which are such directories.
int PollDirectories(std::vector<pollfd>& entries, int timeout_ms) {
  std::vector<pollfd> others = entries;
  for (pollfd& other : others) {
    if (IsDirectory(other.fd)) other.fd = -1;
  }
  for (int left = timeout_ms;;) {
    const int step = left < 0 || left > kLookAgain ? kLookAgain : left;
    if (poll(others.data(), others.size(), step) < 0) return -1;
    for (size_t i = 0; i < entries.size(); ++i) entries[i].revents = others[i].revents;
    const int ready = LookAtDirectories(entries);
    if (ready > 0 || left == 0) return ready;
    if (left > 0) left -= step;
  }
}

int PollAny(std::vector<pollfd>& entries, int timeout_ms) {
  const auto is_directory = [](const pollfd& entry) { return IsDirectory(entry.fd); };
  if (Directories().empty() || std::none_of(entries.begin(), entries.end(), is_directory)) {
    return poll(entries.data(), entries.size(), timeout_ms);
  }
  return PollDirectories(entries, timeout_ms);
}

}  // namespace

int PidfdOpen(int pid) {
  const int fd = OrErrno(syscall(SYS_pidfd_open, pid, 0));
  return IsMissing(fd) ? OpenDirectory(pid) : fd;
}

void ForgetPidfd(int fd) {
  std::vector<int>& known = Directories();
  known.erase(std::remove(known.begin(), known.end(), fd), known.end());
}

int PidfdKill(int pidfd, int signal) {
  const int sent = OrErrno(syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
  if (!IsMissing(sent)) return sent;
  // Refused by the kernel or by a filter: then kill(2) says which.
  const int pid = PidOf(pidfd);
  return pid <= 0 ? -ESRCH : OrErrno(kill(pid, signal));
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

int InotifyAdd(int fd, const Path& path, uint32_t mask) { return OrErrno(inotify_add_watch(fd, path.text, mask)); }

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
  int ready = PollAny(entries, left);
  while (ready < 0 && errno == EINTR) {
    if (timeout_ms > 0) {
      const double rest = deadline - MonotonicMilliseconds();
      left = rest > 0 ? static_cast<int>(rest) + 1 : 0;
    }
    ready = PollAny(entries, left);
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

int SchedSetattr(int pid, uint32_t policy, uint64_t flags, int nice, uint32_t priority, uint64_t runtime, uint64_t deadline,
                 uint64_t period) {
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

int IoprioSet(int pid, uint32_t value) { return OrErrno(syscall(SYS_ioprio_set, kIoPriorityOfProcess, pid, value)); }

double Now() { return MonotonicMilliseconds(); }

Napi::Value ProcStat(Napi::Env env, int pid) {
  char text[4096];
  std::snprintf(text, sizeof text, "/proc/%d/stat", pid);
  const UniqueFd fd(Retry([&] { return open(text, O_RDONLY | O_CLOEXEC); }));
  if (fd.get() < 0) return Napi::Number::New(env, -errno);
  const ssize_t size = Retry([&] { return read(fd.get(), text, sizeof text - 1); });
  if (size < 0) return Napi::Number::New(env, -errno);
  text[size] = '\0';
  // The second field is the name in parentheses, and may hold spaces and parentheses itself.
  const char* end = std::strrchr(text, ')');
  if (end == nullptr || end[1] != ' ' || end[2] == '\0') return Napi::Number::New(env, -EIO);
  const char* at = end + 2;
  Napi::Object result = Napi::Object::New(env);
  result.Set("state", Napi::String::New(env, at, 1));
  // By their numbers in proc(5).
  const struct {
    int field;
    const char* name;
  } wanted[] = {{4, "parent"}, {9, "flags"}, {22, "startTime"}, {52, "exitCode"}};
  int field = 3;
  for (const auto& [number, name] : wanted) {
    for (; at != nullptr && field < number; ++field) {
      at = std::strchr(at, ' ');
      if (at != nullptr) ++at;
    }
    if (at == nullptr) return Napi::Number::New(env, -EIO);
    result.Set(name, Napi::Number::New(env, std::strtod(at, nullptr)));
  }
  return result;
}

Napi::Value KernelRelease(Napi::Env env) {
  utsname names;
  uname(&names);
  return Napi::String::New(env, names.release);
}

}  // namespace runt::addon
