// SPDX-License-Identifier: Apache-2.0
// The fields of a step as they lie in the plan: little-endian, each padded to 8 bytes. Nothing is
// copied: texts point into the plan's read-only mapping, and every text is NUL-terminated there.

#ifndef RUNT_PLAN_FIELDS_H_
#define RUNT_PLAN_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runt {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the plan is read in place");

// Several NUL-terminated texts, one after another.
class Strings {
 public:
  Strings() = default;
  Strings(std::size_t count, std::string_view block) : count_(count), block_(block) {}

  std::size_t count() const { return count_; }

  // Calls `function` with each text in order, until it returns false.
  template <typename Function>
  void ForEach(Function function) const {
    std::string_view rest = block_;
    for (std::size_t i = 0; i < count_; ++i) {
      const std::string_view text(rest.data());
      rest.remove_prefix(text.size() + 1);
      if (!function(text)) return;
    }
  }

 private:
  std::size_t count_ = 0;
  std::string_view block_;
};

// An array of u32.
class Numbers {
 public:
  Numbers() = default;
  Numbers(const std::uint32_t* first, std::size_t count) : first_(first), count_(count) {}

  std::size_t count() const { return count_; }
  const std::uint32_t* data() const { return first_; }
  const std::uint32_t* begin() const { return first_; }
  const std::uint32_t* end() const { return first_ + count_; }

 private:
  const std::uint32_t* first_ = nullptr;
  std::size_t count_ = 0;
};

// Reads fields one after another from 8-byte-aligned bytes; each function returns false, and reads
// nothing, if the bytes are not such a field.
class FieldReader {
 public:
  FieldReader(const unsigned char* data, std::size_t size) : data_(data), size_(size) {}

  bool Read(std::uint32_t* out);
  bool Read(std::uint64_t* out);
  bool Read(std::int64_t* out);
  bool Read(Strings* out);
  bool Read(Numbers* out);
  // A text has no NUL inside, and one behind it.
  bool ReadText(std::string_view* out);
  bool ReadBytes(std::string_view* out);

  // Every field has been read, and nothing is left.
  bool AtEnd() const { return size_ == 0; }

 private:
  // Takes `size` bytes and their padding, which must be zero.
  bool Take(std::uint64_t size, const unsigned char** out);

  const unsigned char* data_;
  std::size_t size_;
};

}  // namespace runt

#endif  // RUNT_PLAN_FIELDS_H_
