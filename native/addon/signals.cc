// SPDX-License-Identifier: Apache-2.0
// Signals that a descriptor makes readable.
//
// Not signalfd(2): that works only where every thread has the signal blocked, and the JavaScript
// engine's helper threads were there before us. A handler runs whichever thread the kernel picks.

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "addon.h"

namespace runt::addon {
namespace {

// The handler writes here. There is one for the process, as for handlers.
int g_handler_end = -1;
// Signals, as bits, that end a process that does not read them.
std::atomic<uint64_t> g_ending = 0;
// The time at which the oldest unread one of them came, in seconds; 0 is never.
std::atomic<int64_t> g_unread = 0;

constexpr uint64_t Bit(int signal) { return uint64_t{1} << (signal - 1); }

int64_t Seconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + 1;
}

// A system call that never ends must not leave SIGKILL as the only way to end the process.
void EndIfStuck(int signal) {
  if ((g_ending & Bit(signal)) == 0) return;
  const int64_t now = Seconds();
  int64_t first = 0;
  if (g_unread.compare_exchange_strong(first, now) || now - first < 2) return;
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  // It is blocked until the handler returns.
  raise(signal);
}

void Report(int signal) {
  const int saved = errno;
  EndIfStuck(signal);
  const auto byte = static_cast<unsigned char>(signal);
  // A full pipe (64 Ki signals unread) drops the signal; waiting here could wait for ever.
  [[maybe_unused]] const ssize_t ignored = write(g_handler_end, &byte, 1);
  errno = saved;
}

int Install(const std::vector<int>& signals) {
  struct sigaction action = {};
  action.sa_handler = Report;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  sigset_t unblocked;
  sigemptyset(&unblocked);
  for (const int signal : signals) {
    if (sigaction(signal, &action, nullptr) < 0) return errno;
    sigaddset(&unblocked, signal);
  }
  // The process that started this one may have left them blocked.
  return pthread_sigmask(SIG_UNBLOCK, &unblocked, nullptr);
}

}  // namespace

int Signalfd(const std::vector<int>& signals) {
  int ends[2];
  if (g_handler_end >= 0) return -EBUSY;
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return -errno;
  g_handler_end = ends[1];
  // After a failure some handlers may be in place; the pipe stays for them.
  const int problem = Install(signals);
  return problem == 0 ? ends[0] : -problem;
}

bool IsSignalIgnored(int signal) {
  struct sigaction action = {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool IsEndWanted() { return g_unread != 0; }

int SignalsEnd(const std::vector<int>& signals) {
  uint64_t ending = 0;
  for (const int signal : signals) {
    if (signal < 1 || signal > 64) return -EINVAL;
    ending |= Bit(signal);
  }
  g_ending = ending;
  return 0;
}

int SignalfdRead(int fd) {
  g_unread = 0;
  unsigned char signal = 0;
  const ssize_t count = Retry([&] { return read(fd, &signal, 1); });
  if (count == 1) return signal;
  return count < 0 && errno != EAGAIN ? -errno : 0;
}

}  // namespace runt::addon
