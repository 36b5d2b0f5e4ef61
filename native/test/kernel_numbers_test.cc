// Generated from lib/kernel by `npm run generate`; changes made here are lost.

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suites.h"
#include "tap.h"

// A name that no header has is a mistake in lib/kernel, or wants a header here.
#ifndef AT_FDCWD
#error "AT_FDCWD is in no header"
#endif
#ifndef CAP_MKNOD
#error "CAP_MKNOD is in no header"
#endif
#ifndef CAP_SYS_ADMIN
#error "CAP_SYS_ADMIN is in no header"
#endif
#ifndef CLONE_NEWCGROUP
#error "CLONE_NEWCGROUP is in no header"
#endif
#ifndef CLONE_NEWIPC
#error "CLONE_NEWIPC is in no header"
#endif
#ifndef CLONE_NEWNET
#error "CLONE_NEWNET is in no header"
#endif
#ifndef CLONE_NEWNS
#error "CLONE_NEWNS is in no header"
#endif
#ifndef CLONE_NEWPID
#error "CLONE_NEWPID is in no header"
#endif
#ifndef CLONE_NEWTIME
#error "CLONE_NEWTIME is in no header"
#endif
#ifndef CLONE_NEWUSER
#error "CLONE_NEWUSER is in no header"
#endif
#ifndef CLONE_NEWUTS
#error "CLONE_NEWUTS is in no header"
#endif
#ifndef E2BIG
#error "E2BIG is in no header"
#endif
#ifndef EACCES
#error "EACCES is in no header"
#endif
#ifndef EADDRINUSE
#error "EADDRINUSE is in no header"
#endif
#ifndef EAGAIN
#error "EAGAIN is in no header"
#endif
#ifndef EBADF
#error "EBADF is in no header"
#endif
#ifndef EBUSY
#error "EBUSY is in no header"
#endif
#ifndef ECHILD
#error "ECHILD is in no header"
#endif
#ifndef ECONNREFUSED
#error "ECONNREFUSED is in no header"
#endif
#ifndef ECONNRESET
#error "ECONNRESET is in no header"
#endif
#ifndef EDOM
#error "EDOM is in no header"
#endif
#ifndef EEXIST
#error "EEXIST is in no header"
#endif
#ifndef EFBIG
#error "EFBIG is in no header"
#endif
#ifndef EHOSTUNREACH
#error "EHOSTUNREACH is in no header"
#endif
#ifndef EILSEQ
#error "EILSEQ is in no header"
#endif
#ifndef EINTR
#error "EINTR is in no header"
#endif
#ifndef EINVAL
#error "EINVAL is in no header"
#endif
#ifndef EIO
#error "EIO is in no header"
#endif
#ifndef EISDIR
#error "EISDIR is in no header"
#endif
#ifndef ELOOP
#error "ELOOP is in no header"
#endif
#ifndef EMFILE
#error "EMFILE is in no header"
#endif
#ifndef ENAMETOOLONG
#error "ENAMETOOLONG is in no header"
#endif
#ifndef ENETUNREACH
#error "ENETUNREACH is in no header"
#endif
#ifndef ENODEV
#error "ENODEV is in no header"
#endif
#ifndef ENOENT
#error "ENOENT is in no header"
#endif
#ifndef ENOEXEC
#error "ENOEXEC is in no header"
#endif
#ifndef ENOMEM
#error "ENOMEM is in no header"
#endif
#ifndef ENOSPC
#error "ENOSPC is in no header"
#endif
#ifndef ENOSYS
#error "ENOSYS is in no header"
#endif
#ifndef ENOTDIR
#error "ENOTDIR is in no header"
#endif
#ifndef ENOTEMPTY
#error "ENOTEMPTY is in no header"
#endif
#ifndef ENOTTY
#error "ENOTTY is in no header"
#endif
#ifndef EOPNOTSUPP
#error "EOPNOTSUPP is in no header"
#endif
#ifndef EPERM
#error "EPERM is in no header"
#endif
#ifndef EPIPE
#error "EPIPE is in no header"
#endif
#ifndef EPOLLERR
#error "EPOLLERR is in no header"
#endif
#ifndef EPOLLHUP
#error "EPOLLHUP is in no header"
#endif
#ifndef EPOLLIN
#error "EPOLLIN is in no header"
#endif
#ifndef EPOLLOUT
#error "EPOLLOUT is in no header"
#endif
#ifndef ERANGE
#error "ERANGE is in no header"
#endif
#ifndef EROFS
#error "EROFS is in no header"
#endif
#ifndef ESRCH
#error "ESRCH is in no header"
#endif
#ifndef ETIMEDOUT
#error "ETIMEDOUT is in no header"
#endif
#ifndef EXDEV
#error "EXDEV is in no header"
#endif
#ifndef FD_CLOEXEC
#error "FD_CLOEXEC is in no header"
#endif
#ifndef F_GETFD
#error "F_GETFD is in no header"
#endif
#ifndef F_GETFL
#error "F_GETFL is in no header"
#endif
#ifndef F_SETFD
#error "F_SETFD is in no header"
#endif
#ifndef F_SETFL
#error "F_SETFL is in no header"
#endif
#ifndef IN_DELETE_SELF
#error "IN_DELETE_SELF is in no header"
#endif
#ifndef IN_MODIFY
#error "IN_MODIFY is in no header"
#endif
#ifndef LOCK_EX
#error "LOCK_EX is in no header"
#endif
#ifndef LOCK_NB
#error "LOCK_NB is in no header"
#endif
#ifndef LOCK_SH
#error "LOCK_SH is in no header"
#endif
#ifndef LOCK_UN
#error "LOCK_UN is in no header"
#endif
#ifndef MOUNT_ATTR_IDMAP
#error "MOUNT_ATTR_IDMAP is in no header"
#endif
#ifndef MOUNT_ATTR_NOATIME
#error "MOUNT_ATTR_NOATIME is in no header"
#endif
#ifndef MOUNT_ATTR_NODEV
#error "MOUNT_ATTR_NODEV is in no header"
#endif
#ifndef MOUNT_ATTR_NODIRATIME
#error "MOUNT_ATTR_NODIRATIME is in no header"
#endif
#ifndef MOUNT_ATTR_NOEXEC
#error "MOUNT_ATTR_NOEXEC is in no header"
#endif
#ifndef MOUNT_ATTR_NOSUID
#error "MOUNT_ATTR_NOSUID is in no header"
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#error "MOUNT_ATTR_NOSYMFOLLOW is in no header"
#endif
#ifndef MOUNT_ATTR_RDONLY
#error "MOUNT_ATTR_RDONLY is in no header"
#endif
#ifndef MOUNT_ATTR_STRICTATIME
#error "MOUNT_ATTR_STRICTATIME is in no header"
#endif
#ifndef MOUNT_ATTR__ATIME
#error "MOUNT_ATTR__ATIME is in no header"
#endif
#ifndef MS_BIND
#error "MS_BIND is in no header"
#endif
#ifndef MS_DIRSYNC
#error "MS_DIRSYNC is in no header"
#endif
#ifndef MS_I_VERSION
#error "MS_I_VERSION is in no header"
#endif
#ifndef MS_LAZYTIME
#error "MS_LAZYTIME is in no header"
#endif
#ifndef MS_MANDLOCK
#error "MS_MANDLOCK is in no header"
#endif
#ifndef MS_NOATIME
#error "MS_NOATIME is in no header"
#endif
#ifndef MS_NODEV
#error "MS_NODEV is in no header"
#endif
#ifndef MS_NODIRATIME
#error "MS_NODIRATIME is in no header"
#endif
#ifndef MS_NOEXEC
#error "MS_NOEXEC is in no header"
#endif
#ifndef MS_NOSUID
#error "MS_NOSUID is in no header"
#endif
#ifndef MS_PRIVATE
#error "MS_PRIVATE is in no header"
#endif
#ifndef MS_RDONLY
#error "MS_RDONLY is in no header"
#endif
#ifndef MS_REC
#error "MS_REC is in no header"
#endif
#ifndef MS_RELATIME
#error "MS_RELATIME is in no header"
#endif
#ifndef MS_REMOUNT
#error "MS_REMOUNT is in no header"
#endif
#ifndef MS_SHARED
#error "MS_SHARED is in no header"
#endif
#ifndef MS_SILENT
#error "MS_SILENT is in no header"
#endif
#ifndef MS_SLAVE
#error "MS_SLAVE is in no header"
#endif
#ifndef MS_STRICTATIME
#error "MS_STRICTATIME is in no header"
#endif
#ifndef MS_SYNCHRONOUS
#error "MS_SYNCHRONOUS is in no header"
#endif
#ifndef MS_UNBINDABLE
#error "MS_UNBINDABLE is in no header"
#endif
#ifndef NS_GET_NSTYPE
#error "NS_GET_NSTYPE is in no header"
#endif
#ifndef NS_GET_PARENT
#error "NS_GET_PARENT is in no header"
#endif
#ifndef O_ACCMODE
#error "O_ACCMODE is in no header"
#endif
#ifndef O_APPEND
#error "O_APPEND is in no header"
#endif
#ifndef O_CLOEXEC
#error "O_CLOEXEC is in no header"
#endif
#ifndef O_CREAT
#error "O_CREAT is in no header"
#endif
#ifndef O_EXCL
#error "O_EXCL is in no header"
#endif
#ifndef O_NOCTTY
#error "O_NOCTTY is in no header"
#endif
#ifndef O_NONBLOCK
#error "O_NONBLOCK is in no header"
#endif
#ifndef O_PATH
#error "O_PATH is in no header"
#endif
#ifndef O_RDONLY
#error "O_RDONLY is in no header"
#endif
#ifndef O_RDWR
#error "O_RDWR is in no header"
#endif
#ifndef O_SYNC
#error "O_SYNC is in no header"
#endif
#ifndef O_TRUNC
#error "O_TRUNC is in no header"
#endif
#ifndef O_WRONLY
#error "O_WRONLY is in no header"
#endif
#ifndef POLLERR
#error "POLLERR is in no header"
#endif
#ifndef POLLIN
#error "POLLIN is in no header"
#endif
#ifndef POLLOUT
#error "POLLOUT is in no header"
#endif
#ifndef POLLPRI
#error "POLLPRI is in no header"
#endif
#ifndef PR_CAPBSET_READ
#error "PR_CAPBSET_READ is in no header"
#endif
#ifndef PR_SET_CHILD_SUBREAPER
#error "PR_SET_CHILD_SUBREAPER is in no header"
#endif
#ifndef RLIMIT_AS
#error "RLIMIT_AS is in no header"
#endif
#ifndef RLIMIT_CORE
#error "RLIMIT_CORE is in no header"
#endif
#ifndef RLIMIT_CPU
#error "RLIMIT_CPU is in no header"
#endif
#ifndef RLIMIT_DATA
#error "RLIMIT_DATA is in no header"
#endif
#ifndef RLIMIT_FSIZE
#error "RLIMIT_FSIZE is in no header"
#endif
#ifndef RLIMIT_LOCKS
#error "RLIMIT_LOCKS is in no header"
#endif
#ifndef RLIMIT_MEMLOCK
#error "RLIMIT_MEMLOCK is in no header"
#endif
#ifndef RLIMIT_MSGQUEUE
#error "RLIMIT_MSGQUEUE is in no header"
#endif
#ifndef RLIMIT_NICE
#error "RLIMIT_NICE is in no header"
#endif
#ifndef RLIMIT_NOFILE
#error "RLIMIT_NOFILE is in no header"
#endif
#ifndef RLIMIT_NPROC
#error "RLIMIT_NPROC is in no header"
#endif
#ifndef RLIMIT_RSS
#error "RLIMIT_RSS is in no header"
#endif
#ifndef RLIMIT_RTPRIO
#error "RLIMIT_RTPRIO is in no header"
#endif
#ifndef RLIMIT_RTTIME
#error "RLIMIT_RTTIME is in no header"
#endif
#ifndef RLIMIT_SIGPENDING
#error "RLIMIT_SIGPENDING is in no header"
#endif
#ifndef RLIMIT_STACK
#error "RLIMIT_STACK is in no header"
#endif
#ifndef SCHED_FIFO
#error "SCHED_FIFO is in no header"
#endif
#ifndef SCHED_RR
#error "SCHED_RR is in no header"
#endif
#ifndef SECCOMP_FILTER_FLAG_NEW_LISTENER
#error "SECCOMP_FILTER_FLAG_NEW_LISTENER is in no header"
#endif
#ifndef SIGCHLD
#error "SIGCHLD is in no header"
#endif
#ifndef SIGHUP
#error "SIGHUP is in no header"
#endif
#ifndef SIGILL
#error "SIGILL is in no header"
#endif
#ifndef SIGINT
#error "SIGINT is in no header"
#endif
#ifndef SIGKILL
#error "SIGKILL is in no header"
#endif
#ifndef SIGSTOP
#error "SIGSTOP is in no header"
#endif
#ifndef SIGSYS
#error "SIGSYS is in no header"
#endif
#ifndef SIGTERM
#error "SIGTERM is in no header"
#endif
#ifndef SIGWINCH
#error "SIGWINCH is in no header"
#endif
#ifndef SOCK_DGRAM
#error "SOCK_DGRAM is in no header"
#endif
#ifndef SOCK_NONBLOCK
#error "SOCK_NONBLOCK is in no header"
#endif
#ifndef SOCK_SEQPACKET
#error "SOCK_SEQPACKET is in no header"
#endif
#ifndef SOCK_STREAM
#error "SOCK_STREAM is in no header"
#endif
#ifndef S_IFBLK
#error "S_IFBLK is in no header"
#endif
#ifndef S_IFCHR
#error "S_IFCHR is in no header"
#endif
#ifndef S_IFDIR
#error "S_IFDIR is in no header"
#endif
#ifndef S_IFIFO
#error "S_IFIFO is in no header"
#endif
#ifndef S_IFLNK
#error "S_IFLNK is in no header"
#endif
#ifndef S_IFMT
#error "S_IFMT is in no header"
#endif
#ifndef S_IFREG
#error "S_IFREG is in no header"
#endif
#ifndef S_IFSOCK
#error "S_IFSOCK is in no header"
#endif
#ifndef X_OK
#error "X_OK is in no header"
#endif

namespace runt::test {

void TestKernelNumbers() {
  constexpr struct {
    const char* name;
    long ours;
    long theirs;
  } kNumbers[] = {
      {"AT_FDCWD", -100, static_cast<long>(AT_FDCWD)},
      {"CAP_MKNOD", 27, static_cast<long>(CAP_MKNOD)},
      {"CAP_SYS_ADMIN", 21, static_cast<long>(CAP_SYS_ADMIN)},
      {"CLONE_NEWCGROUP", 33554432, static_cast<long>(CLONE_NEWCGROUP)},
      {"CLONE_NEWIPC", 134217728, static_cast<long>(CLONE_NEWIPC)},
      {"CLONE_NEWNET", 1073741824, static_cast<long>(CLONE_NEWNET)},
      {"CLONE_NEWNS", 131072, static_cast<long>(CLONE_NEWNS)},
      {"CLONE_NEWPID", 536870912, static_cast<long>(CLONE_NEWPID)},
      {"CLONE_NEWTIME", 128, static_cast<long>(CLONE_NEWTIME)},
      {"CLONE_NEWUSER", 268435456, static_cast<long>(CLONE_NEWUSER)},
      {"CLONE_NEWUTS", 67108864, static_cast<long>(CLONE_NEWUTS)},
      {"E2BIG", 7, static_cast<long>(E2BIG)},
      {"EACCES", 13, static_cast<long>(EACCES)},
      {"EADDRINUSE", 98, static_cast<long>(EADDRINUSE)},
      {"EAGAIN", 11, static_cast<long>(EAGAIN)},
      {"EBADF", 9, static_cast<long>(EBADF)},
      {"EBUSY", 16, static_cast<long>(EBUSY)},
      {"ECHILD", 10, static_cast<long>(ECHILD)},
      {"ECONNREFUSED", 111, static_cast<long>(ECONNREFUSED)},
      {"ECONNRESET", 104, static_cast<long>(ECONNRESET)},
      {"EDOM", 33, static_cast<long>(EDOM)},
      {"EEXIST", 17, static_cast<long>(EEXIST)},
      {"EFBIG", 27, static_cast<long>(EFBIG)},
      {"EHOSTUNREACH", 113, static_cast<long>(EHOSTUNREACH)},
      {"EILSEQ", 84, static_cast<long>(EILSEQ)},
      {"EINTR", 4, static_cast<long>(EINTR)},
      {"EINVAL", 22, static_cast<long>(EINVAL)},
      {"EIO", 5, static_cast<long>(EIO)},
      {"EISDIR", 21, static_cast<long>(EISDIR)},
      {"ELOOP", 40, static_cast<long>(ELOOP)},
      {"EMFILE", 24, static_cast<long>(EMFILE)},
      {"ENAMETOOLONG", 36, static_cast<long>(ENAMETOOLONG)},
      {"ENETUNREACH", 101, static_cast<long>(ENETUNREACH)},
      {"ENODEV", 19, static_cast<long>(ENODEV)},
      {"ENOENT", 2, static_cast<long>(ENOENT)},
      {"ENOEXEC", 8, static_cast<long>(ENOEXEC)},
      {"ENOMEM", 12, static_cast<long>(ENOMEM)},
      {"ENOSPC", 28, static_cast<long>(ENOSPC)},
      {"ENOSYS", 38, static_cast<long>(ENOSYS)},
      {"ENOTDIR", 20, static_cast<long>(ENOTDIR)},
      {"ENOTEMPTY", 39, static_cast<long>(ENOTEMPTY)},
      {"ENOTTY", 25, static_cast<long>(ENOTTY)},
      {"EOPNOTSUPP", 95, static_cast<long>(EOPNOTSUPP)},
      {"EPERM", 1, static_cast<long>(EPERM)},
      {"EPIPE", 32, static_cast<long>(EPIPE)},
      {"EPOLLERR", 8, static_cast<long>(EPOLLERR)},
      {"EPOLLHUP", 16, static_cast<long>(EPOLLHUP)},
      {"EPOLLIN", 1, static_cast<long>(EPOLLIN)},
      {"EPOLLOUT", 4, static_cast<long>(EPOLLOUT)},
      {"ERANGE", 34, static_cast<long>(ERANGE)},
      {"EROFS", 30, static_cast<long>(EROFS)},
      {"ESRCH", 3, static_cast<long>(ESRCH)},
      {"ETIMEDOUT", 110, static_cast<long>(ETIMEDOUT)},
      {"EXDEV", 18, static_cast<long>(EXDEV)},
      {"FD_CLOEXEC", 1, static_cast<long>(FD_CLOEXEC)},
      {"F_GETFD", 1, static_cast<long>(F_GETFD)},
      {"F_GETFL", 3, static_cast<long>(F_GETFL)},
      {"F_SETFD", 2, static_cast<long>(F_SETFD)},
      {"F_SETFL", 4, static_cast<long>(F_SETFL)},
      {"IN_DELETE_SELF", 1024, static_cast<long>(IN_DELETE_SELF)},
      {"IN_MODIFY", 2, static_cast<long>(IN_MODIFY)},
      {"LOCK_EX", 2, static_cast<long>(LOCK_EX)},
      {"LOCK_NB", 4, static_cast<long>(LOCK_NB)},
      {"LOCK_SH", 1, static_cast<long>(LOCK_SH)},
      {"LOCK_UN", 8, static_cast<long>(LOCK_UN)},
      {"MOUNT_ATTR_IDMAP", 1048576, static_cast<long>(MOUNT_ATTR_IDMAP)},
      {"MOUNT_ATTR_NOATIME", 16, static_cast<long>(MOUNT_ATTR_NOATIME)},
      {"MOUNT_ATTR_NODEV", 4, static_cast<long>(MOUNT_ATTR_NODEV)},
      {"MOUNT_ATTR_NODIRATIME", 128, static_cast<long>(MOUNT_ATTR_NODIRATIME)},
      {"MOUNT_ATTR_NOEXEC", 8, static_cast<long>(MOUNT_ATTR_NOEXEC)},
      {"MOUNT_ATTR_NOSUID", 2, static_cast<long>(MOUNT_ATTR_NOSUID)},
      {"MOUNT_ATTR_NOSYMFOLLOW", 2097152, static_cast<long>(MOUNT_ATTR_NOSYMFOLLOW)},
      {"MOUNT_ATTR_RDONLY", 1, static_cast<long>(MOUNT_ATTR_RDONLY)},
      {"MOUNT_ATTR_STRICTATIME", 32, static_cast<long>(MOUNT_ATTR_STRICTATIME)},
      {"MOUNT_ATTR__ATIME", 112, static_cast<long>(MOUNT_ATTR__ATIME)},
      {"MS_BIND", 4096, static_cast<long>(MS_BIND)},
      {"MS_DIRSYNC", 128, static_cast<long>(MS_DIRSYNC)},
      {"MS_I_VERSION", 8388608, static_cast<long>(MS_I_VERSION)},
      {"MS_LAZYTIME", 33554432, static_cast<long>(MS_LAZYTIME)},
      {"MS_MANDLOCK", 64, static_cast<long>(MS_MANDLOCK)},
      {"MS_NOATIME", 1024, static_cast<long>(MS_NOATIME)},
      {"MS_NODEV", 4, static_cast<long>(MS_NODEV)},
      {"MS_NODIRATIME", 2048, static_cast<long>(MS_NODIRATIME)},
      {"MS_NOEXEC", 8, static_cast<long>(MS_NOEXEC)},
      {"MS_NOSUID", 2, static_cast<long>(MS_NOSUID)},
      {"MS_PRIVATE", 262144, static_cast<long>(MS_PRIVATE)},
      {"MS_RDONLY", 1, static_cast<long>(MS_RDONLY)},
      {"MS_REC", 16384, static_cast<long>(MS_REC)},
      {"MS_RELATIME", 2097152, static_cast<long>(MS_RELATIME)},
      {"MS_REMOUNT", 32, static_cast<long>(MS_REMOUNT)},
      {"MS_SHARED", 1048576, static_cast<long>(MS_SHARED)},
      {"MS_SILENT", 32768, static_cast<long>(MS_SILENT)},
      {"MS_SLAVE", 524288, static_cast<long>(MS_SLAVE)},
      {"MS_STRICTATIME", 16777216, static_cast<long>(MS_STRICTATIME)},
      {"MS_SYNCHRONOUS", 16, static_cast<long>(MS_SYNCHRONOUS)},
      {"MS_UNBINDABLE", 131072, static_cast<long>(MS_UNBINDABLE)},
      {"NS_GET_NSTYPE", 46851, static_cast<long>(NS_GET_NSTYPE)},
      {"NS_GET_PARENT", 46850, static_cast<long>(NS_GET_PARENT)},
      {"O_ACCMODE", 3, static_cast<long>(O_ACCMODE)},
      {"O_APPEND", 1024, static_cast<long>(O_APPEND)},
      {"O_CLOEXEC", 524288, static_cast<long>(O_CLOEXEC)},
      {"O_CREAT", 64, static_cast<long>(O_CREAT)},
      {"O_EXCL", 128, static_cast<long>(O_EXCL)},
      {"O_NOCTTY", 256, static_cast<long>(O_NOCTTY)},
      {"O_NONBLOCK", 2048, static_cast<long>(O_NONBLOCK)},
      {"O_PATH", 2097152, static_cast<long>(O_PATH)},
      {"O_RDONLY", 0, static_cast<long>(O_RDONLY)},
      {"O_RDWR", 2, static_cast<long>(O_RDWR)},
      {"O_SYNC", 1052672, static_cast<long>(O_SYNC)},
      {"O_TRUNC", 512, static_cast<long>(O_TRUNC)},
      {"O_WRONLY", 1, static_cast<long>(O_WRONLY)},
      {"POLLERR", 8, static_cast<long>(POLLERR)},
      {"POLLIN", 1, static_cast<long>(POLLIN)},
      {"POLLOUT", 4, static_cast<long>(POLLOUT)},
      {"POLLPRI", 2, static_cast<long>(POLLPRI)},
      {"PR_CAPBSET_READ", 23, static_cast<long>(PR_CAPBSET_READ)},
      {"PR_SET_CHILD_SUBREAPER", 36, static_cast<long>(PR_SET_CHILD_SUBREAPER)},
      {"RLIMIT_AS", 9, static_cast<long>(RLIMIT_AS)},
      {"RLIMIT_CORE", 4, static_cast<long>(RLIMIT_CORE)},
      {"RLIMIT_CPU", 0, static_cast<long>(RLIMIT_CPU)},
      {"RLIMIT_DATA", 2, static_cast<long>(RLIMIT_DATA)},
      {"RLIMIT_FSIZE", 1, static_cast<long>(RLIMIT_FSIZE)},
      {"RLIMIT_LOCKS", 10, static_cast<long>(RLIMIT_LOCKS)},
      {"RLIMIT_MEMLOCK", 8, static_cast<long>(RLIMIT_MEMLOCK)},
      {"RLIMIT_MSGQUEUE", 12, static_cast<long>(RLIMIT_MSGQUEUE)},
      {"RLIMIT_NICE", 13, static_cast<long>(RLIMIT_NICE)},
      {"RLIMIT_NOFILE", 7, static_cast<long>(RLIMIT_NOFILE)},
      {"RLIMIT_NPROC", 6, static_cast<long>(RLIMIT_NPROC)},
      {"RLIMIT_RSS", 5, static_cast<long>(RLIMIT_RSS)},
      {"RLIMIT_RTPRIO", 14, static_cast<long>(RLIMIT_RTPRIO)},
      {"RLIMIT_RTTIME", 15, static_cast<long>(RLIMIT_RTTIME)},
      {"RLIMIT_SIGPENDING", 11, static_cast<long>(RLIMIT_SIGPENDING)},
      {"RLIMIT_STACK", 3, static_cast<long>(RLIMIT_STACK)},
      {"SCHED_FIFO", 1, static_cast<long>(SCHED_FIFO)},
      {"SCHED_RR", 2, static_cast<long>(SCHED_RR)},
      {"SECCOMP_FILTER_FLAG_NEW_LISTENER", 8, static_cast<long>(SECCOMP_FILTER_FLAG_NEW_LISTENER)},
      {"SIGCHLD", 17, static_cast<long>(SIGCHLD)},
      {"SIGHUP", 1, static_cast<long>(SIGHUP)},
      {"SIGILL", 4, static_cast<long>(SIGILL)},
      {"SIGINT", 2, static_cast<long>(SIGINT)},
      {"SIGKILL", 9, static_cast<long>(SIGKILL)},
      {"SIGSTOP", 19, static_cast<long>(SIGSTOP)},
      {"SIGSYS", 31, static_cast<long>(SIGSYS)},
      {"SIGTERM", 15, static_cast<long>(SIGTERM)},
      {"SIGWINCH", 28, static_cast<long>(SIGWINCH)},
      {"SOCK_DGRAM", 2, static_cast<long>(SOCK_DGRAM)},
      {"SOCK_NONBLOCK", 2048, static_cast<long>(SOCK_NONBLOCK)},
      {"SOCK_SEQPACKET", 5, static_cast<long>(SOCK_SEQPACKET)},
      {"SOCK_STREAM", 1, static_cast<long>(SOCK_STREAM)},
      {"S_IFBLK", 24576, static_cast<long>(S_IFBLK)},
      {"S_IFCHR", 8192, static_cast<long>(S_IFCHR)},
      {"S_IFDIR", 16384, static_cast<long>(S_IFDIR)},
      {"S_IFIFO", 4096, static_cast<long>(S_IFIFO)},
      {"S_IFLNK", 40960, static_cast<long>(S_IFLNK)},
      {"S_IFMT", 61440, static_cast<long>(S_IFMT)},
      {"S_IFREG", 32768, static_cast<long>(S_IFREG)},
      {"S_IFSOCK", 49152, static_cast<long>(S_IFSOCK)},
      {"X_OK", 1, static_cast<long>(X_OK)},
  };
  for (const auto& number : kNumbers) Equal(number.ours, number.theirs, number.name);
}

}  // namespace runt::test
