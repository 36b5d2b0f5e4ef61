// SPDX-License-Identifier: Apache-2.0
// Calls on descriptors: opening, reading, writing.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "../base/unique_fd.h"
#include "addon.h"
#include "utf8.h"

namespace runt::addon {
namespace {

// Enough for every file of procfs and cgroupfs, and most of config.json: no second read, no memory.
constexpr size_t kFirstRead = 32768;

// Where a file ends: at a read(2) of nothing, or already at one of less than it was asked for.
enum class End { kNothing, kLess };

// Reads to the end of file; at most one byte more than `limit`, which shows that there was more.
int ReadToEnd(int fd, size_t limit, End end, std::string& text) {
  char first[kFirstRead];
  for (;;) {
    const size_t room = limit + 1 - text.size();
    const size_t asked = room < sizeof(first) ? room : sizeof(first);
    const ssize_t count = Retry([&] { return read(fd, first, asked); });
    if (count < 0) return errno;
    if (count == 0) return 0;
    text.append(first, static_cast<size_t>(count));
    if (text.size() > limit) return EFBIG;
    if (end == End::kLess && static_cast<size_t>(count) < asked) return 0;
  }
}

// The engine replaces bytes that are not UTF-8 by U+FFFD, unless `strict` refuses them.
Napi::Value ReadWhole(Napi::Env env, int dirfd, const Path& path, int64_t limit, bool strict, End end = End::kNothing) {
  if (limit < 0) return Napi::Number::New(env, -EINVAL);
  const UniqueFd fd(Open(dirfd, path, O_RDONLY | O_NOCTTY, 0));
  if (!fd.valid()) return Napi::Number::New(env, -errno);
  std::string text;
  const int problem = ReadToEnd(fd.get(), static_cast<size_t>(limit), end, text);
  if (problem != 0) return Napi::Number::New(env, -problem);

  napi_value value = nullptr;
  napi_status status = napi_ok;
  if (IsAscii(text.data(), text.size())) {
    status = napi_create_string_latin1(env, text.data(), text.size(), &value);
  } else if (!strict || IsUtf8(text.data(), text.size())) {
    status = napi_create_string_utf8(env, text.data(), text.size(), &value);
  } else {
    return Napi::Number::New(env, -EILSEQ);
  }
  return status == napi_ok ? Napi::Value(env, value) : Napi::Number::New(env, -ENOMEM);
}

}  // namespace

int Open(int dirfd, const Path& path, int flags, uint32_t mode) {
  return OrErrno(Retry([&] { return openat(dirfd, path.text, flags | O_CLOEXEC, mode); }));
}

// Linux has closed the descriptor even when it says EINTR; closing it again could hit another one.
int Close(int fd) {
  ForgetPidfd(fd);
  const int result = OrErrno(close(fd));
  return result == -EINTR ? 0 : result;
}

int Dup(int fd) { return OrErrno(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

Napi::Value ReadFile(Napi::Env env, int dirfd, const Path& path, int64_t limit) {
  return ReadWhole(env, dirfd, path, limit, false);
}

Napi::Value ReadUtf8File(Napi::Env env, int dirfd, const Path& path, int64_t limit) {
  return ReadWhole(env, dirfd, path, limit, true);
}

Napi::Value ReadAtOnce(Napi::Env env, int dirfd, const Path& path, int64_t limit) {
  return ReadWhole(env, dirfd, path, limit, true, End::kLess);
}

int WriteFile(int dirfd, const Path& path, int flags, uint32_t mode, const Bytes& data) {
  const int fd = Open(dirfd, path, flags, mode);
  if (fd < 0) return fd;
  const ssize_t count = Retry([&] { return write(fd, data.data, data.size); });
  int result = count < 0 ? -errno : 0;
  // Only a full file system writes less than it was given; the next write would fail with ENOSPC.
  if (count >= 0 && static_cast<size_t>(count) != data.size) result = -ENOSPC;
  const int closed = Close(fd);
  return result != 0 ? result : closed;
}

int Read(int fd, const Buffer& buffer) {
  return OrErrno(Retry([&] { return read(fd, buffer.data, buffer.size); }));
}

int ReadAt(int fd, const Buffer& buffer, uint32_t offset) {
  return OrErrno(Retry([&] { return pread(fd, buffer.data, buffer.size, offset); }));
}

int Write(int fd, const Bytes& data) {
  return OrErrno(Retry([&] { return write(fd, data.data, data.size); }));
}

int Flock(int fd, int operation) {
  return OrErrno(Retry([&] { return flock(fd, operation); }));
}

int Fcntl(int fd, int command, int64_t argument) {
  return OrErrno(Retry([&] { return fcntl(fd, command, argument); }));
}

Napi::Value Pipe(Napi::Env env) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return Napi::Number::New(env, -errno);
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(0U, Napi::Number::New(env, ends[0]));
  result.Set(1U, Napi::Number::New(env, ends[1]));
  return result;
}

int IoctlInt(int fd, uint32_t request, int64_t argument) {
  return OrErrno(Retry([&] { return ioctl(fd, request, argument); }));
}

}  // namespace runt::addon
