// SPDX-License-Identifier: Apache-2.0
#include "../plan/messages.h"

#include <cstring>

#include "../base/kernel.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

void TestMessages() {
  const FailureRecord record = MakeFailure(Stage::kInit, 9, Error(ENOENT, Call::kOpenat2, "/a/b", 77));
  std::uint32_t words[6];
  std::memcpy(words, &record, sizeof words);
  Ok(words[0] == static_cast<std::uint32_t>(Message::kFailure) && words[1] == 2 && words[2] == 9 && words[3] == ENOENT &&
         words[4] == static_cast<std::uint32_t>(Call::kOpenat2) && words[5] == 77,
     "failure: kind, stage, step, errno, call, value");
  Equal(std::string_view(record.subject), std::string_view("/a/b"), "failure: subject");
  const std::string longer(1000, 'x');
  const FailureRecord cut = MakeFailure(Stage::kJoin, 0, Error(EIO, Call::kRead, longer));
  Equal(std::string_view(cut.subject), std::string_view(longer).substr(0, 255),
        "failure: a long subject is cut, and still ends with a NUL");
}

}  // namespace runt::test
