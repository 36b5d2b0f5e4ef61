/* SPDX-License-Identifier: Apache-2.0 */
// notify receive SOCKET: a service manager. Binds the datagram socket SOCKET, prints "ready", then every message on a line of
// its own, with the number of descriptors that came along, which it closes.
// notify send TEXT: a service. Sends TEXT, in which "|" stands for a new line, to $NOTIFY_SOCKET.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int Receive(const char *path) {
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    perror("notify");
    return 1;
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    char text[1024];
    struct iovec data = {text, sizeof text - 1};
    char control[CMSG_SPACE(sizeof(int) * 8)];
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t size = recvmsg(fd, &message, 0);
    if (size < 0) return 1;
    text[size] = 0;
    if (size > 0 && text[size - 1] == '\n') text[size - 1] = 0;
    int count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
      for (; CMSG_LEN(sizeof(int) * (count + 1)) <= header->cmsg_len; ++count) {
        int passed;
        memcpy(&passed, CMSG_DATA(header) + sizeof(int) * count, sizeof passed);
        close(passed);
      }
    }
    printf("%s (%d)\n", text, count);
    fflush(stdout);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  if (strcmp(argv[1], "receive") == 0) return Receive(argv[2]);
  const char *path = getenv("NOTIFY_SOCKET");
  if (path == NULL) return 3;
  for (char *c = argv[2]; *c != 0; ++c) {
    if (*c == '|') *c = '\n';
  }
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  if (sendto(fd, argv[2], strlen(argv[2]), 0, (struct sockaddr *)&address, sizeof address) < 0) {
    perror("notify");
    return 1;
  }
  return 0;
}
