/* SPDX-License-Identifier: Apache-2.0 */
// Runs a program on a kernel that lacks system calls: a filter answers ENOSYS for them. Or with EPERM, as the filter of a
// container does that lists what it allows.
//
//     without [EPERM:]openat2,mount_setattr PROGRAM [ARGUMENT...]
//
// The word clone_pidfd refuses clone(2) the flag CLONE_PIDFD, with EINVAL; Linux before 5.2 takes no notice of it. The word nosymfollow
// refuses fsmount(2) that attribute, with EINVAL, as Linux before 5.14 does. The word slow_umount2 makes each umount2(2) wait for
// a fifth of a second first, so that a signal can come before it; a child of PROGRAM's does that, and ends with it.
// No no_new_privs, which the program would notice, but for a user without CAP_SYS_ADMIN.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
  const char *name;
  unsigned number;
} calls[] = {
    {"openat2", 437},   {"mount_setattr", 442}, {"fchmodat2", 452}, {"clone3", 435}, {"open_tree", 428},
    {"move_mount", 429}, {"fsopen", 430},        {"fsconfig", 431},  {"fsmount", 432}, {"close_range", 436},
    {"pidfd_open", 434}, {"pidfd_send_signal", 424}, {"statx", 332},  {"faccessat2", 439}, {"fspick", 433},
    {"name_to_handle_at", 303}, {"epoll_pwait2", 441}, {"open_tree_attr", 467}, {"statmount", 457}, {"listmount", 458},
    {"pivot_root", 155},
};

// Lets each call that `listener` tells of go on after a while. Returns at once in the calling process.
static void delay(int listener) {
  const pid_t caller = getpid();
  const pid_t child = fork();
  if (child < 0) perror("without: fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct seccomp_notif call = {0};
    while (getppid() == caller && ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0) {
      usleep(200000);
      struct seccomp_notif_resp answer = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
      // The caller may have been killed meanwhile.
      ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
      memset(&call, 0, sizeof call);
    }
    _exit(0);
  }
  close(listener);
}

int main(int argc, char **argv) {
  struct sock_filter program[2 * 32 + 2];
  unsigned size = 0;
  unsigned flags = 0;
  if (argc < 3) return 125;
  program[size++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  const unsigned error = strncmp(argv[1], "EPERM:", 6) == 0 ? EPERM : ENOSYS;
  for (char *name = strtok(argv[1] + (error == EPERM ? 6 : 0), ","); name != NULL; name = strtok(NULL, ",")) {
    const int flag = strcmp(name, "clone_pidfd") == 0 ? 0 : strcmp(name, "nosymfollow") == 0 ? 1 : -1;
    if (flag >= 0) {
      const unsigned place = flag == 0 ? offsetof(struct seccomp_data, args[0]) : offsetof(struct seccomp_data, args[2]);
      program[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, flag == 0 ? 56 : 432, 0, 4);
      program[size++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, place);
      program[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flag == 0 ? 0x1000 : 0x200000, 0, 1);
      program[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL);
      program[size++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
      continue;
    }
    if (strcmp(name, "slow_umount2") == 0) {
      program[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_umount2, 0, 1);
      program[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
      flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
      continue;
    }
    size_t found = 0;
    while (found < sizeof calls / sizeof calls[0] && strcmp(calls[found].name, name) != 0) found++;
    if (found == sizeof calls / sizeof calls[0]) {
      fprintf(stderr, "without: %s: unknown call\n", name);
      return 125;
    }
    program[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[found].number, 0, 1);
    program[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
  }
  program[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog filter = {(unsigned short)size, program};
  long set = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  if (set < 0 && errno == EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
    set = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
  }
  if (set < 0) {
    perror("without: seccomp");
    return 125;
  }
  if (flags != 0) delay((int)set);
  execvp(argv[2], argv + 2);
  perror(argv[2]);
  return 127;
}
