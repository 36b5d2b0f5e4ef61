/* SPDX-License-Identifier: Apache-2.0 */
// Stands in for CRIU (`criu swrk 3`), which does not run on every host: keeps the request that it gets in a file, and says that it
// has done it. For a restore it makes a process, as CRIU does: a child of the caller, with the standard streams that CRIU has.
//
//   fake_criu FILE swrk 3
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SOCKET = 3, DUMP = 1, RESTORE = 2, NOTIFY = 6 };

static int Varint(unsigned char *to, unsigned value) {
  int size = 0;
  for (; value >= 128; value >>= 7) to[size++] = (unsigned char)(value | 128);
  to[size++] = (unsigned char)value;
  return size;
}

// The response {type, success}, for a notification with its script and a pid.
static void Answer(int type, const char *script, unsigned pid) {
  unsigned char bytes[128];
  int size = 0;
  bytes[size++] = 1 << 3;
  bytes[size++] = (unsigned char)type;
  bytes[size++] = 2 << 3;
  bytes[size++] = 1;
  if (script != NULL) {
    unsigned char number[8];
    const int digits = Varint(number, pid);
    const int length = (int)strlen(script);
    bytes[size++] = 5 << 3 | 2;
    bytes[size++] = (unsigned char)(2 + length + 1 + digits);
    bytes[size++] = 1 << 3 | 2;
    bytes[size++] = (unsigned char)length;
    memcpy(bytes + size, script, (size_t)length);
    size += length;
    bytes[size++] = 2 << 3;
    memcpy(bytes + size, number, (size_t)digits);
    size += digits;
  }
  if (send(SOCKET, bytes, (size_t)size, 0) != size) _exit(1);
}

int main(int argc, char **argv) {
  if (argc != 4 || strcmp(argv[2], "swrk") != 0 || strcmp(argv[3], "3") != 0) return 2;
  static unsigned char request[65536];
  const ssize_t size = recv(SOCKET, request, sizeof request, 0);
  // A request begins with its type.
  if (size < 2 || request[0] != 1 << 3) return 3;
  const int file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || write(file, request, (size_t)size) != size) return 4;
  if (request[1] == RESTORE) {
    const long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
      close(SOCKET);
      execl("/bin/sh", "sh", "-c", "echo restored; read line; exit 5", NULL);
      _exit(127);
    }
    Answer(NOTIFY, "post-restore", (unsigned)pid);
    unsigned char said[64];
    if (recv(SOCKET, said, sizeof said, 0) < 1) return 5;
  }
  Answer(request[1], NULL, 0);
  return 0;
}
