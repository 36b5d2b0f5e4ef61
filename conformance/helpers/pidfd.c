/* SPDX-License-Identifier: Apache-2.0 */
// pidfd SOCKET: the other end of --pidfd-socket. Listens on SOCKET, prints "ready", takes one connection and the
// descriptor sent over it, and prints "text T", T being what came with it, and "pid N", as the kernel tells of a pidfd.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1) != 0) {
    perror("pidfd");
    return 1;
  }
  puts("ready");
  fflush(stdout);
  int connection = accept(listener, NULL, NULL);
  char text[256];
  struct iovec data = {text, sizeof text};
  char control[CMSG_SPACE(sizeof(int))];
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t length = recvmsg(connection, &message, 0);
  if (length < 0) return 1;
  printf("text %.*s\n", (int)length, text);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) return 1;
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  FILE *info = fopen(path, "r");
  if (info == NULL) return 1;
  char line[256];
  while (fgets(line, sizeof line, info) != NULL) {
    int pid;
    if (sscanf(line, "Pid: %d", &pid) == 1) printf("pid %d\n", pid);
  }
  return 0;
}
