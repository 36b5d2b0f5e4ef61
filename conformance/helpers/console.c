/* SPDX-License-Identifier: Apache-2.0 */
// console SOCKET [ROWS COLUMNS]: the other end of --console-socket, as a shim has it.
//
// Listens on SOCKET, prints "ready", takes one connection and the descriptor sent over it, prints
// "name NAME" (the data that came with it), sets the size of the terminal if one is given, and copies what the
// terminal says to stdout, and stdin to the terminal, until the terminal has no more users.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static int Receive(int connection, char *name, size_t size) {
  struct iovec data = {name, size - 1};
  char control[CMSG_SPACE(sizeof(int) * 4)];
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t length = recvmsg(connection, &message, 0);
  if (length < 0) return -1;
  name[length] = 0;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) return -1;
  if (header->cmsg_len != CMSG_LEN(sizeof(int))) {
    fprintf(stderr, "console: not exactly one descriptor\n");
    return -1;
  }
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

static int Copy(int from, int to) {
  char buffer[4096];
  ssize_t length = read(from, buffer, sizeof buffer);
  if (length <= 0) return 0;
  return write(to, buffer, (size_t)length) == length;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0) {
    perror("console");
    return 1;
  }
  puts("ready");
  fflush(stdout);
  int connection = accept(listener, NULL, NULL);
  char name[256];
  int master = Receive(connection, name, sizeof name);
  if (master < 0) return 1;
  printf("name %s\n", name);
  fflush(stdout);
  if (argc == 4) {
    struct winsize size = {.ws_row = (unsigned short)atoi(argv[2]), .ws_col = (unsigned short)atoi(argv[3])};
    ioctl(master, TIOCSWINSZ, &size);
  }
  struct pollfd polled[2] = {{master, POLLIN, 0}, {0, POLLIN, 0}};
  while (poll(polled, 2, -1) >= 0 || errno == EINTR) {
    if (polled[0].revents != 0 && !Copy(master, 1)) break;
    if (polled[1].revents != 0 && !Copy(0, master)) polled[1].fd = -1;
  }
  return 0;
}
