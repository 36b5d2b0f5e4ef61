// SPDX-License-Identifier: Apache-2.0
// Text of fixed capacity: there is no heap, so every built path has a buffer of its own.

#ifndef RUNT_BASE_TEXT_H_
#define RUNT_BASE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace runt {

inline bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && std::string_view(text.data(), prefix.size()) == prefix;
}

namespace internal {

// Appends to a NUL-terminated text of `size` bytes in a buffer of `capacity`; false if it does not
// fit.
inline bool Append(char* data, std::size_t capacity, std::size_t* size, std::string_view text) {
  if (text.size() >= capacity - *size) return false;
  for (const char c : text) data[(*size)++] = c;
  data[*size] = '\0';
  return true;
}

}  // namespace internal

// A NUL-terminated text of at most N-1 bytes. A part that does not fit is not added, and
// `overflowed` is true then.
template <std::size_t N>
class Text {
 public:
  Text() { data_[0] = '\0'; }
  explicit Text(std::string_view text) : Text() { Add(text); }

  Text& Add(std::string_view text) {
    if (!internal::Append(data_, N, &size_, text)) overflowed_ = true;
    return *this;
  }

  Text& AddNumber(std::uint64_t number) {
    char digits[20];
    std::size_t first = sizeof digits;
    do {
      digits[--first] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    return Add({digits + first, sizeof digits - first});
  }

  void Clear() {
    size_ = 0;
    data_[0] = '\0';
    overflowed_ = false;
  }

  bool overflowed() const { return overflowed_; }
  bool empty() const { return size_ == 0; }
  const char* c_str() const { return data_; }
  std::string_view view() const { return {data_, size_}; }

 private:
  std::size_t size_ = 0;
  bool overflowed_ = false;
  char data_[N];
};

// "self/fd/N": the path of the caller's descriptor in a procfs.
inline Text<32> DescriptorPath(int fd) {
  Text<32> path("self/fd/");
  path.AddNumber(static_cast<std::uint64_t>(fd));
  return path;
}

// Decimal digits only; false for anything else and for a number that does not fit into 63 bits.
inline bool ParseNumber(std::string_view text, std::uint64_t* number) {
  constexpr std::uint64_t kLimit = static_cast<std::uint64_t>(1) << 63;
  if (text.empty()) return false;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || value >= kLimit / 10) return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  *number = value;
  return true;
}

}  // namespace runt

#endif  // RUNT_BASE_TEXT_H_
