// SPDX-License-Identifier: Apache-2.0
#include "sha256.h"

#include <bit>
#include <cstring>

#include "addon.h"

namespace runt::addon {
namespace {

constexpr std::size_t kBlock = 64;

// FIPS 180-4, 4.2.2: cube roots of the first 64 primes.
constexpr std::uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// 5.3.3: square roots of the first 8 primes.
constexpr std::uint32_t kStart[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

std::uint32_t Word(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

// 6.2.2
void Compress(std::uint32_t (&hash)[8], const std::uint8_t* block) {
  std::uint32_t schedule[64];
  for (std::size_t t = 0; t < 16; ++t) schedule[t] = Word(block + 4 * t);
  for (std::size_t t = 16; t < 64; ++t) {
    const std::uint32_t near = schedule[t - 2];
    const std::uint32_t far = schedule[t - 15];
    schedule[t] = (std::rotr(near, 17) ^ std::rotr(near, 19) ^ near >> 10) + schedule[t - 7] +
                  (std::rotr(far, 7) ^ std::rotr(far, 18) ^ far >> 3) + schedule[t - 16];
  }
  auto [a, b, c, d, e, f, g, h] = hash;
  for (std::size_t t = 0; t < 64; ++t) {
    const std::uint32_t choose = (e & f) ^ (~e & g);
    const std::uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
    const std::uint32_t first = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + choose + kRound[t] + schedule[t];
    const std::uint32_t second = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + majority;
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  const std::uint32_t sums[8] = {a, b, c, d, e, f, g, h};
  for (std::size_t index = 0; index < 8; ++index) hash[index] += sums[index];
}

}  // namespace

Sha256Digest Sha256(const std::uint8_t* data, std::size_t size) {
  std::uint32_t hash[8];
  std::memcpy(hash, kStart, sizeof hash);
  std::size_t done = 0;
  for (; size - done >= kBlock; done += kBlock) Compress(hash, data + done);
  // 5.1.1: the rest, a bit, zeros, and the length in bits.
  std::uint8_t last[2 * kBlock] = {};
  const std::size_t rest = size - done;
  if (rest > 0) std::memcpy(last, data + done, rest);
  last[rest] = 0x80;
  const std::size_t end = rest + 9 <= kBlock ? kBlock : 2 * kBlock;
  const std::uint64_t bits = static_cast<std::uint64_t>(size) * 8;
  for (std::size_t index = 0; index < 8; ++index) last[end - 1 - index] = static_cast<std::uint8_t>(bits >> (8 * index));
  for (std::size_t at = 0; at < end; at += kBlock) Compress(hash, last + at);
  Sha256Digest digest;
  for (std::size_t index = 0; index < digest.size(); ++index) {
    digest[index] = static_cast<std::uint8_t>(hash[index / 4] >> (24 - 8 * (index % 4)));
  }
  return digest;
}

Napi::Value Sha256Of(Napi::Env env, const Bytes& data) {
  const Sha256Digest digest = Sha256(data.data, data.size);
  auto array = Napi::Uint8Array::New(env, digest.size());
  std::memcpy(array.Data(), digest.data(), digest.size());
  return array;
}

}  // namespace runt::addon
