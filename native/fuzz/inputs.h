// SPDX-License-Identifier: Apache-2.0
// What the decoders of init must hold for any bytes. Shared by native_test, which mutates inputs by
// itself, and by the libFuzzer target.

#ifndef RUNT_FUZZ_INPUTS_H_
#define RUNT_FUZZ_INPUTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace runt::fuzz {

// Numbers that are the same in every run with the same seed (xorshift64*).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}

  // 0 to `limit` - 1.
  std::size_t Below(std::size_t limit) { return static_cast<std::size_t>(Next() % limit); }
  std::uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dULL;
  }

 private:
  std::uint64_t state_;
};

// Each of these aborts, with a word on stderr, where a decoder accepts what it must not, refuses
// what it must accept, or gives something back that is not in its input; the sanitizers watch the
// rest.

// A plan is accepted if and only if it is one that the encoder could have made, by the rules of
// README.md, "Wire format", which are written down a second time here. Returns whether it is.
bool TryPlan(std::string_view bytes);
// A message on the control socket is an answer if and only if it has 8 bytes and the kind that was
// asked for. Returns whether it is.
bool TryMessage(std::string_view bytes);
// Texts that init reads: options, /proc/self/mountinfo, /etc/passwd, the head of a program.
void TryTexts(std::string_view bytes);

// A plan that the encoder could have made: any operations, in any order.
std::string MakePlan(Random& random);
// Changes some bits, bytes, numbers or the length of `bytes`.
void Mutate(Random& random, std::string* bytes);

}  // namespace runt::fuzz

#endif  // RUNT_FUZZ_INPUTS_H_
