// SPDX-License-Identifier: Apache-2.0
#include "plan.h"

#include "../base/kernel.h"

namespace runt {

RawStep Plan::At(std::size_t offset, std::uint32_t index) const {
  return RawStep{static_cast<Op>(Word(offset)), index,
                 FieldReader(data_ + offset + kStepHeaderSize, SizeAt(offset) - kStepHeaderSize)};
}

Result<Plan> Plan::Parse(const unsigned char* data, std::size_t size) {
  const auto bad = [](std::uint32_t step, std::string_view what) { return Error{EBADMSG, Call::kDecode, what, step}; };
  Plan plan;
  plan.data_ = data;
  plan.size_ = size;
  if (size < kHeaderSize) return bad(0, "plan header");
  if (plan.Word(0) != kPlanMagic) return bad(0, "plan magic number");
  if (plan.Word(4) != kPlanVersion) return bad(0, "plan version");
  if (plan.Word(8) != size) return bad(0, "plan size");
  plan.count_ = plan.Word(12);
  std::size_t offset = kHeaderSize;
  for (std::uint32_t i = 0; i < plan.count_; ++i) {
    const std::size_t left = size - offset;
    if (left < kStepHeaderSize) return bad(i, "step header");
    const std::uint32_t step_size = plan.SizeAt(offset);
    if (step_size < kStepHeaderSize || step_size > left || step_size % 8 != 0) {
      return bad(i, "step size");
    }
    const RawStep step = plan.At(offset, i);
    if (static_cast<std::uint32_t>(step.op) >= kOpCount) return bad(i, "operation");
    if (!DecodesAs(step.op, step.fields)) return bad(i, "fields");
    offset += step_size;
  }
  if (offset != size) return bad(plan.count_, "bytes behind the last step");
  return plan;
}

std::uint32_t Plan::Count(Op op) const {
  std::uint32_t count = 0;
  ForEach([&](const RawStep& step) {
    if (step.op == op) ++count;
    return true;
  });
  return count;
}

}  // namespace runt
