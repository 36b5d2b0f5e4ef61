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

}  // namespace

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
