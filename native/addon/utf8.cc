// SPDX-License-Identifier: Apache-2.0
#include "utf8.h"

#include <cstdint>
#include <cstring>

namespace runt::addon {
namespace {

bool IsContinuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

// Bytes of the character that starts at `at`, 0 if it is not well-formed.
size_t CharacterSize(const uint8_t* at, size_t left) {
  const uint8_t lead = at[0];
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return left >= 2 && IsContinuation(at[1]) ? 2 : 0;
  if (lead < 0xF0) {
    if (left < 3 || !IsContinuation(at[1]) || !IsContinuation(at[2])) return 0;
    if (lead == 0xE0 && at[1] < 0xA0) return 0;
    if (lead == 0xED && at[1] > 0x9F) return 0;
    return 3;
  }
  if (lead > 0xF4 || left < 4) return 0;
  if (!IsContinuation(at[1]) || !IsContinuation(at[2]) || !IsContinuation(at[3])) return 0;
  if (lead == 0xF0 && at[1] < 0x90) return 0;
  if (lead == 0xF4 && at[1] > 0x8F) return 0;
  return 4;
}

// The character of `size` bytes at `at`, which are well-formed.
uint32_t CharacterAt(const uint8_t* at, size_t size) {
  constexpr uint8_t kLeadBits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  uint32_t character = at[0] & kLeadBits[size];
  for (size_t index = 1; index < size; ++index) character = character << 6 | (at[index] & 0x3FU);
  return character;
}

bool IsHighSurrogate(char16_t unit) { return (unit & 0xFC00) == 0xD800; }
bool IsLowSurrogate(char16_t unit) { return (unit & 0xFC00) == 0xDC00; }

void Append(std::string& text, uint32_t character) {
  const auto put = [&](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (character < 0x80) return put(character);
  if (character < 0x800) {
    put(0xC0 | character >> 6);
  } else if (character < 0x10000) {
    put(0xE0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3F));
  } else {
    put(0xF0 | character >> 18);
    put(0x80 | (character >> 12 & 0x3F));
    put(0x80 | (character >> 6 & 0x3F));
  }
  put(0x80 | (character & 0x3F));
}

}  // namespace

std::u16string EscapedName(const char* text, size_t size) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text);
  std::u16string name;
  for (size_t at = 0; at < size;) {
    const size_t length = CharacterSize(bytes + at, size - at);
    const uint32_t character = length == 0 ? 0xDC00U | bytes[at] : CharacterAt(bytes + at, length);
    if (character < 0x10000) {
      name.push_back(static_cast<char16_t>(character));
    } else {
      name.push_back(static_cast<char16_t>(0xD7C0 + (character >> 10)));
      name.push_back(static_cast<char16_t>(0xDC00 | (character & 0x3FF)));
    }
    at += length == 0 ? 1 : length;
  }
  return name;
}

std::string UnescapedName(const char16_t* text, size_t size) {
  std::string name;
  for (size_t at = 0; at < size; ++at) {
    const char16_t unit = text[at];
    const char16_t next = at + 1 < size ? text[at + 1] : u'\0';
    if (IsHighSurrogate(unit) && IsLowSurrogate(next)) {
      Append(name, 0x10000U + ((unit & 0x3FFU) << 10 | (next & 0x3FFU)));
      ++at;
    } else if (unit >= 0xDC80 && unit <= 0xDCFF) {
      name.push_back(static_cast<char>(unit & 0xFF));
    } else {
      Append(name, IsHighSurrogate(unit) || IsLowSurrogate(unit) ? 0xFFFDU : unit);
    }
  }
  return name;
}

bool IsAscii(const char* text, size_t size) {
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t eight;
    std::memcpy(&eight, text + at, sizeof(eight));
    if ((eight & 0x8080808080808080U) != 0) return false;
  }
  for (; at < size; ++at) {
    if ((static_cast<uint8_t>(text[at]) & 0x80) != 0) return false;
  }
  return true;
}

bool IsUtf8(const char* text, size_t size) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text);
  for (size_t at = 0; at < size;) {
    const size_t length = CharacterSize(bytes + at, size - at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace runt::addon
