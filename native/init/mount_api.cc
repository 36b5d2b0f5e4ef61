// SPDX-License-Identifier: Apache-2.0
#include "mount_api.h"

#include "../base/kernel.h"
#include "../base/syscall.h"
#include "../base/text.h"
#include "../plan/ops.gen.h"
#include "mount_table.h"
#include "mount_tree.h"
#include "procfs.h"

namespace runt {

namespace {

// fsconfig(2) takes keys and values of at most 255 bytes.
constexpr std::size_t kOptionMax = 256;
// The size of options that mount(2) accepts at least; it cuts off longer ones.
constexpr std::size_t kPageSize = 4096;

// ST_* of statfs(2) that have other values than MOUNT_ATTR_*.
constexpr long kStatNoAccessTime = 0x400;
constexpr long kStatNoDirectoryTime = 0x800;
constexpr long kStatRelativeTime = 0x1000;
constexpr long kStatNoSymlinkFollow = 0x2000;

struct FlagName {
  std::uint64_t flag;
  const char* name;
};

constexpr std::size_t kFlagNameCount = 5;

FlagName SuperblockFlag(std::size_t index) {
  switch (index) {
    case 0:
      return {MS_RDONLY, "ro"};
    case 1:
      return {MS_SYNCHRONOUS, "sync"};
    case 2:
      return {MS_DIRSYNC, "dirsync"};
    case 3:
      return {MS_MANDLOCK, "mand"};
    default:
      return {MS_LAZYTIME, "lazytime"};
  }
}

bool IsSecurityContext(std::string_view key) {
  return key == "context" || key == "fscontext" || key == "defcontext" || key == "rootcontext";
}

// The place of the first '=' of an option; its size if there is none.
std::size_t KeySize(std::string_view option) {
  std::size_t size = 0;
  while (size < option.size() && option[size] != '=') ++size;
  return size;
}

}  // namespace

namespace {

// mount_setattr(2). -ENOSYS also where a filter refuses the call: the kernel itself returns EPERM for an attribute that this
// mount may not lose. Without a structure the kernel returns EINVAL for every mount.
long ChangeMount(int fd, unsigned flags, struct mount_attr* attributes) {
  const long result = Syscall(__NR_mount_setattr, fd, "", flags, attributes, sizeof *attributes);
  if (result != -EPERM) return result;
  return Syscall(__NR_mount_setattr, -1, "", AT_EMPTY_PATH, nullptr, 0) == -EPERM ? -ENOSYS : result;
}

// MOUNT_ATTR_* that the mount of `fd` has; it counts as read-only if it or its superblock is.
Result<std::uint64_t> AttributesOf(int fd, std::string_view subject) {
  FilesystemFacts facts = {};
  TRY(Check(Syscall(__NR_fstatfs, fd, &facts), Call::kFstatfs, subject));
  std::uint64_t now =
      static_cast<std::uint64_t>(facts.flags) & (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  const auto has = [&facts](long flag) { return (facts.flags & flag) != 0; };
  if (has(kStatNoDirectoryTime)) now |= MOUNT_ATTR_NODIRATIME;
  if (has(kStatNoSymlinkFollow)) now |= MOUNT_ATTR_NOSYMFOLLOW;
  if (has(kStatNoAccessTime)) {
    now |= MOUNT_ATTR_NOATIME;
  } else if (!has(kStatRelativeTime)) {
    now |= MOUNT_ATTR_STRICTATIME;
  }
  return now;
}

// MOUNT_ATTR_* as MS_* for a remount, which keeps the access time settings unless one of them is named.
std::uint64_t RemountFlags(std::uint64_t attributes) {
  const std::uint64_t flags = LegacyFlags(attributes) | MS_REMOUNT;
  return (attributes & MOUNT_ATTR__ATIME) == 0 ? flags | MS_RELATIME : flags;
}

// The result of the call for arguments that the kernel answers with EINVAL.
long CallWithoutSense(Call call) {
  if (call == Call::kOpenTree) return Syscall(__NR_open_tree, -1, "", ~0U);
  if (call == Call::kMoveMount) return Syscall(__NR_move_mount, -1, "", -1, "", ~0U);
  if (call == Call::kFsopen) return Syscall(__NR_fsopen, nullptr, ~0U);
  if (call == Call::kFsconfig) return Syscall(__NR_fsconfig, -1, ~0U, nullptr, nullptr, 0);
  if (call == Call::kFsmount) return Syscall(__NR_fsmount, -1, ~0U, 0);
  if (call == Call::kFspick) return Syscall(__NR_fspick, -1, "", ~0U);
  return -EINVAL;
}

}  // namespace

bool IsWithheld(const Error& error) {
  if (error.number() == ENOSYS) return true;
  return error.number() == EPERM && CallWithoutSense(error.call()) == -EPERM;
}

Result<UniqueFd> CloneTree(int fd, bool recursive, std::string_view subject) {
  const unsigned flags =
      kOpenTreeClone | kOpenTreeCloexec | AT_EMPTY_PATH | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  return CheckedFd(Syscall(__NR_open_tree, fd, "", flags), Call::kOpenTree, subject);
}

Status Attach(int mount, int target, std::string_view subject) {
  return Check(Syscall(__NR_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
               Call::kMoveMount, subject);
}

Status SetAttributes(int fd, const Attributes& wanted, std::string_view subject) {
  if (wanted.set == 0 && wanted.clear == 0) return {};
  struct mount_attr attributes = {};
  attributes.attr_set = wanted.set;
  // The access time settings are one field of several bits; the kernel demands that it is cleared as a
  // whole.
  attributes.attr_clr = wanted.clear;
  if (((wanted.set | wanted.clear) & MOUNT_ATTR__ATIME) != 0) {
    attributes.attr_clr |= MOUNT_ATTR__ATIME;
  }
  const unsigned flags = AT_EMPTY_PATH | (wanted.recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  const long result = ChangeMount(fd, flags, &attributes);
  // Linux 5.12 and 5.13 have the call without this attribute.
  const bool unknown = result == -EINVAL && ((wanted.set | wanted.clear) & MOUNT_ATTR_NOSYMFOLLOW) != 0;
  return Check(unknown ? -ENOSYS : result, Call::kMountSetattr, subject);
}

bool LacksAttribute(std::uint64_t attributes, const Error& error) {
  return (attributes & MOUNT_ATTR_NOSYMFOLLOW) != 0 && error.number() == EINVAL && error.call() == Call::kFsmount;
}

std::uint64_t LegacyFlags(std::uint64_t attributes) {
  std::uint64_t flags = attributes & (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  static_assert(MOUNT_ATTR_RDONLY == MS_RDONLY && MOUNT_ATTR_NOEXEC == MS_NOEXEC);
  if ((attributes & MOUNT_ATTR_NODIRATIME) != 0) flags |= MS_NODIRATIME;
  if ((attributes & MOUNT_ATTR_NOSYMFOLLOW) != 0) flags |= MS_NOSYMFOLLOW;
  if ((attributes & MOUNT_ATTR__ATIME) == MOUNT_ATTR_NOATIME) flags |= MS_NOATIME;
  if ((attributes & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME) flags |= MS_STRICTATIME;
  return flags;
}

Status MountByName(Procfs& procfs, const char* source, int target, const char* type, std::uint64_t flags, const char* data,
                   std::string_view subject) {
  TRY(procfs.Prepare());
  const UniqueFd before =
      TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), Call::kOpen, "."));
  TRY(Check(Syscall(__NR_fchdir, procfs.fd()), Call::kFchdir, "procfs"));
  const Text<32> name = DescriptorPath(target);
  const Status mounted = Check(Syscall(__NR_mount, source, name.c_str(), type, flags, data), Call::kMount, subject);
  TRY(Check(Syscall(__NR_fchdir, before.get()), Call::kFchdir, "."));
  return mounted;
}

Status VerifyFlags(int fd, std::uint64_t attributes) {
  if ((attributes & MOUNT_ATTR_NOSYMFOLLOW) == 0) return {};
  const std::uint64_t now = TRY(AttributesOf(fd, "nosymfollow"));
  return (now & MOUNT_ATTR_NOSYMFOLLOW) != 0 ? Status() : Error{EINVAL, Call::kMount, "nosymfollow"};
}

Status ChangeAttached(Procfs& procfs, int fd, const Attributes& wanted, std::string_view subject) {
  const Status changed = SetAttributes(fd, wanted, subject);
  if (changed.ok() || changed.error().number() != ENOSYS) return changed;
  if (wanted.recursive) return ChangeTree(procfs, fd, wanted, subject);
  // mount(2) replaces all flags, so the unchanged ones have to be given too.
  const std::uint64_t now = TRY(AttributesOf(fd, subject));
  const std::uint64_t times = (wanted.set | wanted.clear) & MOUNT_ATTR__ATIME;
  const std::uint64_t gone = wanted.clear | (times != 0 ? MOUNT_ATTR__ATIME : 0U);
  const std::uint64_t flags = RemountFlags((now & ~gone) | wanted.set);
  TRY(MountByName(procfs, nullptr, fd, nullptr, flags | MS_BIND, nullptr, subject));
  return VerifyFlags(fd, wanted.set);
}

Status ReconfigureAttached(Procfs& procfs, int fd, std::uint64_t sb, std::string_view data, std::string_view subject) {
  if (data.size() >= kPageSize) return Error{E2BIG, Call::kMount, subject};
  const std::uint64_t mount = TRY(procfs.MountId(fd));
  const UniqueFd file = TRY(procfs.Open("self/mountinfo", O_RDONLY));
  MountTable table(file.get());
  MountEntry entry;
  while (TRY(table.Next(&entry)) && entry.id != mount) {
  }
  if (entry.id != mount) return Error{ENOENT, Call::kVerify, "self/mountinfo"};
  constexpr std::uint64_t kReadonly = MOUNT_ATTR_RDONLY;
  const std::uint64_t now = TRY(AttributesOf(fd, subject));
  const std::uint64_t flags = RemountFlags(now & ~kReadonly) | entry.superblock | sb;
  TRY(MountByName(procfs, nullptr, fd, nullptr, flags, data.data(), subject));
  // The mount is now read-only only if its superblock is.
  const bool readonly = (now & kReadonly) != 0 && (entry.superblock & MS_RDONLY) == 0;
  return readonly ? ChangeAttached(procfs, fd, {kReadonly, 0, false}, subject) : Status();
}

Status SetPropagation(Procfs& procfs, int fd, std::uint64_t flags, std::string_view subject) {
  const std::uint64_t kind = flags & (MS_SHARED | MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE);
  if (kind == 0) return {};
  struct mount_attr attributes = {};
  attributes.propagation = kind;
  const unsigned recursive = (flags & MS_REC) != 0 ? static_cast<unsigned>(AT_RECURSIVE) : 0U;
  const long result = ChangeMount(fd, AT_EMPTY_PATH | recursive, &attributes);
  if (result != -ENOSYS) return Check(result, Call::kMountSetattr, subject);
  return MountByName(procfs, nullptr, fd, nullptr, kind | (flags & MS_REC), nullptr, subject);
}

Result<NewFilesystem> NewFilesystem::Open(std::string_view type) {
  UniqueFd context = TRY(CheckedFd(Syscall(__NR_fsopen, type.data(), FSOPEN_CLOEXEC), Call::kFsopen, type));
  return NewFilesystem(std::move(context), type);
}

Result<NewFilesystem> NewFilesystem::Pick(int mount, std::string_view subject) {
  UniqueFd context = TRY(CheckedFd(Syscall(__NR_fspick, mount, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH), Call::kFspick, subject));
  return NewFilesystem(std::move(context), subject);
}

Status NewFilesystem::Set(const char* key, const char* value, std::string_view subject) {
  return Check(Syscall(__NR_fsconfig, context_.get(), FSCONFIG_SET_STRING, key, value, 0), Call::kFsconfig, subject);
}

Status NewFilesystem::SetFlag(const char* key, std::string_view subject) {
  return Check(Syscall(__NR_fsconfig, context_.get(), FSCONFIG_SET_FLAG, key, nullptr, 0), Call::kFsconfig, subject);
}

Status NewFilesystem::SetFlags(std::uint64_t sb, std::string_view subject) {
  for (std::size_t i = 0; i < kFlagNameCount; ++i) {
    const FlagName flag = SuperblockFlag(i);
    if ((sb & flag.flag) != 0) TRY(SetFlag(flag.name, subject));
  }
  return {};
}

Status NewFilesystem::SetLayers(std::string_view layers) {
  const char* key = "lowerdir+";
  while (!layers.empty()) {
    // A second colon starts the data-only layers.
    if (layers.front() == ':') key = "datadir+";
    if (layers.front() == ':') layers.remove_prefix(1);
    Text<kOptionMax> layer;
    std::size_t end = 0;
    for (; end < layers.size() && layers[end] != ':'; ++end) {
      if (layers[end] == '\\' && end + 1 < layers.size()) ++end;
      layer.Add({layers.data() + end, 1});
    }
    if (layer.overflowed()) return Error{E2BIG, Call::kFsconfig, {layers.data(), end}};
    TRY(Set(key, layer.c_str(), {layers.data(), end}));
    layers.remove_prefix(end < layers.size() ? end + 1 : end);
  }
  return {};
}

Status NewFilesystem::SetOptions(std::string_view data) {
  const std::string_view whole = data;
  while (!data.empty()) {
    const std::string_view option = NextOption(&data);
    if (option.empty()) continue;
    const std::size_t key_size = KeySize(option);
    const Text<kOptionMax> key(std::string_view(option.data(), key_size));
    if (key.overflowed()) return Error{E2BIG, Call::kFsconfig, option};
    if (key_size == option.size()) {
      TRY(SetFlag(key.c_str(), option));
      continue;
    }
    std::string_view text(option.data() + key_size + 1, option.size() - key_size - 1);
    if (IsSecurityContext(key.view()) && text.size() >= 2 && text.front() == '"' && text.back() == '"') {
      text = {text.data() + 1, text.size() - 2};
    }
    const Text<kOptionMax> value(text);
    if (value.overflowed() && type_ == "overlay" && key.view() == "lowerdir" && whole.size() >= kPageSize) {
      TRY(SetLayers(text));
      continue;
    }
    if (value.overflowed()) return Error{E2BIG, Call::kFsconfig, option};
    TRY(Set(key.c_str(), value.c_str(), option));
  }
  return {};
}

Result<UniqueFd> NewFilesystem::Mount(std::uint64_t attributes) {
  TRY(Check(Syscall(__NR_fsconfig, context_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), Call::kFsconfig, type_));
  return CheckedFd(Syscall(__NR_fsmount, context_.get(), FSMOUNT_CLOEXEC, attributes), Call::kFsmount, type_);
}

Status NewFilesystem::Reconfigure(std::string_view subject) {
  return Check(Syscall(__NR_fsconfig, context_.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0), Call::kFsconfig, subject);
}

std::string_view NextOption(std::string_view* rest) {
  const std::string_view text = *rest;
  const std::size_t key_size = KeySize(text);
  const bool quoted = key_size + 1 < text.size() && text[key_size + 1] == '"' && IsSecurityContext({text.data(), key_size});
  bool inside = false;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (text[end] == '\\' && end + 1 < text.size()) {
      ++end;
    } else if (quoted && text[end] == '"') {
      inside = !inside;
    } else if (text[end] == ',' && !inside) {
      break;
    }
  }
  rest->remove_prefix(end < text.size() ? end + 1 : end);
  return {text.data(), end};
}

}  // namespace runt
