// SPDX-License-Identifier: Apache-2.0
// Steps at which the runtime has to do something outside the container, and the wait for `start`.

#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../control.h"
#include "../stages.h"
#include "steps.h"

namespace runt {

namespace {

// The values of a question about a file of this process: whether the process is dumpable.
constexpr std::int32_t kNotDumpable = 0;
constexpr std::int32_t kDumpable = 1;

// Has the runtime write to a file of this process in /proc. The files of a process that is not
// dumpable belong to root of the user namespace that init was executed in. So a rootless runtime
// cannot open them, says so, and is asked once more while they belong to its user. In that moment no
// process gains a right: this process has no capability outside of the namespace that it has made,
// and outside of it only the runtime's user may look into it, who may look into the runtime as well.
// For root the moment never comes: root of a container that shares the runtime's pid namespace is
// that user, and would get the host's root directory through this process.
Status AskToWrite(Context& context, Message question) {
  std::int32_t refused = 0;
  TRY(Tell(context, question, kNotDumpable));
  TRY(WaitFor(context, question, &refused));
  if (refused == 0) return {};
  TRY(Check(Syscall(__NR_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0), Call::kPrctl, "PR_SET_DUMPABLE"));
  const Result<ReceivedMessage> answer = Ask(context, question, kDumpable);
  TRY(Protect(context));
  return answer.ok() ? Status() : answer.error();
}

// Returns from a signal handler; the kernel's other architectures have that in the vDSO.
#ifdef __x86_64__
__asm__(
    ".section .text.RuntReturn,\"ax\",@progbits\n"
    ".globl RuntReturn\n"
    ".type RuntReturn,@function\n"
    "RuntReturn:\n"
    "  mov $15, %eax\n"
    "  syscall\n"
    "  hlt\n"
    ".size RuntReturn,.-RuntReturn\n"
    ".text\n");
extern "C" void RuntReturn();
#else
void RuntReturn() {}
#endif

// Signals that end any program end a process that waits for `start`. The kernel keeps signals from
// the first process of a pid namespace, unless it handles them. The reader of a pipe or socket may be
// gone; write(2) then reports it. execve resets the handlers.
void HandleSignals() {
  struct Action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    std::uint64_t mask;
  };
  constexpr unsigned long kRestorer = 0x04000000;
  constexpr int kHangup = 1;
  constexpr int kInterrupt = 2;
  constexpr int kQuit = 3;
  constexpr int kPipe = 13;
  constexpr int kTerminate = 15;
  const Action end = {[](int signal) { ExitProcess(128 + signal); }, kRestorer, RuntReturn, 0};
  const Action nothing = {[](int /*signal*/) {}, kRestorer, RuntReturn, 0};
  for (const int signal : {kHangup, kInterrupt, kQuit, kTerminate}) {
    Syscall(__NR_rt_sigaction, signal, &end, nullptr, sizeof(end.mask));
  }
  Syscall(__NR_rt_sigaction, kPipe, &nothing, nullptr, sizeof(nothing.mask));
}

}  // namespace

Status IdMaps(Context& context, const IdMapsStep& /*step*/) {
  TRY(AskToWrite(context, Message::kIdMaps));
  return BecomeRoot(context);
}

Status TimeOffsets(Context& context, const TimeOffsetsStep& /*step*/) { return AskToWrite(context, Message::kTimeOffsets); }

Status Cgroup(Context& context, const CgroupStep& /*step*/) {
  const ReceivedMessage answer = TRY(Ask(context, Message::kCgroup));
  Status joined;
  for (std::size_t i = 0; i < answer.fd_count; ++i) {
    const UniqueFd file(answer.fds[i]);
    // "0" is the writer itself; for a single thread the kernel then takes no global lock.
    if (joined.ok()) joined = Check(WriteAll(file.get(), "0", 1), Call::kWrite, "cgroup");
  }
  return joined;
}

Status RuntimeHooks(Context& context, const RuntimeHooksStep& /*step*/) {
  const Result<ReceivedMessage> answer = Ask(context, Message::kRuntimeHooks);
  return answer.ok() ? Status() : answer.error();
}

Status NetDevices(Context& context, const NetDevicesStep& /*step*/) {
  const Result<ReceivedMessage> answer = Ask(context, Message::kNetDevices);
  return answer.ok() ? Status() : answer.error();
}

Status Settle(Context& context) {
  if (context.settled) return {};
  context.settled = true;
  // From here on no path gets hidden, and the masks must not stay open while the container waits.
  context.null_mask.Reset();
  context.directory_mask.Reset();
  context.held.Clear();
  context.device_nodes.Reset();
  // From the answer on the container must outlive the runtime; if the runtime dies before it, the
  // socket's end of file ends this process.
  TRY(Check(Syscall(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0), Call::kPrctl, "PR_SET_PDEATHSIG"));
  HandleSignals();
  return {};
}

Status Ready(Context& context, const ReadyStep& /*step*/) {
  TRY(Settle(context));
  TRY(Ask(context, Message::kReady, static_cast<std::int32_t>(context.refused)));
  context.ready = true;
  return {};
}

Status Start(Context& context, const StartStep& step) {
  // From here on a failure is for `start`, not for the runtime that created the container.
  context.control.Reset();
  // Blocks until `start` opens the other end.
  context.fifo = TRY(context.procfs.Reopen(context.Slot(step.slot), O_WRONLY, "start FIFO"));
  return TellStart(context, kStartByteGoesOn);
}

}  // namespace runt
