// SPDX-License-Identifier: Apache-2.0
// Detached mounts: made of a path, and changed while no other process can see them.

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "../base/syscall.h"
#include "addon.h"

namespace runt::addon {

namespace {

unsigned TreeFlags(bool recursive, bool follow) {
  return 1U /* OPEN_TREE_CLONE */ | O_CLOEXEC | (recursive ? 0x8000U /* AT_RECURSIVE */ : 0U) |
         (follow ? 0U : static_cast<unsigned>(AT_SYMLINK_NOFOLLOW));
}

// The work of a child in another mount namespace; it shares its parent's memory and descriptors.
struct Visit {
  int mount_namespace;
  int root;
  const char* path;
  // open_tree(2) or openat(2), with these flags.
  long call;
  unsigned flags;
  long result;
};

int OpenThere(void* argument) {
  Visit& visit = *static_cast<Visit*>(argument);
  visit.result = Syscall(__NR_setns, visit.mount_namespace, CLONE_NEWNS);
  if (visit.result >= 0) visit.result = Syscall(__NR_fchdir, visit.root);
  if (visit.result >= 0) visit.result = Syscall(__NR_chroot, ".");
  if (visit.result >= 0) visit.result = Syscall(visit.call, AT_FDCWD, visit.path, visit.flags, 0);
  return 0;
}

// setns(2) needs a process that shares its directories with no thread, so a child makes the call.
int Send(Visit visit) {
  const int child = InChild(OpenThere, &visit, 0);
  return child < 0 ? child : static_cast<int>(visit.result);
}

}  // namespace

int InChild(int (*act)(void*), void* argument, int flags) {
  constexpr size_t kStack = 16 * 1024;
  alignas(16) char stack[kStack];
  // No handler of this process may run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  const int child = clone(act, stack + kStack, CLONE_VM | CLONE_VFORK | CLONE_FILES | flags, argument);
  const int failed = child < 0 ? errno : 0;
  if (child >= 0) [[maybe_unused]]
    const pid_t reaped = Retry([&] { return waitpid(child, nullptr, __WALL); });
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return failed != 0 ? -failed : 0;
}

int OpenTree(const Path& path, bool recursive, bool follow) {
  return static_cast<int>(Syscall(__NR_open_tree, AT_FDCWD, path.text, TreeFlags(recursive, follow)));
}

int OpenTreeIn(int mount_namespace, int root, const Path& path, bool recursive, bool follow) {
  return Send({mount_namespace, root, path.text, __NR_open_tree, TreeFlags(recursive, follow), 0});
}

int OpenPathIn(int mount_namespace, int root, const Path& path, bool follow) {
  const unsigned flags = O_PATH | O_CLOEXEC | (follow ? 0U : static_cast<unsigned>(O_NOFOLLOW));
  return Send({mount_namespace, root, path.text, __NR_openat, flags, 0});
}

int MountSetattr(int fd, bool recursive, uint32_t set, uint32_t clear, uint32_t propagation, int user_namespace) {
  struct mount_attr attributes = {};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  attributes.userns_fd = user_namespace < 0 ? 0 : static_cast<uint64_t>(user_namespace);
  const int flags = AT_EMPTY_PATH | (recursive ? 0x8000 : 0);
  return static_cast<int>(Syscall(__NR_mount_setattr, fd, "", flags, &attributes, sizeof attributes));
}

int MoveMount(int fd, const Path& target) {
  const unsigned flags = 4U /* MOVE_MOUNT_F_EMPTY_PATH */;
  return static_cast<int>(Syscall(__NR_move_mount, fd, "", AT_FDCWD, target.text, flags));
}

int Mount(const Path& source, const Path& target, uint32_t flags) {
  return static_cast<int>(Syscall(__NR_mount, source.text, target.text, nullptr, flags, nullptr));
}

int Unmount(const Path& path) {
  const int flags = 2 /* MNT_DETACH */ | 8 /* UMOUNT_NOFOLLOW */;
  return static_cast<int>(Syscall(__NR_umount2, path.text, flags));
}

}  // namespace runt::addon
