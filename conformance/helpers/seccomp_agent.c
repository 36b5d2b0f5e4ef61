/* SPDX-License-Identifier: Apache-2.0 */
// A seccomp agent. Usage: seccomp_agent SOCKET OUTPUT [MILLISECONDS]
//
// Takes one ContainerProcessState with its listener over SOCKET and writes it to OUTPUT. A second line, written at the
// end of the connection, says how many descriptors came, and how many bytes after the one message. It answers
// notifications from the moment it has the listener, because a runtime may keep the connection while the container runs:
// mkdir and mkdirat fail with ENETDOWN, after that many milliseconds, everything else goes on. It prints "listening" when it can be connected to.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int receive(int connection, char *text, size_t size, int *count) {
  char control[CMSG_SPACE(8 * sizeof(int))];
  struct iovec piece = {text, size - 1};
  struct msghdr message = {.msg_iov = &piece,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  ssize_t got = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  if (got < 0) fail("recvmsg");
  text[got] = 0;
  *count = 0;
  int fd = -1;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_type != SCM_RIGHTS) continue;
    *count = (int)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(&fd, CMSG_DATA(part), sizeof fd);
  }
  return fd;
}

int main(int argc, char **argv) {
  if (argc < 3 || argc > 4) return 2;
  useconds_t delay = argc < 4 ? 0 : (useconds_t)atoi(argv[3]) * 1000;
  int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(argv[1]) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, argv[1]);
  if (bind(server, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(server, 4) < 0) fail("listen");
  printf("listening\n");
  fflush(stdout);
  FILE *output = fopen(argv[2], "w");
  if (!output) fail(argv[2]);
  // The server, the one connection at a time, then the listeners. poll(2) passes over descriptors below 0.
  struct pollfd listeners[10] = {{.fd = server, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
  int listening = 1, count = 0, more = 0;
  for (;;) {
    if (poll(listeners, (nfds_t)(1 + listening), -1) < 0) fail("poll");
    if (listeners[1].revents & (POLLIN | POLLHUP | POLLERR)) {
      char rest[16];
      ssize_t got = read(listeners[1].fd, rest, sizeof rest);
      if (got > 0) {
        more += (int)got;
      } else {
        fprintf(output, "%d %d\n", count, more);
        fflush(output);
        close(listeners[1].fd);
        listeners[1].fd = -1;
        listeners[0].fd = server;
      }
    }
    if (listeners[0].revents & POLLIN) {
      static char text[1 << 16];
      int connection = accept4(server, NULL, NULL, SOCK_CLOEXEC);
      if (connection < 0) fail("accept");
      int fd = receive(connection, text, sizeof text, &count);
      fprintf(output, "%s\n", text);
      fflush(output);
      more = 0;
      listeners[0].fd = -1;
      listeners[1].fd = connection;
      if (fd >= 0 && listening < 9) listeners[++listening] = (struct pollfd){fd, POLLIN, 0};
    }
    for (int i = 2; i <= listening; ++i) {
      if (listeners[i].fd < 0) continue;
      if (listeners[i].revents & POLLIN) {
        struct seccomp_notif question;
        memset(&question, 0, sizeof question);
        if (ioctl(listeners[i].fd, SECCOMP_IOCTL_NOTIF_RECV, &question) < 0) continue;
        struct seccomp_notif_resp answer = {.id = question.id};
        if (question.data.nr == SYS_mkdir || question.data.nr == SYS_mkdirat) {
          usleep(delay);
          answer.error = -ENETDOWN;
        } else {
          answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        }
        ioctl(listeners[i].fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
      } else if (listeners[i].revents & (POLLHUP | POLLERR)) {
        listeners[i].fd = -1;
      }
    }
  }
}
