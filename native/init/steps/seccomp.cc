// The system call filter. What init still does after it must not need more system calls than a
// profile has to allow for runc too: `write` and `read` instead of messages with descriptors, `openat`
// for the start FIFO, `close`, `execve`.

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "../../base/kernel.h"
#include "../../base/syscall.h"
#include "../control.h"
#include "../stages.h"
#include "steps.h"

namespace runt {

Status Seccomp(Context& context, const SeccompStep& step) {
  constexpr std::string_view kSubject = "filter";
  const std::size_t count = step.filter.size() / sizeof(struct sock_filter);
  if (count == 0 || count > BPF_MAXINSNS || step.filter.size() % sizeof(struct sock_filter) != 0) {
    return Error{EINVAL, Call::kDecode, kSubject};
  }
  // Made now, because the filter may not allow openat2 or fsopen.
  TRY(context.procfs.Prepare());
  TRY(Check(Syscall(__NR_close_range, context.first_own, ~0U, CLOSE_RANGE_CLOEXEC),
            Call::kCloseRange, "own descriptors"));
  struct sock_fprog program = {};
  program.len = static_cast<unsigned short>(count);
  // Bytes of a plan are aligned to 8. The kernel only reads them.
  program.filter = reinterpret_cast<struct sock_filter*>(const_cast<char*>(step.filter.data()));
  const long loaded =
      Syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, static_cast<long>(step.flags), &program);
  TRY(Check(loaded, Call::kSeccomp, kSubject));
  context.filtered = true;
  if ((step.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == 0) return {};
  // The runtime takes the descriptor itself (pidfd_getfd): sending it would need sendmsg to be allowed.
  const UniqueFd listener(static_cast<int>(loaded));
  std::int32_t refused = 0;
  TRY(Tell(context, Message::kSeccompListener, listener.get()));
  TRY(WaitFor(context, Message::kSeccompListener, &refused));
  if (refused == 0) return {};
  // Of a process that is not dumpable a rootless runtime gets nothing. Where the container has
  // processes already, they could use the moment as well.
  const Error error{refused, Call::kSeccomp, "listener"};
  if (context.shares_pids) return error;
  TRY(Check(Syscall(__NR_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0), Call::kPrctl, "PR_SET_DUMPABLE"));
  TRY(Tell(context, Message::kSeccompListener, listener.get()));
  const Result<ReceivedMessage> answer = WaitFor(context, Message::kSeccompListener, &refused);
  TRY(Protect(context));
  TRY(answer);
  return refused == 0 ? Status() : error;
}

}  // namespace runt
