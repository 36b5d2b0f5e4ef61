/* SPDX-License-Identifier: Apache-2.0 */
// look SECRET [DEVICE:INODE...]: looks, until SIGTERM, into every process that /proc shows, and tells what of the host it gets
// at: SECRET through a directory of the process, one of the files, or anything of a stage of runt's init. For a container in
// the pid namespace of the runtime.
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char **files;
static const char *secret;
static int hits, stages, programs;
static volatile sig_atomic_t stopped;

static void stop(int signal) {
  (void)signal;
  stopped = 1;
}

static int readName(int process, const char *path, char *text, size_t size) {
  const int fd = openat(process, path, O_RDONLY);
  const ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
  if (fd >= 0) close(fd);
  text[got < 0 ? 0 : got] = 0;
  if (got > 0 && text[got - 1] == '\n') text[got - 1] = 0;
  return got > 0;
}

static void readLink(int process, const char *path, char *text, size_t size) {
  const ssize_t got = readlinkat(process, path, text, size - 1);
  text[got < 0 ? 0 : got] = 0;
}

static void hit(int process, const char *what) {
  char name[64], target[256];
  readName(process, "comm", name, sizeof name);
  readLink(process, what, target, sizeof target);
  if (++hits <= 10) printf("HOST %s of %s is %s\n", what, name, target);
}

// Whether one gets out to the host from a directory; nobody's root is crossed on the way but the caller's own.
static int leadsOut(int directory) {
  char path[4096];
  snprintf(path, sizeof path, "../../../../../../../../../../../../../../../..%s", secret);
  const int fd = openat(directory, path, O_PATH);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static int isOfHost(int fd) {
  struct stat facts;
  char text[64];
  if (fstat(fd, &facts) < 0) return 0;
  if (S_ISDIR(facts.st_mode)) return leadsOut(fd);
  snprintf(text, sizeof text, "%lu:%lu", (unsigned long)facts.st_dev, (unsigned long)facts.st_ino);
  for (char **file = files; *file != NULL; ++file) {
    if (strcmp(*file, text) == 0) return 1;
  }
  return 0;
}

// The name in `comm` and in `exe` of a stage of init. Both are asked before and after: the process may execute its program
// meanwhile, which is the container's.
static int isStage(int process) {
  char name[64];
  return readName(process, "comm", name, sizeof name) && strncmp(name, "runt:[", 6) == 0;
}

static int hasCopyOfInit(int process) {
  char target[256];
  readLink(process, "exe", target, sizeof target);
  return strstr(target, "runt:init") != NULL;
}

static void lookAt(int process, const char *what, int flags) {
  const int fd = openat(process, what, flags);
  if (fd < 0) return;
  if (isOfHost(fd)) hit(process, what);
  close(fd);
}

static void lookInto(int process) {
  const int stage = isStage(process);
  char before[64] = "", after[64] = "";
  if (!readName(process, "comm", before, sizeof before)) return;
  if (stage) ++stages;
  lookAt(process, "root", O_PATH);
  lookAt(process, "cwd", O_PATH);
  lookAt(process, "exe", O_PATH);
  if (hasCopyOfInit(process)) hit(process, "exe");
  if (stage) {
    const int memory = openat(process, "mem", O_RDONLY);
    if (memory >= 0 && hasCopyOfInit(process)) hit(process, "mem");
    if (memory >= 0) close(memory);
  }
  for (int number = 0; number < 24; ++number) {
    char path[32];
    snprintf(path, sizeof path, "fd/%d", number);
    const int fd = openat(process, path, O_PATH);
    if (fd < 0) continue;
    const int own = isOfHost(fd) || (number > 2 && stage && isStage(process));
    if (own) hit(process, path);
    close(fd);
  }
  // What the container executes may be seen, and shows that the looks would find something.
  if (readName(process, "comm", after, sizeof after) && strcmp(after, "sleep") == 0) ++programs;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  secret = argv[1];
  files = argv + 2;
  const struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  DIR *processes = opendir("/proc");
  if (processes == NULL || open(secret, O_PATH) >= 0) return 3;
  puts("ready");
  while (!stopped) {
    rewinddir(processes);
    for (struct dirent *each; (each = readdir(processes)) != NULL;) {
      if (!isdigit((unsigned char)each->d_name[0]) || atoi(each->d_name) == getpid()) continue;
      const int process = openat(dirfd(processes), each->d_name, O_PATH | O_DIRECTORY);
      if (process < 0) continue;
      lookInto(process);
      close(process);
    }
  }
  printf("looks at %d stages and %d programs, %d hits\n", stages, programs, hits);
  return hits > 0;
}
