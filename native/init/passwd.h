// SPDX-License-Identifier: Apache-2.0
#ifndef RUNT_INIT_PASSWD_H_
#define RUNT_INIT_PASSWD_H_

#include <cstdint>
#include <string_view>

#include "../base/kernel.h"
#include "../base/text.h"
#include "../plan/fields.h"

namespace runt {

using HomeDirectory = Text<1024>;

// The home directory of `uid` if this line of /etc/passwd is about that user and names an absolute
// one; false otherwise.
bool HomeFromLine(std::string_view line, std::uint32_t uid, HomeDirectory* home);

// The same from /etc/passwd, read as data: at most 1 MiB, regular files only, lines of at most 4
// KiB.
// "/" if it has no entry.
HomeDirectory FindHome(std::uint32_t uid);

inline constexpr std::string_view kHomeVariable = "HOME=";

// Whether HOME is set and not empty: an empty HOME counts as none, as in runc.
bool HasHome(const Strings& env);

}  // namespace runt

#endif  // RUNT_INIT_PASSWD_H_
