// SPDX-License-Identifier: Apache-2.0
// Unix sockets, descriptors that travel through them, and netlink.

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../base/unique_fd.h"
#include "addon.h"

namespace runt::addon {
namespace {

// SCM_MAX_FD of the kernel.
constexpr size_t kMaxDescriptors = 253;
constexpr size_t kControlSize = CMSG_SPACE(kMaxDescriptors * sizeof(int));
constexpr int kBacklog = 128;
// A call fails after this time if the peer accepts no connection, or takes none of the data.
constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};

struct Address {
  sockaddr_un name;
  socklen_t size;
};

// False if `text` does not fit. A leading '@' names a socket in the abstract space, as in
// NOTIFY_SOCKET.
bool MakeAddress(const char* text, size_t length, Address& out) {
  if (length == 0 || length >= sizeof(out.name.sun_path)) return false;
  out.name = {};
  out.name.sun_family = AF_UNIX;
  std::memcpy(out.name.sun_path, text, length);
  const bool is_abstract = text[0] == '@';
  if (is_abstract) out.name.sun_path[0] = '\0';
  out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + !is_abstract);
  return true;
}

// "/proc/self/fd/<fd>" and `rest`.
bool MakeDescriptorAddress(int fd, const char* rest, Address& out) {
  char text[sizeof(out.name.sun_path)];
  const int length = std::snprintf(text, sizeof(text), "/proc/self/fd/%d%s", fd, rest);
  return length > 0 && MakeAddress(text, static_cast<size_t>(length), out);
}

int Connect(int fd, const Address& address) {
  const auto* name = reinterpret_cast<const sockaddr*>(&address.name);
  // connect(2) waits for a peer that accepts no connection; a signal that ends the process ends it.
  for (;;) {
    const int result = OrErrno(connect(fd, name, address.size));
    if (result != -EINTR || IsEndWanted()) return result;
  }
}

int BindAndListen(int fd, const Address& address, int type) {
  const auto* name = reinterpret_cast<const sockaddr*>(&address.name);
  if (bind(fd, name, address.size) < 0) return -errno;
  return type == SOCK_DGRAM ? 0 : OrErrno(listen(fd, kBacklog));
}

int ConnectLong(int fd, const Path& path) {
  const UniqueFd target(Open(AT_FDCWD, path, O_PATH, 0));
  if (!target.valid()) return -errno;
  Address address;
  return MakeDescriptorAddress(target.get(), "", address) ? Connect(fd, address) : -ENAMETOOLONG;
}

int BindLong(int fd, const Path& path, int type) {
  const char* slash = std::strrchr(path.text, '/');
  if (slash == nullptr) return -ENAMETOOLONG;
  Path directory;
  directory.length = static_cast<size_t>(slash - path.text) + 1;
  std::memcpy(directory.text, path.text, directory.length);
  directory.text[directory.length] = '\0';
  const UniqueFd parent(Open(AT_FDCWD, directory, O_PATH | O_DIRECTORY, 0));
  if (!parent.valid()) return -errno;
  Address address;
  return MakeDescriptorAddress(parent.get(), slash, address) ? BindAndListen(fd, address, type) : -ENAMETOOLONG;
}

int MakeSocket(int type) { return OrErrno(socket(AF_UNIX, type | SOCK_CLOEXEC, 0)); }

size_t CollectDescriptors(msghdr& message, int* out) {
  size_t total = 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::memcpy(out + total, CMSG_DATA(part), count * sizeof(int));
    total += count;
  }
  return total;
}

}  // namespace

Napi::Value Socketpair(Napi::Env env, int type) {
  int ends[2];
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0) return Napi::Number::New(env, -errno);
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(0U, Napi::Number::New(env, ends[0]));
  result.Set(1U, Napi::Number::New(env, ends[1]));
  return result;
}

int ConnectUnix(const Path& path, std::optional<int> type) {
  UniqueFd fd(MakeSocket(type.value_or(SOCK_STREAM)));
  if (!fd.valid()) return -errno;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience)) < 0) return -errno;
  Address address;
  const bool fits = MakeAddress(path.text, path.length, address);
  const int result = fits ? Connect(fd.get(), address) : ConnectLong(fd.get(), path);
  return result < 0 ? result : fd.Release();
}

int BindUnix(const Path& path, int type) {
  UniqueFd fd(MakeSocket(type));
  if (!fd.valid()) return -errno;
  Address address;
  const bool fits = MakeAddress(path.text, path.length, address);
  const int result = fits ? BindAndListen(fd.get(), address, type) : BindLong(fd.get(), path, type);
  return result < 0 ? result : fd.Release();
}

int SendMessage(int fd, const Bytes& data, const std::vector<int>& fds) {
  if (fds.size() > kMaxDescriptors) return -EINVAL;
  alignas(cmsghdr) char control[kControlSize];
  iovec piece{const_cast<uint8_t*>(data.data), data.size};
  msghdr message = {};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    const size_t size = fds.size() * sizeof(int);
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(size);
    std::memset(control, 0, message.msg_controllen);
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(part), fds.data(), size);
  }
  return OrErrno(Retry([&] { return sendmsg(fd, &message, MSG_NOSIGNAL); }));
}

int NetlinkSocket(int network_namespace) {
  const auto open_socket = [] { return OrErrno(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)); };
  if (network_namespace < 0) return open_socket();
  const UniqueFd own(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!own.valid()) return -errno;
  if (setns(network_namespace, CLONE_NEWNET) < 0) return -errno;
  const int result = open_socket();
  // All later calls would happen in the container's namespace.
  if (setns(own.get(), CLONE_NEWNET) < 0) std::abort();
  return result;
}

Napi::Value ReceiveMessage(Napi::Env env, int fd, const Buffer& buffer) {
  alignas(cmsghdr) char control[kControlSize];
  iovec piece{buffer.data, buffer.size};
  msghdr message = {};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t size = Retry([&] { return recvmsg(fd, &message, MSG_CMSG_CLOEXEC); });
  if (size < 0) return Napi::Number::New(env, -errno);

  int received[kMaxDescriptors];
  const size_t count = CollectDescriptors(message, received);
  // A message that was cut is of no use, and its descriptors would stay open without an owner.
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    for (size_t index = 0; index < count; ++index) close(received[index]);
    // The kernel passes as many as RLIMIT_NOFILE allows; this buffer always has room for them.
    return Napi::Number::New(env, (message.msg_flags & MSG_CTRUNC) != 0 ? -EMFILE : -EMSGSIZE);
  }
  Napi::Array fds = Napi::Array::New(env, count);
  for (size_t index = 0; index < count; ++index) {
    fds.Set(static_cast<uint32_t>(index), Napi::Number::New(env, received[index]));
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("size", Napi::Number::New(env, static_cast<double>(size)));
  result.Set("fds", fds);
  return result;
}

}  // namespace runt::addon
