// SPDX-License-Identifier: Apache-2.0
// Out of line: every call of the program passes here, so this decides its size.

#include "result.h"

#include "syscall.h"
#include "unique_fd.h"

namespace runt {

namespace {

bool IsError(long returned) { return returned < 0 && returned >= -4095; }

}  // namespace

Result<long> Checked(long returned, Call call, std::string_view subject) {
  if (IsError(returned)) return Error{static_cast<int>(-returned), call, subject};
  return returned;
}

Status Check(long returned, Call call, std::string_view subject) {
  if (IsError(returned)) return Error{static_cast<int>(-returned), call, subject};
  return {};
}

Result<UniqueFd> CheckedFd(long returned, Call call, std::string_view subject) {
  if (IsError(returned)) return Error{static_cast<int>(-returned), call, subject};
  return UniqueFd(static_cast<int>(returned));
}

void UniqueFd::Close() { Syscall(__NR_close, std::exchange(fd_, -1)); }

}  // namespace runt
