#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../arguments.h"
#include "../control.h"
#include "steps.h"

namespace runt {

namespace {

constexpr std::uint32_t kTimedOut = 0x10000;

// What of the kernel's siginfo_t waitid(2) fills in for a child.
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
  UniqueFd file = TRY(
      CheckedFd(Syscall(__NR_memfd_create, "state", MFD_CLOEXEC), Call::kMemfdCreate, step.path));
  Text<16> pid;
  // As the container sees it: that is what the spec wants for hooks in its namespaces.
  pid.AddNumber(static_cast<std::uint64_t>(Syscall(__NR_getpid)));
  for (const std::string_view part : {step.state_head, pid.view(), step.state_tail}) {
    TRY(Check(WriteAll(file.get(), part.data(), part.size()), Call::kWrite, step.path));
  }
  TRY(Check(Syscall(__NR_lseek, file.get(), 0, 0), Call::kWrite, step.path));
  return file;
}

// In the child: becomes the hook, or writes errno to `report`.
[[noreturn]] void BecomeHook(const HookStep& step, int state, int output, int report,
                             const ArgumentVector& args, const ArgumentVector& env) {
  long failed = Syscall(__NR_dup3, state, 0, 0);
  if (failed >= 0) failed = Syscall(__NR_dup3, output, 1, 0);
  if (failed >= 0) failed = Syscall(__NR_dup3, output, 2, 0);
  if (failed >= 0) failed = Syscall(__NR_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (failed >= 0) failed = Syscall(__NR_execve, step.path.data(), args.data(), env.data());
  const int number = static_cast<int>(-failed);
  WriteAll(report, &number, sizeof number);
  ExitProcess(127);
}

// 0 or the errno with which the hook could not be executed; -errno if that cannot be told.
long ExecError(int report) {
  int number = 0;
  const long got = ReadSome(report, &number, sizeof number);
  return got < 0 ? got : number;
}

// Waits until the hook ends or its time is over; then kills it. Either way it is reaped.
Result<std::uint32_t> WaitForHook(const HookStep& step, int pidfd) {
  struct pollfd poll = {pidfd, POLLIN, 0};
  struct __kernel_timespec limit = {step.timeout_ms / 1000, (step.timeout_ms % 1000) * 1000000LL};
  long ready = -EINTR;
  // The kernel writes the time that is left back into `limit`.
  while (ready == -EINTR) {
    ready = Syscall(__NR_ppoll, &poll, 1, step.timeout_ms == 0 ? nullptr : &limit, nullptr, 0);
  }
  if (ready <= 0) Syscall(__NR_pidfd_send_signal, pidfd, kSigKill, nullptr, 0);
  ChildStatus status{};
  long waited = -EINTR;
  while (waited == -EINTR) {
    waited = Syscall(__NR_waitid, kWaitPidfd, pidfd, &status, kWaitExited, nullptr);
  }
  TRY(Check(ready, Call::kPoll, step.path));
  TRY(Check(waited, Call::kWaitid, step.path));
  if (ready == 0) return kTimedOut;
  const auto value = static_cast<std::uint32_t>(status.status);
  // As in a wait status: an exit code in the second byte, a signal in the first.
  return status.code == kExitedCode ? value << 8 : value;
}

}  // namespace

Status Hook(Context& context, const HookStep& step) {
  const UniqueFd state = TRY(StateFile(step));
  const ArgumentVector args(step.args);
  const ArgumentVector env(step.env);
  if (args.data() == nullptr || env.data() == nullptr) {
    return Error{ENOMEM, Call::kMmap, step.path};
  }
  int pipe[2] = {-1, -1};
  TRY(Check(Syscall(__NR_pipe2, pipe, O_CLOEXEC), Call::kPipe2, step.path));
  UniqueFd report_in(pipe[0]);
  UniqueFd report_out(pipe[1]);
  int pidfd = -1;
  const long pid =
      TRY(Checked(Syscall(__NR_clone, CLONE_PIDFD | kSigChild, nullptr, &pidfd, nullptr, nullptr),
                  Call::kClone, step.path));
  if (pid == 0) {
    BecomeHook(step, state.get(), context.Slot(step.slot), report_out.get(), args, env);
  }
  const UniqueFd child(pidfd);
  report_out.Reset();
  const long exec_error = ExecError(report_in.get());
  const std::uint32_t status = TRY(WaitForHook(step, child.get()));
  if (exec_error != 0) {
    return Error{static_cast<int>(exec_error < 0 ? -exec_error : exec_error), Call::kExecve,
                 step.path};
  }
  if (status != 0) {
    return Error{status == kTimedOut ? ETIMEDOUT : ECHILD, Call::kHook, step.path, status};
  }
  return {};
}

}  // namespace runt
