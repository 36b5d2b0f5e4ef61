// SPDX-License-Identifier: Apache-2.0
#include "control.h"

#include "../base/file.h"
#include "../base/kernel.h"
#include "../base/syscall.h"

namespace runt {

namespace {

constexpr std::string_view kSubject = "control socket";

// A message without a descriptor. Once a filter holds, only write(2) can be relied on.
long SendPlain(const Context& context, const void* data, std::size_t size) {
  const int socket = context.control.get();
  return context.filtered ? WriteAll(socket, data, size) : SendMessage(socket, data, size, -1);
}

long Receive(const Context& context, void* data, std::size_t size, ReceivedMessage* received) {
  const int socket = context.control.get();
  if (!context.filtered) return ReceiveMessage(socket, data, size, received);
  const long got = ReadSome(socket, data, size);
  if (got >= 0) received->size = static_cast<std::size_t>(got);
  return got < 0 ? got : 0;
}

}  // namespace

Status Tell(const Context& context, Message kind, std::int32_t value) {
  const ControlMessage message{kind, value};
  return Check(SendPlain(context, &message, sizeof message), Call::kSendmsg, kSubject);
}

Result<ReceivedMessage> WaitFor(const Context& context, Message kind, std::int32_t* value) {
  ControlMessage message{};
  ReceivedMessage received;
  TRY(Check(Receive(context, &message, sizeof message, &received), Call::kRecvmsg, kSubject));
  if (received.size == 0) return Error{ECONNRESET, Call::kAnswer, kSubject};
  if (received.size != sizeof message || message.kind != kind) {
    return Error{EPROTO, Call::kAnswer, kSubject, static_cast<std::uint32_t>(message.kind)};
  }
  *value = message.value;
  return received;
}

Result<ReceivedMessage> Ask(const Context& context, Message kind, std::int32_t about) {
  TRY(Tell(context, kind, about));
  std::int32_t value = 0;
  return WaitFor(context, kind, &value);
}

void ReportFailure(const Context& context, std::uint32_t step, const Error& error) {
  const FailureRecord record = MakeFailure(context.stage, step, error);
  if (context.control.valid()) {
    SendPlain(context, &record, sizeof record);
  } else if (context.fifo.valid()) {
    WriteAll(context.fifo.get(), &record, sizeof record);
  }
}

Status TellStart(const Context& context, std::string_view text) {
  const long written = WriteAll(context.fifo.get(), text.data(), text.size());
  // A `start` that was killed changes nothing: the container was told to run.
  return written == -EPIPE ? Status() : Check(written, Call::kWrite, "start FIFO");
}

Status AnnounceExec(Context& context) {
  if (context.announced) return {};
  context.announced = true;
  return context.fifo.valid() ? TellStart(context, kStartByteExecutes) : Tell(context, Message::kExec, 0);
}

bool IsRuntimeGone(const Context& context) {
  struct pollfd poll = {context.control.get(), 0, 0};
  struct __kernel_timespec now = {0, 0};
  const long ready = Syscall(__NR_ppoll, &poll, 1, &now, nullptr, 0);
  return ready > 0 && (poll.revents & POLLHUP) != 0;
}

}  // namespace runt
