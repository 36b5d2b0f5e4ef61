// SPDX-License-Identifier: Apache-2.0
#include "../base/text.h"

#include "suites.h"
#include "tap.h"

namespace runt::test {

void TestText() {
  Text<8> text;
  text.Add("abc").Add("defg");
  Equal(text.view(), std::string_view("abcdefg"), "text: fills its buffer but for the NUL");
  Ok(!text.overflowed(), "text: a full buffer has not overflowed");
  text.Add("h");
  Ok(text.overflowed(), "text: one byte more overflows");
  Equal(text.view(), std::string_view("abcdefg"), "text: what does not fit is left out as a whole");
  Equal(Text<32>().AddNumber(0).view(), std::string_view("0"), "text: zero");
  Equal(Text<32>().AddNumber(UINT64_MAX).view(), std::string_view("18446744073709551615"), "text: the largest number");
  Equal(DescriptorPath(1234).view(), std::string_view("self/fd/1234"), "text: descriptor path");

  std::uint64_t number = 7;
  Ok(ParseNumber("4294967295", &number) && number == 4294967295U, "number: digits");
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "99999999999999999999"}) {
    Ok(!ParseNumber(bad, &number), std::string("number: refuses \"") + bad + "\"");
  }
}

}  // namespace runt::test
