// SPDX-License-Identifier: Apache-2.0
// The system call filter. Init does all work before it that it can: after it, init must not need
// more system calls than a profile has to allow for runc too. These are `openat`, `write` and `close`
// for a `start`, `capset` if the filter needed CAP_SYS_ADMIN, and `execve`.

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../control.h"
#include "../stages.h"
#include "steps.h"

namespace runt {

namespace {

constexpr std::string_view kSubject = "filter";

// Makes the calls that the filter may forbid later. The program's name may be a link through init's
// procfs, so init lets go of the procfs once nothing needs it any more.
Status PrepareForFilter(Context& context) {
  TRY(context.procfs.Prepare());
  TRY(PrepareExec(context, context.plan.exec));
  TRY(Settle(context));
  if (context.plan.waits || !context.ready) return {};
  if (!context.plan.hooks) context.procfs.Forget();
  return AnnounceExec(context);
}

// The runtime takes the descriptor itself (pidfd_getfd): sending it would need sendmsg to be allowed.
Status PassListener(Context& context, const UniqueFd& listener) {
  std::int32_t refused = 0;
  TRY(Tell(context, Message::kSeccompListener, listener.get()));
  TRY(WaitFor(context, Message::kSeccompListener, &refused));
  if (refused == 0) return {};
  // A rootless runtime cannot take descriptors from a process that is not dumpable. If the container
  // has processes already, they could use the dumpable moment as well.
  const Error error{refused, Call::kSeccomp, "listener"};
  if (context.shares_pids) return error;
  TRY(Check(Syscall(__NR_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0), Call::kPrctl, "PR_SET_DUMPABLE"));
  TRY(Tell(context, Message::kSeccompListener, listener.get()));
  const Result<ReceivedMessage> answer = WaitFor(context, Message::kSeccompListener, &refused);
  TRY(Check(Syscall(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0), Call::kPrctl, "PR_SET_DUMPABLE"));
  TRY(answer);
  return refused == 0 ? Status() : error;
}

// Returns 0, or the listener where `flags` ask for one.
Result<int> Load(Context& context, std::string_view filter, std::uint32_t flags) {
  const std::size_t count = filter.size() / sizeof(struct sock_filter);
  if (count == 0 || count > BPF_MAXINSNS || filter.size() % sizeof(struct sock_filter) != 0) {
    return Error{EINVAL, Call::kDecode, kSubject};
  }
  TRY(PrepareForFilter(context));
  struct sock_fprog program = {};
  program.len = static_cast<unsigned short>(count);
  // Bytes of a plan are aligned to 8. The kernel only reads them.
  program.filter = reinterpret_cast<struct sock_filter*>(const_cast<char*>(filter.data()));
  const long loaded = Syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, static_cast<long>(flags), &program);
  TRY(Check(loaded, Call::kSeccomp, kSubject));
  context.filtered = true;
  return static_cast<int>(loaded);
}

}  // namespace

Status Seccomp(Context& context, const SeccompStep& step) {
  const int loaded = TRY(Load(context, step.filter, step.flags));
  TRY(DropCapabilities(context));
  if ((step.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0) {
    TRY(PassListener(context, UniqueFd(loaded)));
  }
  return context.plan.waits && context.ready ? Tell(context, Message::kFiltered, 0) : Status();
}

// The listener has to be on its way before any other call: each waits for its reader. A descriptor that stayed here would
// keep calls waiting when the reader has gone.
Status RecordSeccomp(Context& context, const RecordSeccompStep& step) {
  const int listener = TRY(Load(context, step.filter, step.flags));
  constexpr ControlMessage kMessage{Message::kRecord, 0};
  const long sent = SendMessageMarked(context.control.get(), &kMessage, sizeof kMessage, listener, step.fifth, step.sixth);
  Syscall(__NR_close, listener, 0, 0, 0, step.fifth, step.sixth);
  TRY(Check(sent, Call::kSendmsg, "listener"));
  TRY(DropCapabilities(context));
  return context.plan.waits ? Tell(context, Message::kFiltered, 0) : Status();
}

}  // namespace runt
