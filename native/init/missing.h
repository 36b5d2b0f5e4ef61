// SPDX-License-Identifier: Apache-2.0
#ifndef RUNT_INIT_MISSING_H_
#define RUNT_INIT_MISSING_H_

#include <cstdint>
#include <string_view>

#include "../base/result.h"
#include "../base/text.h"
#include "../plan/messages.h"
#include "../plan/ops.gen.h"

namespace runt {

// The file for which execve(2) refused another one.
struct MissingFile {
  // kInterpreter (of a script), kLoader (of an ELF program), or kNone where nothing is to be blamed.
  Call call = Call::kNone;
  Text<kSubjectSize> path;
};

// The interpreter that the first bytes of a script name; empty where it is no script, or too long.
Text<kSubjectSize> ScriptInterpreter(std::string_view head);

// Looks, after execve(2) has refused the regular file `program`, for what it needs and cannot get.
// The files are the container's: a few bytes of them are read, at places that are checked.
MissingFile FindMissing(const char* program);

// What a file is that execve(2) takes for no program (ENOEXEC): a kMissingKind, or 0 where none of
// them says why.
std::uint32_t KindOfProgram(const char* program);

}  // namespace runt

#endif  // RUNT_INIT_MISSING_H_
