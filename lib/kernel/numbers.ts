// SPDX-License-Identifier: Apache-2.0
/** Numbers of the kernel's interface that several modules need, under the kernel's names (x86_64 and aarch64). */

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGILL = 4;
export const SIGKILL = 9;
export const SIGTERM = 15;
export const SIGCHLD = 17;
export const SIGSTOP = 19;
export const SIGWINCH = 28;
export const SIGSYS = 31;

/** Events of poll(2). */
export const POLLIN = 1;
/** An exceptional condition: a file of cgroup v2 has changed. */
export const POLLPRI = 2;
export const POLLOUT = 4;
/** Comes without being asked for. */
export const POLLERR = 8;

/** Events of epoll(7); the last two come without being asked for. */
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;

/** Commands of fcntl(2). */
export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const F_SETFL = 4;
/** The flag of F_SETFD. */
export const FD_CLOEXEC = 1;

/** Operations of flock(2). */
export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

/** Modes of access(2). */
export const X_OK = 1;

/** Types of files in `st_mode`, and their mask. */
export const S_IFMT = 0o170000;
export const S_IFIFO = 0o010000;
export const S_IFCHR = 0o020000;
export const S_IFDIR = 0o040000;
export const S_IFBLK = 0o060000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFSOCK = 0o140000;

/** Types of sockets. */
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_SEQPACKET = 5;
/** Goes with a type. */
export const SOCK_NONBLOCK = 0o4000;

/** Flags of mount(2); those that the mount API of plans has as well stand in plan_numbers.ts. */
export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_REMOUNT = 32;
export const MS_NOATIME = 1024;
export const MS_NODIRATIME = 2048;
export const MS_BIND = 4096;
export const MS_RELATIME = 1 << 21;
export const MS_STRICTATIME = 1 << 24;

/** Options of prctl(2). */
export const PR_CAPBSET_READ = 23;
export const PR_SET_CHILD_SUBREAPER = 36;

/** Numbers of capabilities. */
export const CAP_SYS_ADMIN = 21;
export const CAP_MKNOD = 27;

/** Policies of sched_setscheduler(2). */
export const SCHED_FIFO = 1;
export const SCHED_RR = 2;

/** Events of inotify(7). */
export const IN_MODIFY = 2;
export const IN_DELETE_SELF = 0x400;

/** ioctl_ns(2): the namespace above, and the CLONE_NEW* flag of the namespace that a descriptor is of. */
export const NS_GET_PARENT = 0xb702;
export const NS_GET_NSTYPE = 0xb703;

/** Flag of a process in /proc/PID/stat: it has executed no program since it was cloned. Of linux/sched.h, inside the kernel. */
export const PF_FORKNOEXEC = 0x40;
