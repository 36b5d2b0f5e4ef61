/* SPDX-License-Identifier: Apache-2.0 */
// mount_namespace ROUNDS ROOTFS: the time in microseconds that a process takes to get into a mount namespace with ROOTFS as its root,
// twice: by unshare, a bind mount and pivot_root, as since ever; and by OPEN_TREE_NAMESPACE (Linux 7) and setns. Prints medians.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef OPEN_TREE_NAMESPACE
#define OPEN_TREE_NAMESPACE 2
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static void fail(const char *what) {
  perror(what);
  _exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void by_pivot(const char *rootfs) {
  if (unshare(CLONE_NEWNS) < 0) fail("unshare");
  if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0) fail("slave");
  if (mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL) < 0) fail("bind");
  if (chdir(rootfs) < 0) fail("chdir");
  if (syscall(SYS_pivot_root, ".", ".") < 0) fail("pivot_root");
  if (umount2(".", MNT_DETACH) < 0) fail("umount");
  if (chdir("/") < 0) fail("chdir");
}

static void by_open_tree(const char *rootfs) {
  int tree = syscall(SYS_open_tree, AT_FDCWD, rootfs, OPEN_TREE_NAMESPACE | O_CLOEXEC | AT_RECURSIVE);
  if (tree < 0) fail("open_tree");
  if (setns(tree, CLONE_NEWNS) < 0) fail("setns");
  if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0) fail("private");
  if (chdir("/") < 0) fail("chdir");
}

static int compare(const void *one, const void *other) {
  double difference = *(const double *)one - *(const double *)other;
  return difference < 0 ? -1 : difference > 0;
}

// The time until the child has ended is a part of it: the namespace is taken down then.
static double once(void (*way)(const char *), const char *rootfs, double *inside) {
  int ends[2];
  if (pipe(ends) < 0) fail("pipe");
  double began = now();
  pid_t child = fork();
  if (child == 0) {
    double start = now();
    way(rootfs);
    double took = now() - start;
    if (write(ends[1], &took, sizeof took) < 0) fail("write");
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) exit(1);
  if (read(ends[0], inside, sizeof *inside) < 0) fail("read");
  close(ends[0]);
  close(ends[1]);
  return now() - began;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int rounds = atoi(argv[1]);
  double *whole[2], *inside[2];
  void (*ways[2])(const char *) = {by_pivot, by_open_tree};
  for (int way = 0; way < 2; ++way) {
    whole[way] = calloc(rounds, sizeof(double));
    inside[way] = calloc(rounds, sizeof(double));
  }
  for (int round = 0; round < rounds; ++round)
    for (int way = 0; way < 2; ++way) whole[way][round] = once(ways[way], argv[2], &inside[way][round]);
  for (int way = 0; way < 2; ++way) {
    qsort(whole[way], rounds, sizeof(double), compare);
    qsort(inside[way], rounds, sizeof(double), compare);
    printf("%s: %.0f us inside, %.0f us with the end\n", way == 0 ? "pivot_root" : "OPEN_TREE_NAMESPACE", inside[way][rounds / 2],
           whole[way][rounds / 2]);
  }
  return 0;
}
