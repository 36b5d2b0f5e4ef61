// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "../init/mount_api.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

std::string Split(std::string_view data) {
  std::string joined;
  while (!data.empty()) joined.append(NextOption(&data)).append("|");
  return joined;
}

}  // namespace

void TestOptions() {
  Equal(Split(""), std::string(""), "options: none");
  Equal(Split("mode=755"), std::string("mode=755|"), "options: one");
  Equal(Split("mode=755,size=64k,nr"), std::string("mode=755|size=64k|nr|"), "options: several");
  Equal(Split("a,,b,"), std::string("a||b|"), "options: empty ones stay empty");
  Equal(Split("lowerdir=/a\\,b:/c,x"), std::string("lowerdir=/a\\,b:/c|x|"), "options: an escaped comma does not split");
  Equal(Split("a\\"), std::string("a\\|"), "options: a lone backslash at the end");
  Equal(Split("context=\"u:r:t:s0:c1,c2\",ro"), std::string("context=\"u:r:t:s0:c1,c2\"|ro|"),
        "options: commas of an SELinux context do not split");
  Equal(Split("context=\"u:r,ro"), std::string("context=\"u:r,ro|"), "options: a quote that stays open takes the rest");
  Equal(Split("name=\"a,b\""), std::string("name=\"a|b\"|"), "options: other quotes mean nothing");
}

}  // namespace runt::test
