// SPDX-License-Identifier: Apache-2.0
#ifndef RUNT_INIT_ARGUMENTS_H_
#define RUNT_INIT_ARGUMENTS_H_

#include <string_view>
#include <utility>

#include "../base/pages.h"
#include "../base/text.h"
#include "../plan/fields.h"

namespace runt {

// The array of pointers that execve(2) wants; the texts stay where they are.
class ArgumentVector {
 public:
  // `extra`, unless it is null, is one more text at the end, in the place of those that begin with the first `key`
  // bytes of it. data() is null if there is no memory.
  explicit ArgumentVector(const Strings& texts, std::string_view key = {}, const char* extra = nullptr)
      : pages_((texts.count() + 2) * sizeof(const char*)) {
    const char** next = data();
    if (next == nullptr) return;
    texts.ForEach([&](std::string_view text) {
      if (extra == nullptr || !StartsWith(text, key)) *next++ = text.data();
      return true;
    });
    if (extra != nullptr) *next = extra;
  }

  const char** data() const { return static_cast<const char**>(pages_.data()); }
  const char** Release() { return static_cast<const char**>(pages_.Release()); }

 private:
  Pages pages_;
};

}  // namespace runt

#endif  // RUNT_INIT_ARGUMENTS_H_
