// SPDX-License-Identifier: Apache-2.0
// The messages of the control socket, and the failure record; every number is a little-endian u32.

#ifndef RUNT_PLAN_MESSAGES_H_
#define RUNT_PLAN_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../base/result.h"
#include "ops.gen.h"

namespace runt {

// A question, its answer, or the pid of the container's first process.
struct ControlMessage {
  Message kind;
  std::int32_t value;
};
static_assert(sizeof(ControlMessage) == 8);

inline constexpr std::size_t kSubjectSize = 256;

// The last thing that a stage sends. `subject` is cut to 255 bytes and padded with NULs.
struct FailureRecord {
  Message kind;
  Stage stage;
  std::uint32_t step;
  std::uint32_t number;
  Call call;
  std::uint32_t value;
  char subject[kSubjectSize];
};
static_assert(sizeof(FailureRecord) == kFailureSize);

inline FailureRecord MakeFailure(Stage stage, std::uint32_t step, const Error& error) {
  FailureRecord record{};
  record.kind = Message::kFailure;
  record.stage = stage;
  record.step = step;
  record.number = static_cast<std::uint32_t>(error.number());
  record.call = error.call();
  record.value = error.value();
  for (std::size_t i = 0; i < error.subject().size() && i < kSubjectSize - 1; ++i) {
    record.subject[i] = error.subject()[i];
  }
  return record;
}

}  // namespace runt

#endif  // RUNT_PLAN_MESSAGES_H_
