// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), for keys of caches. The engine has no hash of its own, and Node's module takes milliseconds to
// load.
#ifndef RUNT_ADDON_SHA256_H_
#define RUNT_ADDON_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace runt::addon {

using Sha256Digest = std::array<std::uint8_t, 32>;

[[nodiscard]] Sha256Digest Sha256(const std::uint8_t* data, std::size_t size);

}  // namespace runt::addon

#endif  // RUNT_ADDON_SHA256_H_
