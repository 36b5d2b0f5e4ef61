// SPDX-License-Identifier: Apache-2.0
// Writes plans as the runtime does, and, for tests, as it never would.

#ifndef RUNT_TEST_PLAN_BUILDER_H_
#define RUNT_TEST_PLAN_BUILDER_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "../plan/ops.gen.h"

namespace runt::test {

class PlanBuilder {
 public:
  PlanBuilder& Begin(Op op) {
    End();
    start_ = bytes_.size();
    open_ = true;
    ++count_;
    Word(static_cast<std::uint32_t>(op));
    Word(0);
    return *this;
  }
  PlanBuilder& Number(std::uint64_t value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  PlanBuilder& String(std::string_view text) {
    Number(text.size());
    bytes_.append(text).push_back('\0');
    return Pad();
  }
  PlanBuilder& List(const std::vector<std::string>& texts) {
    std::string block;
    for (const std::string& text : texts) block.append(text).push_back('\0');
    Number(texts.size());
    Number(block.size());
    bytes_.append(block);
    return Pad();
  }
  PlanBuilder& Words(const std::vector<std::uint32_t>& words) {
    Number(words.size());
    for (const std::uint32_t word : words) Word(word);
    return Pad();
  }
  // As it is, without length or padding.
  PlanBuilder& Raw(std::string_view bytes) {
    bytes_.append(bytes);
    return *this;
  }

  // The whole plan; a header field can be forged afterwards by its place.
  std::string Build() {
    End();
    std::string plan;
    const auto word = [&](std::size_t value) {
      const auto narrow = static_cast<std::uint32_t>(value);
      plan.append(reinterpret_cast<const char*>(&narrow), sizeof narrow);
    };
    word(kPlanMagic);
    word(kPlanVersion);
    word(16 + bytes_.size());
    word(count_);
    return plan + bytes_;
  }

 private:
  void Word(std::uint32_t value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  PlanBuilder& Pad() {
    while (bytes_.size() % 8 != 0) bytes_.push_back('\0');
    return *this;
  }
  void End() {
    if (!open_) return;
    const auto size = static_cast<std::uint32_t>(bytes_.size() - start_);
    std::memcpy(bytes_.data() + start_ + 4, &size, sizeof size);
    open_ = false;
  }

  std::string bytes_;
  std::size_t start_ = 0;
  std::uint32_t count_ = 0;
  bool open_ = false;
};

}  // namespace runt::test

#endif  // RUNT_TEST_PLAN_BUILDER_H_
