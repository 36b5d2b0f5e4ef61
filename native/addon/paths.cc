// SPDX-License-Identifier: Apache-2.0
// Calls on names in directories.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "../base/syscall.h"
#include "../base/unique_fd.h"
#include "addon.h"
#include "utf8.h"

namespace runt::addon {
namespace {

// The record that getdents64 writes; glibc has no name for it.
struct DirectoryEntry {
  uint64_t ino;
  int64_t offset;
  uint16_t size;
  uint8_t type;
  char name[];
};

constexpr size_t kDirectoryBuffer = 32768;

bool IsSelfOrParent(const char* name) { return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0; }

// A name that a Path argument accepts again, even if it is not UTF-8: any user can make such names.
Napi::Value Name(Napi::Env env, const char* text, size_t size) {
  if (IsUtf8(text, size)) return Napi::String::New(env, text, size);
  const std::u16string name = EscapedName(text, size);
  return Napi::String::New(env, name.data(), name.size());
}

void SetNumber(Napi::Env env, Napi::Object object, const char* name, double number) {
  object.Set(name, Napi::Number::New(env, number));
}

}  // namespace

int Mkdir(int dirfd, const Path& path, uint32_t mode) { return OrErrno(mkdirat(dirfd, path.text, mode)); }

int Unlink(int dirfd, const Path& path) { return OrErrno(unlinkat(dirfd, path.text, 0)); }

int Rmdir(int dirfd, const Path& path) { return OrErrno(unlinkat(dirfd, path.text, AT_REMOVEDIR)); }

int Rename(int old_dirfd, const Path& old_path, int new_dirfd, const Path& new_path) {
  return OrErrno(renameat(old_dirfd, old_path.text, new_dirfd, new_path.text));
}

int Exchange(int dirfd, const Path& one, const Path& other) {
  constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE
  return static_cast<int>(Syscall(__NR_renameat2, dirfd, one.text, dirfd, other.text, kExchange));
}

int Symlink(const Path& target, int dirfd, const Path& path) { return OrErrno(symlinkat(target.text, dirfd, path.text)); }

Napi::Value Readlink(Napi::Env env, int dirfd, const Path& path) {
  char target[PATH_MAX];
  const ssize_t size = readlinkat(dirfd, path.text, target, sizeof(target));
  if (size < 0) return Napi::Number::New(env, -errno);
  return Name(env, target, static_cast<size_t>(size));
}

int Mkfifo(int dirfd, const Path& path, uint32_t mode) { return OrErrno(mkfifoat(dirfd, path.text, mode)); }

int Chmod(int dirfd, const Path& path, uint32_t mode) { return OrErrno(fchmodat(dirfd, path.text, mode, 0)); }

int Fchmod(int fd, uint32_t mode) { return OrErrno(fchmod(fd, mode)); }

int Chown(int dirfd, const Path& path, uint32_t uid, uint32_t gid) {
  return OrErrno(fchownat(dirfd, path.text, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH));
}

Napi::Value Stat(Napi::Env env, int dirfd, const Path& path, bool follow) {
  struct stat found;
  const int flags = AT_EMPTY_PATH | (follow ? 0 : AT_SYMLINK_NOFOLLOW);
  if (fstatat(dirfd, path.text, &found, flags) < 0) return Napi::Number::New(env, -errno);
  Napi::Object result = Napi::Object::New(env);
  SetNumber(env, result, "mode", found.st_mode);
  SetNumber(env, result, "uid", found.st_uid);
  SetNumber(env, result, "gid", found.st_gid);
  SetNumber(env, result, "size", static_cast<double>(found.st_size));
  SetNumber(env, result, "ino", static_cast<double>(found.st_ino));
  SetNumber(env, result, "dev", static_cast<double>(found.st_dev));
  SetNumber(env, result, "nlink", static_cast<double>(found.st_nlink));
  SetNumber(env, result, "mtimeMs",
            static_cast<double>(found.st_mtim.tv_sec) * 1e3 + static_cast<double>(found.st_mtim.tv_nsec) / 1e6);
  SetNumber(env, result, "major", major(found.st_rdev));
  SetNumber(env, result, "minor", minor(found.st_rdev));
  return result;
}

double Owner(int dirfd, const Path& path) {
  struct stat found;
  if (fstatat(dirfd, path.text, &found, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  return found.st_uid;
}

Napi::Value Statfs(Napi::Env env, const Path& path) {
  struct statfs found;
  if (Retry([&] { return statfs(path.text, &found); }) < 0) {
    return Napi::Number::New(env, -errno);
  }
  Napi::Object result = Napi::Object::New(env);
  SetNumber(env, result, "type", static_cast<double>(static_cast<uint32_t>(found.f_type)));
  SetNumber(env, result, "flags", static_cast<double>(found.f_flags));
  return result;
}

int Access(int dirfd, const Path& path, int mode) {
  const int result = OrErrno(faccessat(dirfd, path.text, mode, AT_EACCESS));
  if (result != -EPERM) return result;
  // A filter around this process may refuse faccessat2(2), which says nothing about the file. The older call checks the real
  // ids, which equal the effective ones. libc would make the newer call instead of it.
  return static_cast<int>(Syscall(__NR_faccessat, dirfd, path.text, mode));
}

int Link(int old_dirfd, const Path& old_path, int new_dirfd, const Path& new_path) {
  return OrErrno(linkat(old_dirfd, old_path.text, new_dirfd, new_path.text, 0));
}

int Mknod(int dirfd, const Path& path, uint32_t mode, uint32_t major_number, uint32_t minor_number) {
  return OrErrno(mknodat(dirfd, path.text, mode, makedev(major_number, minor_number)));
}

int Utimes(int dirfd, const Path& path, int64_t seconds, int64_t nanoseconds) {
  const timespec time = {.tv_sec = seconds, .tv_nsec = nanoseconds};
  const timespec times[2] = {time, time};
  if (path.text[0] == '\0') return OrErrno(futimens(dirfd, times));
  return OrErrno(utimensat(dirfd, path.text, times, AT_SYMLINK_NOFOLLOW));
}

int Setxattr(int fd, const Path& name, const Bytes& value) {
  return OrErrno(fsetxattr(fd, name.text, value.data, value.size, 0));
}

Napi::Value Getxattrs(Napi::Env env, int fd) {
  // The kernel has no longer list, and no longer value.
  constexpr size_t kLongest = 65536;
  std::string names(kLongest, '\0');
  const ssize_t size = flistxattr(fd, names.data(), names.size());
  if (size < 0) return Napi::Number::New(env, -errno);
  Napi::Array result = Napi::Array::New(env);
  uint32_t count = 0;
  std::string value(kLongest, '\0');
  for (size_t at = 0; at < static_cast<size_t>(size); at += strlen(names.data() + at) + 1) {
    const char* name = names.data() + at;
    const ssize_t length = fgetxattr(fd, name, value.data(), value.size());
    if (length < 0) return Napi::Number::New(env, -errno);
    Napi::Uint8Array bytes = Napi::Uint8Array::New(env, static_cast<size_t>(length));
    memcpy(bytes.Data(), value.data(), static_cast<size_t>(length));
    Napi::Array pair = Napi::Array::New(env, 2);
    pair.Set(0U, Napi::String::New(env, name));
    pair.Set(1U, bytes);
    result.Set(count++, pair);
  }
  return result;
}

Napi::Value Readdir(Napi::Env env, int dirfd, const Path& path) {
  const UniqueFd fd(Open(dirfd, path, O_RDONLY | O_DIRECTORY, 0));
  if (!fd.valid()) return Napi::Number::New(env, -errno);
  Napi::Array names = Napi::Array::New(env);
  uint32_t count = 0;
  alignas(DirectoryEntry) char buffer[kDirectoryBuffer];
  long size = 0;
  while ((size = Syscall(__NR_getdents64, fd.get(), buffer, sizeof(buffer))) > 0) {
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + at);
      if (!IsSelfOrParent(entry->name)) names.Set(count++, Name(env, entry->name, std::strlen(entry->name)));
      at += entry->size;
    }
  }
  if (size < 0) return Napi::Number::New(env, static_cast<double>(size));
  return names;
}

}  // namespace runt::addon
