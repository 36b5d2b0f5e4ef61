#ifndef RUNT_ADDON_UTF8_H_
#define RUNT_ADDON_UTF8_H_

#include <cstddef>

namespace runt::addon {

[[nodiscard]] bool IsAscii(const char* text, size_t size);

// Well-formed UTF-8 as the Unicode standard's table 3-7 has it: no surrogates, nothing overlong,
// nothing above U+10FFFF.
[[nodiscard]] bool IsUtf8(const char* text, size_t size);

}  // namespace runt::addon

#endif  // RUNT_ADDON_UTF8_H_
