// Signals as something to read.
//
// Not signalfd(2): that works only where every thread has the signal blocked, and the JavaScript
// engine's helper threads were there before us. A handler runs whichever thread the kernel picks.

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "addon.h"

namespace runt::addon {
namespace {

// Where the handler writes. One for the process, as handlers are.
int g_handler_end = -1;

void Report(int signal) {
  const int saved = errno;
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
  // Whoever started us may have left them blocked.
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

int SignalfdRead(int fd) {
  unsigned char signal = 0;
  const ssize_t count = Retry([&] { return read(fd, &signal, 1); });
  if (count == 1) return signal;
  return count < 0 && errno != EAGAIN ? -errno : 0;
}

}  // namespace runt::addon
