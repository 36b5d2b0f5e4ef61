/* SPDX-License-Identifier: Apache-2.0 */
// A Unix socket whose queue is full, and which nobody reads. Usage: deaf stream|dgram PATH
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  if (argc != 3 || strlen(argv[2]) >= sizeof name.sun_path) return 2;
  const int type = strcmp(argv[1], "dgram") == 0 ? SOCK_DGRAM : SOCK_STREAM;
  strcpy(name.sun_path, argv[2]);
  const int own = socket(AF_UNIX, type, 0);
  if (bind(own, (struct sockaddr *)&name, sizeof name) < 0) return 1;
  if (type == SOCK_STREAM && listen(own, 0) < 0) return 1;
  for (int count = 0; count < 100000; ++count) {
    const int other = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
    if (connect(other, (struct sockaddr *)&name, sizeof name) < 0) break;
    if (type == SOCK_STREAM) continue;
    while (send(other, "x", 1, 0) > 0) continue;
    break;
  }
  if (errno != EAGAIN) return 1;
  printf("ready\n");
  fflush(stdout);
  for (;;) pause();
}
