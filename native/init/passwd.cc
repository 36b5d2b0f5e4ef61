// SPDX-License-Identifier: Apache-2.0
#include "passwd.h"

#include "../base/file.h"
#include "../base/syscall.h"
#include "../base/unique_fd.h"

namespace runt {

namespace {

constexpr std::size_t kMaxSize = 1 << 20;

// The file's lines, one after another, to `function` until it returns false.
template <typename Function>
void ForEachLine(int fd, Function function) {
  char buffer[4096];
  std::size_t filled = 0;
  bool skipping = false;
  for (std::size_t total = 0; total < kMaxSize;) {
    const long got = ReadSome(fd, buffer + filled, sizeof buffer - filled);
    if (got <= 0) break;
    total += static_cast<std::size_t>(got);
    filled += static_cast<std::size_t>(got);
    std::size_t begin = 0;
    for (std::size_t i = 0; i < filled; ++i) {
      if (buffer[i] != '\n') continue;
      if (!skipping && !function(std::string_view(buffer + begin, i - begin))) return;
      skipping = false;
      begin = i + 1;
    }
    if (begin == 0 && filled == sizeof buffer) {
      skipping = true;
      begin = filled;
    }
    for (std::size_t i = begin; i < filled; ++i) buffer[i - begin] = buffer[i];
    filled -= begin;
  }
  // The last line may lack its newline.
  if (!skipping && filled > 0) function(std::string_view(buffer, filled));
}

}  // namespace

bool HomeFromLine(std::string_view line, std::uint32_t uid, HomeDirectory* home) {
  // name:password:uid:gid:comment:home:shell
  std::string_view fields[7];
  std::size_t count = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= line.size() && count < 7; ++i) {
    if (i < line.size() && line[i] != ':') continue;
    fields[count++] = {line.data() + begin, i - begin};
    begin = i + 1;
  }
  std::uint64_t number = 0;
  if (count < 6 || !ParseNumber(fields[2], &number) || number != uid) return false;
  if (fields[5].empty() || fields[5].front() != '/') return false;
  for (const char c : fields[5]) {
    if (c == '\0') return false;
  }
  const HomeDirectory found(fields[5]);
  if (found.overflowed()) return false;
  *home = found;
  return true;
}

bool HasHome(const Strings& env) {
  bool found = false;
  env.ForEach([&](std::string_view text) {
    found = StartsWith(text, kHomeVariable) && text.size() > kHomeVariable.size();
    return !found;
  });
  return found;
}

HomeDirectory FindHome(std::uint32_t uid) {
  HomeDirectory home("/");
  // A FIFO in its place must not make this wait.
  const long opened = Syscall(__NR_openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
  if (opened < 0) return home;
  const UniqueFd file(static_cast<int>(opened));
  FileFacts facts;
  if (GetFacts(file.get(), &facts) < 0 || facts.type() != kTypeRegular) return home;
  ForEachLine(file.get(), [&](std::string_view line) { return !HomeFromLine(line, uid, &home); });
  return home;
}

}  // namespace runt
