// SPDX-License-Identifier: Apache-2.0
/**
 * The default system calls of a container: those that programs need, and none that configures the kernel, looks into other
 * processes, or has been a way out of containers before. Pure.
 *
 * A call that is not listed fails with EPERM, as if a privilege were missing.
 */
import type { LinuxSeccomp, LinuxSyscall } from "../../spec/types.ts";
import { expect, oneOf } from "../options/kinds.ts";

const FILES = `
  access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
  fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr
  flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat
  getcwd getdents getdents64 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32
  lgetxattr link linkat listxattr llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat
  newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv
  removexattr rename renameat renameat2 rmdir sendfile sendfile64 setxattr splice stat stat64 statfs statfs64 statx symlink
  symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes
  write writev`;
const MEMORY = `
  brk madvise map_shadow_stack membarrier memfd_create mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync
  munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect`;
const PROCESSES = `
  alarm capget capset execve execveat exit exit_group fork get_robust_list getcpu getegid getegid32 geteuid geteuid32 getgid
  getgid32 getgroups getgroups32 getitimer getpgid getpgrp getpid getppid getpriority getresgid getresgid32 getresuid
  getresuid32 getrlimit getrusage getsid gettid getuid getuid32 ioprio_get ioprio_set kill pause pidfd_open pidfd_send_signal
  prctl prlimit64 restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
  rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
  sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
  sched_setattr sched_setparam sched_setscheduler sched_yield set_robust_list set_thread_area set_tid_address setfsgid
  setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32
  setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32 sigaltstack sigreturn
  sysinfo tgkill times tkill ugetrlimit uname vfork wait4 waitid waitpid`;
const SYNCHRONISATION = `
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 futex
  futex_requeue futex_time64 futex_wait futex_waitv futex_wake io_cancel io_destroy io_getevents io_setup io_submit ipc
  mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl
  msgget msgrcv msgsnd pipe pipe2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select _newselect semctl semget semop
  semtimedop semtimedop_time64 shmat shmctl shmdt shmget signalfd signalfd4`;
const TIME = `
  clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 gettimeofday nanosleep
  time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
  timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64`;
const NETWORK = `
  accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send
  sendmmsg sendmsg sendto setsockopt shutdown socketpair`;
const RANDOM_AND_MACHINE = `
  getrandom arch_prctl modify_ldt cacheflush arm_fadvise64_64 arm_sync_file_range set_tls sync_file_range2 breakpoint`;
const OTHERS = `landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp name_to_handle_at`;

/** Families of addresses: Unix, IPv4, IPv6 and netlink, by which programs ask for their addresses. */
const SOCKET_FAMILIES = [1, 2, 10, 16];
/** Personalities that programs have: Linux, 32 bits, without address randomisation, and the query. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];
/** CLONE_NEW* but CLONE_NEWTIME, which clone(2) takes for a part of the signal. */
const NEW_NAMESPACES = 0x7e020000;

function names(text: string): string[] {
  return text.trim().split(/\s+/);
}

function allow(list: readonly string[], args?: LinuxSyscall["args"]): LinuxSyscall {
  return { names: list, action: "SCMP_ACT_ALLOW", ...(args === undefined ? {} : { args }) };
}

const ARCH = oneOf("x64", "arm64");

/**
 * A profile to start from; containers without a bundle have it.
 * @param arch as Node.js calls it
 * @throws USAGE
 */
export function defaultSeccomp(arch: string = process.arch): LinuxSeccomp {
  expect("defaultSeccomp", arch, ARCH, "arch");
  const all = [FILES, MEMORY, PROCESSES, SYNCHRONISATION, TIME, NETWORK, RANDOM_AND_MACHINE, OTHERS].flatMap(names);
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures:
      arch === "arm64" ? ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"] : ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    syscalls: [
      allow(all),
      ...SOCKET_FAMILIES.map((value) => allow(["socket"], [{ index: 0, value, op: "SCMP_CMP_EQ" }])),
      ...PERSONALITIES.map((value) => allow(["personality"], [{ index: 0, value, op: "SCMP_CMP_EQ" }])),
      allow(["clone"], [{ index: 0, value: NEW_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }]),
      // Its flags are in memory, which a filter cannot read; libc then uses clone.
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  };
}
