// SPDX-License-Identifier: Apache-2.0
#ifndef RUNT_ADDON_UTF8_H_
#define RUNT_ADDON_UTF8_H_

#include <cstddef>
#include <string>

namespace runt::addon {

[[nodiscard]] bool IsAscii(const char* text, size_t size);

// Well-formed UTF-8 as the Unicode standard's table 3-7 has it: no surrogates, nothing overlong,
// nothing above U+10FFFF.
[[nodiscard]] bool IsUtf8(const char* text, size_t size);

// A name of the kernel's as UTF-16: each byte that is no part of UTF-8 becomes a lone surrogate,
// U+DC80 … U+DCFF, which UTF-8 cannot have.
[[nodiscard]] std::u16string EscapedName(const char* text, size_t size);

// The bytes of a name that EscapedName has made; any other lone surrogate becomes U+FFFD.
[[nodiscard]] std::string UnescapedName(const char16_t* text, size_t size);

}  // namespace runt::addon

#endif  // RUNT_ADDON_UTF8_H_
