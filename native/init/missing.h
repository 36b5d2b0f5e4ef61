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

// The missing file that made execve(2) refuse a program.
struct MissingFile {
  // kInterpreter (of a script), kLoader (of an ELF program), or kNone where no file is to blame.
  Call call = Call::kNone;
  Text<kSubjectSize> path;
};

// The interpreter in the first bytes of a script; empty for no script, or for a name that is too long.
Text<kSubjectSize> ScriptInterpreter(std::string_view head);

// After execve(2) has refused the regular file `program`, finds the file that it needs and lacks.
// The files are the container's: only a few bytes are read, at checked offsets.
MissingFile FindMissing(const char* program);

// The kind of a file that execve(2) takes for no program (ENOEXEC): a kMissingKind, or 0 where no
// kind is the reason.
std::uint32_t KindOfProgram(const char* program);

}  // namespace runt

#endif  // RUNT_INIT_MISSING_H_
