// SPDX-License-Identifier: Apache-2.0
#include "socket.h"

#include "kernel.h"
#include "syscall.h"

namespace runt {

namespace {

struct IoVector {
  void* base;
  std::size_t size;
};

// struct user_msghdr and struct cmsghdr.
struct MessageHeader {
  void* name;
  int name_size;
  IoVector* vectors;
  std::size_t vector_count;
  void* control;
  std::size_t control_size;
  unsigned flags;
};

struct ControlHeader {
  std::size_t size;
  int level;
  int type;
};

constexpr int kSolSocket = 1;
constexpr int kScmRights = 1;
constexpr unsigned kMsgCtrunc = 0x8;
constexpr unsigned kMsgTrunc = 0x20;
constexpr unsigned kMsgNoSignal = 0x4000;
constexpr unsigned kMsgCmsgCloexec = 0x40000000;

template <std::size_t N>
struct ControlBuffer {
  ControlHeader header{};
  int fds[N] = {};
};

}  // namespace

long SendMessage(int socket, const void* data, std::size_t size, int fd) {
  return SendMessageMarked(socket, data, size, fd, 0, 0);
}

long SendMessageMarked(int socket, const void* data, std::size_t size, int fd, std::uint64_t fifth, std::uint64_t sixth) {
  IoVector vector{const_cast<void*>(data), size};
  ControlBuffer<2> control;
  MessageHeader message{};
  message.vectors = &vector;
  message.vector_count = 1;
  if (fd >= 0) {
    control.header = {sizeof(ControlHeader) + sizeof(int), kSolSocket, kScmRights};
    control.fds[0] = fd;
    message.control = &control;
    message.control_size = sizeof control;
  }
  for (;;) {
    const long sent = Syscall(__NR_sendmsg, socket, &message, kMsgNoSignal, 0, fifth, sixth);
    if (sent == -EINTR) continue;
    if (sent < 0) return sent;
    return static_cast<std::size_t>(sent) == size ? 0 : -EMSGSIZE;
  }
}

long ReceiveMessage(int socket, void* data, std::size_t size, ReceivedMessage* received) {
  IoVector vector{data, size};
  ControlBuffer<kMaxPassedFds> control;
  MessageHeader message{};
  message.vectors = &vector;
  message.vector_count = 1;
  long got = 0;
  do {
    message.control = &control;
    message.control_size = sizeof control;
    got = Syscall(__NR_recvmsg, socket, &message, kMsgCmsgCloexec);
  } while (got == -EINTR);
  if (got < 0) return got;
  *received = {};
  received->size = static_cast<std::size_t>(got);
  if (message.control_size >= sizeof(ControlHeader) && control.header.level == kSolSocket && control.header.type == kScmRights &&
      control.header.size <= sizeof control) {
    received->fd_count = (control.header.size - sizeof(ControlHeader)) / sizeof(int);
    for (std::size_t i = 0; i < received->fd_count; ++i) received->fds[i] = control.fds[i];
  }
  if ((message.flags & (kMsgTrunc | kMsgCtrunc)) == 0) return 0;
  for (std::size_t i = 0; i < received->fd_count; ++i) Syscall(__NR_close, received->fds[i]);
  received->fd_count = 0;
  // The kernel passes as many as RLIMIT_NOFILE has room for; this buffer always has room for them.
  return (message.flags & kMsgCtrunc) != 0 ? -EMFILE : -EMSGSIZE;
}

}  // namespace runt
