// SPDX-License-Identifier: Apache-2.0
// The Test Anything Protocol, as little of it as these tests need.

#ifndef RUNT_TEST_TAP_H_
#define RUNT_TEST_TAP_H_

#include <cstdio>
#include <string>
#include <string_view>

namespace runt::test {

inline int passed = 0;
inline int failed = 0;

inline bool Ok(bool condition, std::string_view name) {
  const int number = passed + failed + 1;
  ++(condition ? passed : failed);
  std::printf("%sok %d - %.*s\n", condition ? "" : "not ", number, static_cast<int>(name.size()), name.data());
  return condition;
}

inline std::string Show(std::string_view text) { return std::string(text); }
inline std::string Show(long number) { return std::to_string(number); }

// Compares, and prints both sides where they differ.
template <typename Found, typename Wanted>
bool Equal(const Found& found, const Wanted& wanted, std::string_view name) {
  const bool same = found == wanted;
  if (!Ok(same, name)) {
    std::printf("# found  %s\n# wanted %s\n", Show(found).c_str(), Show(wanted).c_str());
  }
  return same;
}

inline void Skip(std::string_view name, std::string_view reason) {
  ++passed;
  std::printf("ok %d - %.*s # SKIP %.*s\n", passed + failed, static_cast<int>(name.size()), name.data(),
              static_cast<int>(reason.size()), reason.data());
}

}  // namespace runt::test

#endif  // RUNT_TEST_TAP_H_
