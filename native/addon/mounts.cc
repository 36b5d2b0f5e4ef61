// Detached mounts: made of a path, and changed while nobody can see them.

#include <fcntl.h>
#include <linux/mount.h>

#include "../base/syscall.h"
#include "addon.h"

namespace runt::addon {

int OpenTree(const Path& path, bool recursive) {
  // AT_RECURSIVE
  const unsigned flags = 1U /* OPEN_TREE_CLONE */ | O_CLOEXEC | (recursive ? 0x8000U : 0U);
  return static_cast<int>(Syscall(__NR_open_tree, AT_FDCWD, path.text, flags));
}

int MountSetattr(int fd, bool recursive, uint32_t set, uint32_t clear, uint32_t propagation,
                 int user_namespace) {
  struct mount_attr attributes = {};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  attributes.userns_fd = user_namespace < 0 ? 0 : static_cast<uint64_t>(user_namespace);
  const int flags = AT_EMPTY_PATH | (recursive ? 0x8000 : 0);
  return static_cast<int>(
      Syscall(__NR_mount_setattr, fd, "", flags, &attributes, sizeof attributes));
}

int MoveMount(int fd, const Path& target) {
  const unsigned flags = 4U /* MOVE_MOUNT_F_EMPTY_PATH */;
  return static_cast<int>(Syscall(__NR_move_mount, fd, "", AT_FDCWD, target.text, flags));
}

int Unmount(const Path& path) {
  const int flags = 2 /* MNT_DETACH */ | 8 /* UMOUNT_NOFOLLOW */;
  return static_cast<int>(Syscall(__NR_umount2, path.text, flags));
}

}  // namespace runt::addon
