// SPDX-License-Identifier: Apache-2.0
// Terminals.

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cstring>

#include "addon.h"

namespace runt::addon {

Napi::Value TtyRaw(Napi::Env env, int fd) {
  termios settings;
  if (tcgetattr(fd, &settings) < 0) return Napi::Number::New(env, -errno);
  Napi::Uint8Array saved = Napi::Uint8Array::New(env, sizeof(settings));
  std::memcpy(saved.Data(), &settings, sizeof(settings));
  const tcflag_t processing = settings.c_oflag & OPOST;
  cfmakeraw(&settings);
  // Lines of the container's console end with a line feed alone, and of the runtime's messages too.
  settings.c_oflag |= processing;
  if (Retry([&] { return tcsetattr(fd, TCSANOW, &settings); }) < 0) {
    return Napi::Number::New(env, -errno);
  }
  return saved;
}

int TtyRestore(int fd, const Buffer& saved) {
  termios settings;
  if (saved.size != sizeof(settings)) return -EINVAL;
  std::memcpy(&settings, saved.data, sizeof(settings));
  return OrErrno(Retry([&] { return tcsetattr(fd, TCSANOW, &settings); }));
}

Napi::Value TtyGetSize(Napi::Env env, int fd) {
  winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size) < 0) return Napi::Number::New(env, -errno);
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(0U, Napi::Number::New(env, size.ws_row));
  result.Set(1U, Napi::Number::New(env, size.ws_col));
  return result;
}

int TtySetSize(int fd, uint32_t height, uint32_t width) {
  if (height > UINT16_MAX || width > UINT16_MAX) return -EINVAL;
  const winsize size{static_cast<uint16_t>(height), static_cast<uint16_t>(width), 0, 0};
  return OrErrno(ioctl(fd, TIOCSWINSZ, &size));
}

bool Isatty(int fd) { return isatty(fd) == 1; }

}  // namespace runt::addon
