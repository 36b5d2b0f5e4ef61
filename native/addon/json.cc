// SPDX-License-Identifier: Apache-2.0
// Whether the engine's own parser of JSON gives exactly what a text says (lib/spec/json/json.ts). It is no system call: the same
// question, asked in JavaScript of the parser's result, took a fifth of the instructions of `run`.

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "addon.h"

namespace runt::addon {
namespace {

// An integer with so many digits is one that a double holds.
constexpr size_t kSafeDigits = 15;
// Names of one object are compared with one another up to this number, and sorted above it.
constexpr size_t kFew = 16;

bool IsDigit(char letter) { return letter >= '0' && letter <= '9'; }
bool IsHex(char letter) { return IsDigit(letter) || (letter >= 'a' && letter <= 'f') || (letter >= 'A' && letter <= 'F'); }

// Walks a text that is plain: JSON (RFC 8259) with whole numbers of few digits, in which no escape stands for a surrogate and no
// name has an escape, and no object has a name twice. Anything else ends the walk with false; it may still be JSON.
class Walk {
 public:
  Walk(std::string_view text, uint32_t depth) : at_(text.data()), end_(text.data() + text.size()), depth_(depth) {}

  bool Document() {
    Blank();
    if (!Value(0)) return false;
    Blank();
    return at_ == end_;
  }

 private:
  void Blank() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }

  bool Take(char letter) {
    if (at_ == end_ || *at_ != letter) return false;
    ++at_;
    return true;
  }

  bool Word(std::string_view word) {
    if (static_cast<size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool Value(uint32_t depth) {
    if (at_ == end_) return false;
    switch (*at_) {
      case '{':
        return depth < depth_ && Object(depth);
      case '[':
        return depth < depth_ && Array(depth);
      case '"':
        return Text(true);
      case 't':
        return Word("true");
      case 'f':
        return Word("false");
      case 'n':
        return Word("null");
      default:
        return Number();
    }
  }

  bool Number() {
    if (Take('-') && at_ < end_ && *at_ == '0') return false;  // there is a -0
    const char* digits = at_;
    while (at_ < end_ && IsDigit(*at_)) ++at_;
    const auto count = static_cast<size_t>(at_ - digits);
    if (count == 0 || count > kSafeDigits || (count > 1 && *digits == '0')) return false;
    return at_ == end_ || (*at_ != '.' && *at_ != 'e' && *at_ != 'E');
  }

  bool Text(bool may_escape) {
    ++at_;
    for (; at_ < end_; ++at_) {
      const auto letter = static_cast<unsigned char>(*at_);
      if (letter == '"') {
        ++at_;
        return true;
      }
      if (letter < 0x20) return false;
      // U+FFFD may be what half of a surrogate pair has become on its way here.
      if (letter == 0xEF && end_ - at_ > 2 && at_[1] == '\xBF' && at_[2] == '\xBD') return false;
      if (letter == '\\' && (!may_escape || !Escape())) return false;
    }
    return false;
  }

  // Ends at the last letter of the escape.
  bool Escape() {
    if (++at_ == end_) return false;
    if (*at_ != 'u') return std::string_view("\"\\/bfnrt").find(*at_) != std::string_view::npos;
    if (end_ - at_ <= 4) return false;
    for (int index = 1; index <= 4; ++index) {
      if (!IsHex(at_[index])) return false;
    }
    if (at_[1] == 'd' || at_[1] == 'D') return false;
    at_ += 4;
    return true;
  }

  bool Array(uint32_t depth) {
    ++at_;
    Blank();
    if (Take(']')) return true;
    for (;;) {
      if (!Value(depth + 1)) return false;
      Blank();
      if (Take(']')) return true;
      if (!Take(',')) return false;
      Blank();
    }
  }

  bool Object(uint32_t depth) {
    ++at_;
    Blank();
    if (Take('}')) return true;
    const size_t first = names_.size();
    for (;;) {
      if (at_ == end_ || *at_ != '"') return false;
      const char* name = at_ + 1;
      if (!Text(false)) return false;
      names_.emplace_back(name, static_cast<size_t>(at_ - name - 1));
      Blank();
      if (!Take(':')) return false;
      Blank();
      if (!Value(depth + 1)) return false;
      Blank();
      if (Take('}')) break;
      if (!Take(',')) return false;
      Blank();
    }
    return AreUnique(first);
  }

  // Whether no two names from `first` on are equal; takes them away.
  bool AreUnique(size_t first) {
    const auto begin = names_.begin() + static_cast<std::ptrdiff_t>(first);
    bool is_unique = true;
    if (names_.size() - first <= kFew) {
      for (auto one = begin; is_unique && one != names_.end(); ++one) is_unique = std::find(begin, one, *one) == one;
    } else {
      std::sort(begin, names_.end());
      is_unique = std::adjacent_find(begin, names_.end()) == names_.end();
    }
    names_.resize(first);
    return is_unique;
  }

  const char* at_;
  const char* end_;
  uint32_t depth_;
  // Of the objects that the walk is in.
  std::vector<std::string_view> names_;
};

}  // namespace

bool IsPlainJson(const Bytes& text, uint32_t depth) {
  return Walk({reinterpret_cast<const char*>(text.data), text.size}, depth).Document();
}

}  // namespace runt::addon
