// SPDX-License-Identifier: Apache-2.0
#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../arguments.h"
#include "../control.h"
#include "../descriptors.h"
#include "../passwd.h"
#include "steps.h"

namespace runt {

namespace {

// The part of the kernel's siginfo_t that waitid(2) fills in for a child.
struct ChildStatus {
  std::int32_t signal;
  std::int32_t number;
  std::int32_t code;
  std::int32_t padding;
  std::int32_t pid;
  std::uint32_t uid;
  std::int32_t status;
  unsigned char rest[100];
};
static_assert(sizeof(ChildStatus) == 128);

constexpr std::int32_t kExitedCode = 1;  // CLD_EXITED

// The state that the hook reads from its standard input, as a file.
Result<UniqueFd> StateFile(const HookStep& step) {
  UniqueFd file = TRY(CheckedFd(Syscall(__NR_memfd_create, "state", MFD_CLOEXEC), Call::kMemfdCreate, step.path));
  Text<16> pid;
  // The pid as the container sees it: the spec demands that for hooks in its namespaces.
  pid.AddNumber(static_cast<std::uint64_t>(Syscall(__NR_getpid)));
  for (const std::string_view part : {step.state_head, pid.view(), step.state_tail}) {
    TRY(Check(WriteAll(file.get(), part.data(), part.size()), Call::kWrite, step.path));
  }
  TRY(Check(Syscall(__NR_lseek, file.get(), 0, 0), Call::kWrite, step.path));
  return file;
}

// The output of a hook, copied from a pipe to the file that an error message quotes. The hook does
// not get that file itself: it could fill the host's memory with it.
class HookOutput {
 public:
  // `pipe`: the end to read from, not blocking.
  HookOutput(UniqueFd pipe, int file) : pipe_(std::move(pipe)), file_(file) {}

  // -1, which poll(2) passes over, from the end of file on.
  int fd() const { return pipe_.get(); }

  // Passes on one piece, or drops it if there was too much already; false if there is none now.
  bool Drain() {
    char bytes[4096];
    const long got = ReadSome(pipe_.get(), bytes, sizeof bytes);
    if (got == -EAGAIN) return false;
    if (got <= 0) {
      pipe_.Reset();
      return false;
    }
    const auto size = static_cast<std::size_t>(got);
    const std::size_t kept = size < left_ ? size : left_;
    // Only the hook's status matters, not whether its output could be kept.
    WriteAll(file_, bytes, kept);
    left_ -= kept;
    return true;
  }

  // Passes on the output that is left when the hook has ended. Its children may go on printing, so
  // the limit is the most that a pipe holds, unless its size was raised.
  void DrainRest() {
    constexpr int kPieces = 16;
    for (int i = 0; i < kPieces && Drain(); ++i) {
    }
  }

 private:
  UniqueFd pipe_;
  int file_;
  std::size_t left_ = kHookOutputLimit;
};

struct Pipe {
  UniqueFd in;
  UniqueFd out;
};

Result<Pipe> MakePipe(std::string_view subject) {
  int ends[2] = {-1, -1};
  TRY(Check(Syscall(__NR_pipe2, ends, O_CLOEXEC), Call::kPipe2, subject));
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// In the child: becomes the hook, or writes errno to `report`. `directory`: the working directory,
// -1 to leave it as it is.
[[noreturn]] void BecomeHook(const HookStep& step, Procfs& procfs, int directory, int state, int output, int report,
                             const ArgumentVector& args, const ArgumentVector& env) {
  long failed = directory >= 0 ? Syscall(__NR_fchdir, directory) : 0;
  if (failed >= 0) failed = Syscall(__NR_dup3, state, 0, 0);
  if (failed >= 0) failed = Syscall(__NR_dup3, output, 1, 0);
  if (failed >= 0) failed = Syscall(__NR_dup3, output, 2, 0);
  if (failed >= 0) failed = CloseFromAtExec(procfs, 3);
  if (failed >= 0) failed = Syscall(__NR_execve, step.path.data(), args.data(), env.data());
  const int number = static_cast<int>(-failed);
  WriteAll(report, &number, sizeof number);
  ExitProcess(127);
}

// 0 or the errno with which the hook could not be executed; -errno if that cannot be read.
long ExecError(int report) {
  int number = 0;
  const long got = ReadSome(report, &number, sizeof number);
  return got < 0 ? got : number;
}

// Nanoseconds of CLOCK_MONOTONIC.
std::int64_t Now() {
  struct __kernel_timespec now = {0, 0};
  Syscall(__NR_clock_gettime, kClockMonotonic, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

// Without pidfds (Linux before 5.2): polls the state of the child, without reaping it.
long LookAtChild(struct pollfd* polls, long pid, std::int64_t limit) {
  constexpr std::int64_t kLook = 5'000'000;
  const std::int64_t end = Now() + limit;
  for (;;) {
    ChildStatus status{};
    const long looked = Syscall(__NR_waitid, kWaitPid, pid, &status, kWaitExited | kWaitNoHang | kWaitNoReap, nullptr);
    if (looked < 0 && looked != -EINTR) return looked;
    const bool ended = looked >= 0 && status.pid != 0;
    polls[0].revents = ended ? POLLIN : 0;
    const std::int64_t left = end - Now();
    const std::int64_t waits = ended || left < 0 ? 0 : left < kLook ? left : kLook;
    struct __kernel_timespec step = {0, waits};
    const long ready = Syscall(__NR_ppoll, &polls[1], 1, &step, nullptr, 0);
    if (ready != 0 || ended || left <= 0) return ready == 0 && ended ? 1 : ready;
  }
}

// ppoll(2), whose first entry is the pidfd of a child, -1 for none. The rest of `limit` is written back.
long PollChild(struct pollfd* polls, long pid, struct __kernel_timespec* limit) {
  if (polls[0].fd >= 0) return Syscall(__NR_ppoll, polls, 2, limit, nullptr, 0);
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kForEver = std::int64_t{1} << 60;
  const std::int64_t before = Now();
  const std::int64_t whole = limit == nullptr ? kForEver : limit->tv_sec * kSecond + limit->tv_nsec;
  const long ready = LookAtChild(polls, pid, whole);
  if (limit == nullptr) return ready;
  const std::int64_t left = whole - (Now() - before);
  *limit = left <= 0 ? __kernel_timespec{0, 0} : __kernel_timespec{left / kSecond, left % kSecond};
  return ready;
}

// Waits until the hook ends, and kills it if its time is over. Either way it is reaped. Its output
// is passed on meanwhile, so that a full pipe never stops it.
Result<std::uint32_t> WaitForHook(const HookStep& step, long pid, int pidfd, HookOutput& output) {
  struct pollfd polls[2] = {{pidfd, POLLIN, 0}, {output.fd(), POLLIN, 0}};
  struct __kernel_timespec limit = {step.timeout_ms / 1000, (step.timeout_ms % 1000) * 1000000LL};
  const bool limited = step.timeout_ms != 0;
  long ready = 0;
  for (;;) {
    // The kernel writes the time that is left back into `limit`.
    ready = PollChild(polls, pid, limited ? &limit : nullptr);
    if (ready == -EINTR) continue;
    if (ready <= 0 || polls[0].revents != 0) break;
    output.Drain();
    polls[1].fd = output.fd();
    // For a hook that never stops printing, every call above returns output, so the time is checked here.
    if (limited && limit.tv_sec == 0 && limit.tv_nsec == 0) {
      ready = 0;
      break;
    }
  }
  // The child has not been reaped, so no other process has its pid.
  if (ready <= 0) Syscall(__NR_kill, pid, kSigKill);
  ChildStatus status{};
  long waited = -EINTR;
  while (waited == -EINTR) {
    waited = Syscall(__NR_waitid, kWaitPid, pid, &status, kWaitExited, nullptr);
  }
  output.DrainRest();
  TRY(Check(ready, Call::kPoll, step.path));
  TRY(Check(waited, Call::kWaitid, step.path));
  if (ready == 0) return kHookTimedOut;
  const auto value = static_cast<std::uint32_t>(status.status);
  // As in a wait status: an exit code in the second byte, a signal in the first.
  return status.code == kExitedCode ? value << 8 : value;
}

}  // namespace

Status Hook(Context& context, const HookStep& step) {
  const UniqueFd state = TRY(StateFile(step));
  const ArgumentVector args(step.args);
  const bool add_home = step.home != 0 && !HasHome(step.env);
  Text<1100> home(kHomeVariable);
  if (add_home) home.Add(FindHome(static_cast<std::uint32_t>(Syscall(__NR_getuid))).view());
  const ArgumentVector env(step.env, kHomeVariable, add_home ? home.c_str() : nullptr);
  if (args.data() == nullptr || env.data() == nullptr) {
    return Error{ENOMEM, Call::kMmap, step.path};
  }
  Pipe report = TRY(MakePipe(step.path));
  Pipe printed = TRY(MakePipe(step.path));
  TRY(Check(Syscall(__NR_fcntl, printed.in.get(), F_SETFL, O_NONBLOCK), Call::kPipe2, step.path));
  HookOutput output(std::move(printed.in), context.Slot(step.slot));
  // Hooks before the root is entered start in the rootfs, as in runc; hooks rely on it.
  const int directory = context.entered_root ? -1 : context.root.fd();
  int pidfd = -1;
  long cloned = Syscall(__NR_clone, CLONE_PIDFD | kSigChild, nullptr, &pidfd, nullptr, nullptr);
  // Linux before 5.2 ignores this flag; an imitation of Linux may refuse it.
  if (cloned == -EINVAL) cloned = Syscall(__NR_clone, kSigChild, nullptr, nullptr, nullptr, nullptr);
  const long pid = TRY(Checked(cloned, Call::kClone, step.path));
  if (pid == 0) {
    BecomeHook(step, context.procfs, directory, state.get(), printed.out.get(), report.out.get(), args, env);
  }
  const UniqueFd child(pidfd);
  report.out.Reset();
  printed.out.Reset();
  const long exec_error = ExecError(report.in.get());
  const std::uint32_t status = TRY(WaitForHook(step, pid, child.get(), output));
  if (exec_error != 0) {
    return Error{static_cast<int>(exec_error < 0 ? -exec_error : exec_error), Call::kExecve, step.path};
  }
  if (status != 0) {
    return Error{status == kHookTimedOut ? ETIMEDOUT : ECHILD, Call::kHook, step.path, status};
  }
  return {};
}

}  // namespace runt
