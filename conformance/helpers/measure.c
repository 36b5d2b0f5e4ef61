/* SPDX-License-Identifier: Apache-2.0 */
// measure PROGRAM [ARG...]: runs a program with stdout and stderr on /dev/null, and prints one line:
// nanoseconds from spawn to exit, wait status, peak resident set of it and its waited-for children in KiB.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long Now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  long long begin = Now();
  pid_t pid = vfork();
  if (pid == 0) {
    dup2(null, 1);
    if (getenv("MEASURE_STDERR") == NULL) dup2(null, 2);
    execve(argv[1], argv + 1, environ);
    _exit(127);
  }
  int status = 0;
  struct rusage usage;
  if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) return 1;
  long long end = Now();
  printf("%lld %d %ld\n", end - begin, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
         usage.ru_maxrss);
  return 0;
}
