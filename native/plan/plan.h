// SPDX-License-Identifier: Apache-2.0
// A plan: a header, then steps. See README.md, "Wire format".

#ifndef RUNT_PLAN_PLAN_H_
#define RUNT_PLAN_PLAN_H_

#include <cstddef>
#include <cstdint>

#include "../base/result.h"
#include "ops.gen.h"

namespace runt {

// One step, not decoded yet.
struct RawStep {
  Op op = Op::kJoinNamespace;
  std::uint32_t index = 0;
  FieldReader fields{nullptr, 0};
};

// The steps of a plan that was checked from end to end; it points into the bytes it was made from.
class Plan {
 public:
  Plan() = default;

  // Checks everything: header, sizes, operations, and every field of every step. A failure is
  // EBADMSG of call `decode`, with the index of the bad step (or 0) as value.
  static Result<Plan> Parse(const unsigned char* data, std::size_t size);

  std::uint32_t count() const { return count_; }

  // Calls `function(const RawStep&)` for each step in order, until it returns false.
  template <typename Function>
  void ForEach(Function function) const {
    std::size_t offset = kHeaderSize;
    for (std::uint32_t i = 0; i < count_; ++i) {
      const RawStep step = At(offset, i);
      if (!function(step)) return;
      offset += SizeAt(offset);
    }
  }

  // How many steps are `op`.
  std::uint32_t Count(Op op) const;

 private:
  static constexpr std::size_t kHeaderSize = 16;
  static constexpr std::size_t kStepHeaderSize = 8;

  std::uint32_t Word(std::size_t offset) const { return *reinterpret_cast<const std::uint32_t*>(data_ + offset); }
  std::uint32_t SizeAt(std::size_t offset) const { return Word(offset + 4); }
  RawStep At(std::size_t offset, std::uint32_t index) const;

  const unsigned char* data_ = nullptr;
  std::size_t size_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace runt

#endif  // RUNT_PLAN_PLAN_H_
