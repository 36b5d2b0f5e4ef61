// SPDX-License-Identifier: Apache-2.0
// Messages with descriptors over Unix sockets, with the kernel's own structures.

#ifndef RUNT_BASE_SOCKET_H_
#define RUNT_BASE_SOCKET_H_

#include <cstddef>
#include <cstdint>

namespace runt {

// At most as many descriptors as one message brings.
inline constexpr std::size_t kMaxPassedFds = 128;

// The content of a message; the descriptors are close-on-exec and belong to the caller.
struct ReceivedMessage {
  std::size_t size = 0;
  std::size_t fd_count = 0;
  int fds[kMaxPassedFds] = {};
};

// Sends `size` bytes and, where `fd` is not negative, one descriptor. Returns 0 or -errno; a peer
// that is gone is -EPIPE, not a signal.
long SendMessage(int socket, const void* data, std::size_t size, int fd);

// As SendMessage, with the last two arguments of sendmsg(2), which the kernel does not look at, but a filter may.
long SendMessageMarked(int socket, const void* data, std::size_t size, int fd, std::uint64_t fifth, std::uint64_t sixth);

// Waits for a message of at most `size` bytes. Returns 0 or -errno: -EMSGSIZE where bytes or
// descriptors did not fit. `received.size` 0 is end of file.
long ReceiveMessage(int socket, void* data, std::size_t size, ReceivedMessage* received);

}  // namespace runt

#endif  // RUNT_BASE_SOCKET_H_
