// SPDX-License-Identifier: Apache-2.0
#include "keeper.h"

#include "../base/file.h"
#include "../base/kernel.h"
#include "../base/socket.h"
#include "../base/start.h"
#include "../base/syscall.h"
#include "../base/text.h"
#include "../base/unique_fd.h"
#include "../plan/messages.h"

// The linker's: the first byte of the program, and the first behind its code.
extern "C" {
[[gnu::visibility("hidden")]] extern const char __ehdr_start[];
[[gnu::visibility("hidden")]] extern const char etext[];
}

namespace runt {

namespace {

constexpr const char* kNext = ".exit.json.new";
constexpr const char* kNote = "exit.json";
constexpr std::string_view kName = "runt:[0:KEEP]";

constexpr int kWaitAll = 0;                // P_ALL of waitid(2)
constexpr unsigned kWaitNoHang = 1;        // WNOHANG
constexpr unsigned kWaitKeep = 0x1000000;  // WNOWAIT
// si_code: it has exited itself.
constexpr int kExited = 1;
constexpr int kClockRealtime = 0;

// siginfo_t of SIGCHLD.
struct ChildEnd {
  int signal;
  int error;
  int code;
  int padding;
  int pid;
  unsigned user;
  // Exit status, or the signal.
  int status;
  char rest[100];
};
static_assert(sizeof(ChildEnd) == 128);

struct Time {
  std::int64_t seconds;
  std::int64_t rest;
};

// struct rusage; the processor times come first (microseconds).
struct Usage {
  Time user;
  Time system;
  long rest[14];
};

// Waits for the end of any child; its pid, 0 if none has ended, or -errno.
long NextEnd(unsigned options, ChildEnd* end, Usage* usage) {
  *end = {};
  long result = -EINTR;
  while (result == -EINTR) {
    result = Syscall(__NR_waitid, kWaitAll, 0, end, kWaitExited | options, usage);
  }
  return result < 0 ? result : end->pid;
}

int StatusOf(const ChildEnd& end) { return end.code == kExited ? end.status : 128 + end.status; }

// The number after "oom_kill " in memory.events or memory.oom_control; 0 if it cannot be read.
std::uint64_t CountKills(int file) {
  char text[1024];
  if (file < 0) return 0;
  const long size = Syscall(__NR_pread64, file, text, sizeof text, 0);
  if (size <= 0) return 0;
  std::string_view rest(text, static_cast<std::size_t>(size));
  constexpr std::string_view kKey = "oom_kill ";
  while (!rest.empty()) {
    std::size_t end = 0;
    while (end < rest.size() && rest[end] != '\n') ++end;
    const std::string_view line(rest.data(), end);
    std::uint64_t number = 0;
    if (StartsWith(line, kKey) && ParseNumber({line.data() + kKey.size(), line.size() - kKey.size()}, &number)) {
      return number;
    }
    rest.remove_prefix(end < rest.size() ? end + 1 : end);
  }
  return 0;
}

// The note is written to another file, which is then renamed, so that no reader sees a part of it. A failure is not reported,
// for want of a receiver; the container's directory may be gone by now.
void Note(int directory, const ChildEnd& end, std::uint64_t kills) {
  Time now = {};
  Syscall(__NR_clock_gettime, kClockRealtime, &now);
  const bool signaled = end.code != kExited;
  Text<512> text("{\"exitCode\":");
  text.AddNumber(static_cast<std::uint64_t>(StatusOf(end)));
  if (signaled) text.Add(",\"signal\":").AddNumber(static_cast<std::uint64_t>(end.status));
  // The same rule as in `wait`: the process ended by SIGKILL, and the kernel has killed for want of memory.
  text.Add(",\"oomKilled\":").Add(signaled && end.status == kSigKill && kills > 0 ? "true" : "false");
  // Nanoseconds since 1970.
  text.Add(",\"endedNs\":\"")
      .AddNumber(static_cast<std::uint64_t>(now.seconds) * 1'000'000'000U + static_cast<std::uint64_t>(now.rest));
  text.Add("\"}\n");
  UniqueFd file(
      static_cast<int>(Syscall(__NR_openat, directory, kNext, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)));
  if (!file.valid()) return;
  const bool whole = WriteAll(file.get(), text.c_str(), text.view().size()) == 0;
  file.Reset();
  if (!whole || Syscall(__NR_renameat2, directory, kNext, directory, kNote, 0) < 0) {
    Syscall(__NR_unlinkat, directory, kNext, 0);
  }
}

// The runtime has given up: processes that are left end with this one. Its exit status comes from a child that has ended.
[[noreturn]] void GiveUp(int joiner) {
  int status = 1;
  ChildEnd end;
  while (NextEnd(kWaitNoHang, &end, nullptr) > 0) {
    if (end.pid != joiner || StatusOf(end) != 0) status = StatusOf(end);
  }
  ExitProcess(status);
}

// The pages of the program that were needed so far are let go: the wait is long, and needs one of them.
void ForgetProgram() {
  constexpr int kDontNeed = 4;  // MADV_DONTNEED
  Syscall(__NR_madvise, __ehdr_start, static_cast<std::size_t>(etext - __ehdr_start), kDontNeed);
}

[[noreturn]] void Keep(int first, int directory, int kills_file) {
  ChildEnd end;
  ForgetProgram();
  for (;;) {
    const long pid = NextEnd(kWaitKeep, &end, nullptr);
    if (pid < 0) ExitProcess(1);
    if (pid == first) break;
    NextEnd(0, &end, nullptr);
  }
  // The note comes before the process is reaped: a cgroup manager removes the empty cgroup then, and readers expect the note.
  Note(directory, end, CountKills(kills_file));
  const int status = StatusOf(end);
  while (NextEnd(0, &end, nullptr) > 0) {
  }
  ExitProcess(status);
}

void ShowName(char* program_name) {
  if (std::string_view(program_name).size() == kName.size()) {
    for (std::size_t i = 0; i < kName.size(); ++i) program_name[i] = kName[i];
  }
  Syscall(__NR_prctl, PR_SET_NAME, kName.data(), 0, 0, 0);
}

// Closes all but one descriptor: streams of the caller's would stay open, and the control socket would never end.
void CloseOthers(int kept) {
  if (kept > 0) Syscall(__NR_close_range, 0, kept - 1, 0);
  const long rest = Syscall(__NR_close_range, kept + 1, ~0U, 0);
  if (rest >= 0) return;
  for (int fd = 0; fd < kept; ++fd) Syscall(__NR_close, fd);
}

}  // namespace

void MakeKeeper(int socket, char* program_name) {
  // No key of the caller's terminal ends it.
  Syscall(__NR_prctl, PR_SET_PDEATHSIG, kSigKill, 0, 0, 0);
  const long joiner = Syscall(__NR_clone, kSigChild, nullptr, nullptr, nullptr, nullptr);
  if (joiner == 0) {
    Syscall(__NR_close, socket);
    return;
  }
  Syscall(__NR_setsid);
  ShowName(program_name);
  CloseOthers(socket);
  Syscall(__NR_chdir, "/");
  ControlMessage message{Message::kKeeper, static_cast<std::int32_t>(joiner)};
  if (joiner < 0 || SendMessage(socket, &message, sizeof message, -1) < 0) ExitProcess(1);
  ReceivedMessage received;
  const long got = ReceiveMessage(socket, &message, sizeof message, &received);
  if (got < 0 || received.size != sizeof message || message.kind != Message::kKeeper || received.fd_count == 0) {
    GiveUp(static_cast<int>(joiner));
  }
  Syscall(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
  if (SendMessage(socket, &message, sizeof message, -1) < 0) GiveUp(static_cast<int>(joiner));
  Syscall(__NR_close, socket);
  Keep(message.value, received.fds[0], received.fd_count > 1 ? received.fds[1] : -1);
}

}  // namespace runt
