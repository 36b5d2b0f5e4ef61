// SPDX-License-Identifier: Apache-2.0
// The descriptor-based mount calls (Linux 5.12 has all of them): a mount is made, changed and attached without a path, which
// another process could exchange. For attached mounts also their replacement by mount(2); see workbench.h for mounts that
// are not attached yet.

#ifndef RUNT_INIT_MOUNT_API_H_
#define RUNT_INIT_MOUNT_API_H_

#include <cstdint>
#include <string_view>
#include <utility>

#include "../base/result.h"
#include "../base/unique_fd.h"

namespace runt {

class Procfs;

// A detached copy of the mount that `fd` is on, with `fd`'s file as its root.
Result<UniqueFd> CloneTree(int fd, bool recursive, std::string_view subject);

// Attaches a detached mount on top of the file that `target` (O_PATH) is open on.
Status Attach(int mount, int target, std::string_view subject);

// Whether `error` says that its call is unavailable: the kernel lacks it, or a filter refuses it. EPERM may be the kernel's
// own word, too; but for arguments that make no sense it has another.
bool IsWithheld(const Error& error);

// The changes that SetAttributes makes.
struct Attributes {
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
  // For all mounts of the tree.
  bool recursive = false;
};

// Sets and clears MOUNT_ATTR_* of the mount whose root `fd` is on; does nothing if both are 0.
// ENOSYS: before Linux 5.12 (5.14 for "nosymfollow"), and where a filter refuses the call, only a mount that is attached can be
// changed, see ChangeAttached.
Status SetAttributes(int fd, const Attributes& attributes, std::string_view subject);

// The same for a mount that is attached; where that gives ENOSYS, by mount(2) on the descriptor's name in
// `procfs`. EINVAL on "nosymfollow": the kernel (before 5.10) does not know it.
Status ChangeAttached(Procfs& procfs, int fd, const Attributes& attributes, std::string_view subject);

// One of MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, with MS_REC for the whole tree, which has
// to be attached.
Status SetPropagation(Procfs& procfs, int fd, std::uint64_t flags, std::string_view subject);

// mount(2) takes no descriptor for the target, so the target is named as self/fd/N, relative to a
// procfs that no other process can reach.
Status MountByName(Procfs& procfs, const char* source, int target, const char* type, std::uint64_t flags, const char* data,
                   std::string_view subject);

// Sets MS_* flags and options of the superblock of an attached mount, as NewFilesystem::Pick allows, by mount(2): that
// replaces all flags of the mount and of the superblock, so they are given as they are.
Status ReconfigureAttached(Procfs& procfs, int fd, std::uint64_t sb, std::string_view data, std::string_view subject);

// mount(2) ignores flags that it does not know. So this fails with EINVAL if `attributes` have "nosymfollow" and the mount
// that should have got it does not.
Status VerifyFlags(int fd, std::uint64_t attributes);

// Whether `error` may be that of a kernel before 5.14, whose mount(2) knows "nosymfollow" and whose fsmount(2) does not.
bool LacksAttribute(std::uint64_t attributes, const Error& error);

// MOUNT_ATTR_* as MS_*.
std::uint64_t LegacyFlags(std::uint64_t attributes);

// A file system that is being configured (fsopen(2)).
class NewFilesystem {
 public:
  NewFilesystem() = default;
  // `type` must be NUL-terminated and outlive errors, as every text here.
  static Result<NewFilesystem> Open(std::string_view type);
  // Opens the superblock of an existing mount to change it.
  static Result<NewFilesystem> Pick(int mount, std::string_view subject);

  Status Set(const char* key, const char* value, std::string_view subject);
  Status SetFlag(const char* key, std::string_view subject);

  // The MS_* flags that belong to a superblock and have a name: ro, sync, dirsync, mand, lazytime.
  // MS_SILENT and MS_I_VERSION have none; neither changes what a container can see or do.
  Status SetFlags(std::uint64_t sb, std::string_view subject);

  // Mount options as config.json has them. A failure's subject is the option. E2BIG: the option is
  // longer than fsconfig(2) takes; only mount(2) can do it.
  Status SetOptions(std::string_view data);

  // The lower layers of an overlayfs (the value of `lowerdir`), one after another (Linux 6.5):
  // mount(2) takes a page of options only. E2BIG: a single layer is longer than fsconfig(2) takes.
  Status SetLayers(std::string_view layers);

  // Creates the superblock, and a detached mount of it with MOUNT_ATTR_* `attributes`.
  Result<UniqueFd> Mount(std::uint64_t attributes);

  // Applies the flags and options that were set to the existing superblock.
  Status Reconfigure(std::string_view subject);

 private:
  NewFilesystem(UniqueFd context, std::string_view type) : context_(std::move(context)), type_(type) {}

  UniqueFd context_;
  std::string_view type_;
};

// Takes the first of several options off `rest`: up to a comma that is neither escaped by a
// backslash nor inside the quotes of an SELinux context (context="a:b:c:s0:c1,c2").
std::string_view NextOption(std::string_view* rest);

}  // namespace runt

#endif  // RUNT_INIT_MOUNT_API_H_
