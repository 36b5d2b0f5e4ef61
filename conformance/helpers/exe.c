/* SPDX-License-Identifier: Apache-2.0 */
// exe seals PATH: prints the seals (F_GET_SEALS) of a file, as a number.
// exe attack REPORT PATH...: tries to write to each PATH, which is somebody's /proc/PID/exe. Appends "written PATH" to
// REPORT where that works, and "refused PATH" where it does not. A child keeps the files that could be opened for
// reading, and goes on trying for a second, while the programs that ran from them end; then it appends "ended".
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kMaxPaths = 8 };

static int Seals(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
  if (seals < 0) {
    perror(path);
    return 1;
  }
  printf("%d\n", seals);
  return 0;
}

// One byte, at the end: a file that is no executable any more breaks nothing else.
static int Write(const char *path) {
  static const int kFlags[] = {O_WRONLY | O_APPEND, O_RDWR | O_APPEND};
  for (unsigned i = 0; i < sizeof kFlags / sizeof kFlags[0]; ++i) {
    int fd = open(path, kFlags[i]);
    if (fd < 0) continue;
    int written = write(fd, "x", 1) == 1 || ftruncate(fd, 0) == 0;
    close(fd);
    if (written) return 1;
  }
  return 0;
}

static int Attack(const char *report, char **paths, int count) {
  int held[kMaxPaths];
  int out = open(report, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (out < 0 || count > kMaxPaths) return 1;
  for (int i = 0; i < count; ++i) {
    held[i] = open(paths[i], O_RDONLY);
    dprintf(out, "%s %s\n", Write(paths[i]) ? "written" : "refused", paths[i]);
  }
  if (fork() != 0) return 0;
  for (int tries = 0; tries < 100; ++tries) {
    for (int i = 0; i < count; ++i) {
      char again[64];
      snprintf(again, sizeof again, "/proc/self/fd/%d", held[i]);
      if (held[i] < 0 || !Write(again)) continue;
      dprintf(out, "written %s later\n", paths[i]);
      held[i] = -1;
    }
    struct timespec pause = {0, 10000000};
    nanosleep(&pause, NULL);
  }
  dprintf(out, "ended\n");
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "seals") == 0) return Seals(argv[2]);
  if (argc >= 4 && strcmp(argv[1], "attack") == 0) return Attack(argv[2], argv + 3, argc - 3);
  return 2;
}
