/* SPDX-License-Identifier: Apache-2.0 */
// A FUSE file system that takes every request and answers none but the first, which mounts it.
// Usage: mute DIRECTORY [PID of a process in whose mount namespace the directory is]
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int main(int argc, char **argv) {
  static char buffer[1 << 20];
  char options[128];
  if (argc < 2 || argc > 3) return 2;
  const int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse < 0) return 1;
  if (argc == 3) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/ns/mnt", argv[2]);
    const int mounts = open(path, O_RDONLY | O_CLOEXEC);
    if (mounts < 0 || setns(mounts, CLONE_NEWNS) < 0) return 1;
  }
  snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", fuse);
  if (mount("mute", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0) return 1;
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    const ssize_t got = read(fuse, buffer, sizeof buffer);
    if (got < (ssize_t)sizeof(struct fuse_in_header)) return 0;
    const struct fuse_in_header *request = (const struct fuse_in_header *)buffer;
    if (request->opcode != FUSE_INIT) continue;
    struct {
      struct fuse_out_header head;
      struct fuse_init_out body;
    } answer;
    memset(&answer, 0, sizeof answer);
    answer.head.len = sizeof answer;
    answer.head.unique = request->unique;
    answer.body.major = FUSE_KERNEL_VERSION;
    answer.body.minor = 31;
    answer.body.max_write = 4096;
    if (write(fuse, &answer, sizeof answer) < 0) return 1;
  }
}
