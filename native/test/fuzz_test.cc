// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdlib>

#include "../fuzz/inputs.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

// How many inputs, if RUNT_FUZZ_INPUTS does not say another number: some seconds with the
// sanitizers.
constexpr long kInputs = 100'000;
// One input takes far less than a millisecond: longer than this is an endless loop.
constexpr unsigned kStuckSeconds = 20;

std::string Seed(fuzz::Random& random) {
  static constexpr std::string_view kTexts[] = {
      "ro,size=64k,mode=1777,context=\"a,b\",x=\\,y",
      "36 35 98:0 / /mnt\\040x rw,noatime master:1 - ext3 /dev/root rw\n25 1 0:5 /a / rw - tmpfs t "
      "rw\n",
      "root:x:0:0:root:/root:/bin/sh\n",
      "#!/bin/none -x\n",
  };
  std::string text(kTexts[random.Below(4)]);
  if (random.Below(4) != 0) return text;
  // The head of an ELF program with two program headers, the second of which names its loader.
  std::string elf(200, '\0');
  const auto put = [&](std::size_t at, std::string_view bytes) { elf.replace(at, bytes.size(), bytes); };
  put(0,
      "\x7f"
      "ELF\x02\x01\x01");
  put(32, "\x40");
  put(54, "\x38");
  put(56, "\x02");
  put(64 + 56, "\x03");
  put(64 + 56 + 8, "\xb0");
  put(64 + 56 + 32, "\x0c");
  put(176, "/lib/none.so");
  return elf;
}

}  // namespace

void TestFuzz() {
  const char* wanted = std::getenv("RUNT_FUZZ_INPUTS");
  const long inputs = wanted == nullptr ? kInputs : std::atol(wanted);
  const char* seed = std::getenv("RUNT_FUZZ_SEED");
  fuzz::Random random(seed == nullptr ? 1 : static_cast<std::uint64_t>(std::atol(seed)));
  long accepted = 0;
  long answers = 0;
  for (long i = 0; i < inputs; ++i) {
    if (i % 1000 == 0) ::alarm(kStuckSeconds);
    if (i % 8 == 7) {
      std::string text = Seed(random);
      for (std::size_t n = random.Below(6); n > 0; --n) fuzz::Mutate(random, &text);
      fuzz::TryTexts(text);
    } else if (i % 8 == 6) {
      std::string message("\0\0\0\0\0\0\0\0\0\0", 10);
      message[0] = static_cast<char>(random.Next());
      message[1] = message[2] = static_cast<char>(random.Below(12));
      if (random.Below(2) == 0) fuzz::Mutate(random, &message);
      answers += fuzz::TryMessage(message) ? 1 : 0;
    } else {
      std::string plan = fuzz::MakePlan(random);
      for (std::size_t n = random.Below(5); n > 0; --n) fuzz::Mutate(random, &plan);
      accepted += fuzz::TryPlan(plan) ? 1 : 0;
    }
  }
  ::alarm(0);
  std::printf("# %ld inputs: %ld plans and %ld messages were accepted\n", inputs, accepted, answers);
  Ok(accepted > inputs / 20 && accepted < inputs * 6 / 10,
     "fuzz: plans are accepted if and only if the encoder could have made them");
  Ok(answers > inputs / 100 && answers < inputs / 8, "fuzz: messages are answers, or refused");
  Ok(true, "fuzz: options, mount tables, passwd files and programs of any bytes are read");
}

}  // namespace runt::test
