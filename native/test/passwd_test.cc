// SPDX-License-Identifier: Apache-2.0
#include "../init/passwd.h"

#include "suites.h"
#include "tap.h"

namespace runt::test {

void TestPasswd() {
  HomeDirectory home("/");
  Ok(HomeFromLine("user:x:1000:100:A User:/home/user:/bin/sh", 1000, &home), "passwd: a user's line");
  Equal(home.view(), std::string_view("/home/user"), "passwd: the home directory");
  Ok(HomeFromLine("u:x:5:5::/five", 5, &home), "passwd: the shell may be missing");
  const std::string long_home = "u:x:1:1::/" + std::string(2000, 'h') + ":/bin/sh";
  for (const std::string& bad :
       {std::string("user:x:1000:100::/home/user:/bin/sh"), std::string("u:x:1x:1::/h:/s"), std::string("u:x:-1:1::/h:/s"),
        std::string("u:x: 1:1::/h:/s"), std::string("u:x::1::/h:/s"), std::string("u:x:1:1::relative:/s"),
        std::string("u:x:1:1:::/s"), std::string("u:x:1:1"), std::string(""), std::string(":::::"), long_home}) {
    home = HomeDirectory("/");
    Ok(!HomeFromLine(bad, 1, &home) && home.view() == "/", "passwd: not the home of 1: " + bad.substr(0, 40));
  }
}

}  // namespace runt::test
