// SPDX-License-Identifier: Apache-2.0
// The control socket: init asks, the runtime answers.

#ifndef RUNT_INIT_CONTROL_H_
#define RUNT_INIT_CONTROL_H_

#include <cstdint>

#include "../base/result.h"
#include "../base/socket.h"
#include "../plan/messages.h"
#include "context.h"

namespace runt {

// Sends a message that has no answer.
Status Tell(const Context& context, Message kind, std::int32_t value);

// Waits for a message of one kind; anything else, and end of file, is an error of call `answer`.
Result<ReceivedMessage> WaitFor(const Context& context, Message kind, std::int32_t* value);

// Asks, and waits for the answer.
Result<ReceivedMessage> Ask(const Context& context, Message kind, std::int32_t about = 0);

// Sends the failure record to the process that listens now: the runtime, or later `start`, if any.
void ReportFailure(const Context& context, std::uint32_t step, const Error& error);

// Writes to the start FIFO; it is no failure if the reader has gone.
Status TellStart(const Context& context, std::string_view text);

// Tells the process that waits for the program, over the FIFO or the control socket, that execve
// comes next. Otherwise the end of file of a process that was killed before would pass for success.
Status AnnounceExec(Context& context);

// Whether the runtime has closed its end of the control socket.
bool IsRuntimeGone(const Context& context);

}  // namespace runt

#endif  // RUNT_INIT_CONTROL_H_
