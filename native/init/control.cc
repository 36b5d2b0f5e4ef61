#include "control.h"

#include "../base/file.h"
#include "../base/kernel.h"
#include "../base/syscall.h"

namespace runt {

namespace {

constexpr std::string_view kSubject = "control socket";

}  // namespace

Status Tell(const Context& context, Message kind, std::int32_t value) {
  const ControlMessage message{kind, value};
  return Check(SendMessage(context.control.get(), &message, sizeof message, -1), Call::kSendmsg,
               kSubject);
}

Result<ReceivedMessage> WaitFor(const Context& context, Message kind, std::int32_t* value) {
  ControlMessage message{};
  ReceivedMessage received;
  TRY(Check(ReceiveMessage(context.control.get(), &message, sizeof message, &received),
            Call::kRecvmsg, kSubject));
  if (received.size == 0) return Error{ECONNRESET, Call::kAnswer, kSubject};
  if (received.size != sizeof message || message.kind != kind) {
    return Error{EPROTO, Call::kAnswer, kSubject, static_cast<std::uint32_t>(message.kind)};
  }
  *value = message.value;
  return received;
}

Result<ReceivedMessage> Ask(const Context& context, Message kind) {
  TRY(Tell(context, kind, 0));
  std::int32_t value = 0;
  return WaitFor(context, kind, &value);
}

void ReportFailure(const Context& context, std::uint32_t step, const Error& error) {
  const FailureRecord record = MakeFailure(context.stage, step, error);
  if (context.control.valid()) {
    SendMessage(context.control.get(), &record, sizeof record, -1);
  } else if (context.fifo.valid()) {
    WriteAll(context.fifo.get(), &record, sizeof record);
  }
}

bool IsRuntimeGone(const Context& context) {
  struct pollfd poll = {context.control.get(), 0, 0};
  struct __kernel_timespec now = {0, 0};
  const long ready = Syscall(__NR_ppoll, &poll, 1, &now, nullptr, 0);
  return ready > 0 && (poll.revents & POLLHUP) != 0;
}

}  // namespace runt
