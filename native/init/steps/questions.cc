// Steps at which the runtime has to do something outside the container, and the wait for `start`.

#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../control.h"
#include "../stages.h"
#include "steps.h"

namespace runt {

namespace {

// Asks while this process may be written to: the files of a process that is not dumpable belong to
// the host's root, so a rootless runtime could not open its uid_map. No namespace of a container
// has been joined in which anybody could use that moment: pid namespaces take effect at the fork
// only.
Status AskDumpable(Context& context, Message question) {
  TRY(Check(Syscall(__NR_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0), Call::kPrctl, "PR_SET_DUMPABLE"));
  const Result<ReceivedMessage> answer = Ask(context, question);
  TRY(Protect(context));
  return answer.ok() ? Status() : answer.error();
}

// A process that waits for `start` is ended by what ends any program. The kernel keeps signals from
// the first process of a pid namespace, unless it handles them. execve sets them back.
void EndBySignals() {
  struct Action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    std::uint64_t mask;
  };
  // The handler never returns, so that the restorer, which x86_64 wants, is never called.
  constexpr unsigned long kRestorer = 0x04000000;
  constexpr int kHangup = 1;
  constexpr int kInterrupt = 2;
  constexpr int kQuit = 3;
  constexpr int kTerminate = 15;
  const Action end = {[](int signal) { ExitProcess(128 + signal); }, kRestorer, [] {}, 0};
  for (const int signal : {kHangup, kInterrupt, kQuit, kTerminate}) {
    Syscall(__NR_rt_sigaction, signal, &end, nullptr, sizeof(end.mask));
  }
}

}  // namespace

Status IdMaps(Context& context, const IdMapsStep& /*step*/) {
  TRY(AskDumpable(context, Message::kIdMaps));
  return BecomeRoot(context);
}

Status TimeOffsets(Context& context, const TimeOffsetsStep& /*step*/) {
  return AskDumpable(context, Message::kTimeOffsets);
}

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

Status Ready(Context& context, const ReadyStep& /*step*/) {
  // Nothing is hidden from here on, and nothing of it is to stay open while the container waits.
  context.null_mask.Reset();
  context.directory_mask.Reset();
  context.held.Clear();
  context.device_nodes.Reset();
  // From the answer on the container must outlive the runtime; if the runtime dies before it, the
  // socket's end of file ends this process.
  TRY(Check(Syscall(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0), Call::kPrctl, "PR_SET_PDEATHSIG"));
  EndBySignals();
  TRY(Ask(context, Message::kReady, static_cast<std::int32_t>(context.refused)));
  context.ready = true;
  return {};
}

Status Start(Context& context, const StartStep& step) {
  // From here on a failure is for `start`, not for the runtime that created the container.
  context.control.Reset();
  // Blocks until `start` opens the other end.
  context.fifo = TRY(context.procfs.Reopen(context.Slot(step.slot), O_WRONLY, "start FIFO"));
  return TellStart(context, "0");
}

}  // namespace runt
