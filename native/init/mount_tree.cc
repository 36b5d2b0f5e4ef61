// SPDX-License-Identifier: Apache-2.0
#include "mount_tree.h"

#include <utility>

#include "../base/kernel.h"
#include "../base/syscall.h"
#include "../plan/ops.gen.h"
#include "mount_table.h"
#include "rooted_path.h"

namespace runt {

namespace {

// The mounts of one tree, by their ids.
class Members {
 public:
  bool Has(std::uint64_t id) const {
    for (std::size_t i = 0; i < count_; ++i) {
      if (ids_[i] == id) return true;
    }
    return false;
  }

  bool Add(std::uint64_t id) {
    if (count_ == kMax) return false;
    ids_[count_++] = id;
    return true;
  }

 private:
  static constexpr std::size_t kMax = 1024;
  std::uint64_t ids_[kMax];
  std::size_t count_ = 0;
};

// Finds the mounts below `root`, and its path. A child may come before its parent, so the table is read until no mount is new.
Status FindMembers(MountTable& table, std::uint64_t root, Members* members, Text<kPathMax>* path, std::string_view subject) {
  members->Add(root);
  MountEntry entry;
  for (bool grown = true; grown;) {
    grown = false;
    TRY(table.Rewind());
    while (TRY(table.Next(&entry))) {
      if (entry.id == root) *path = entry.path;
      if (!members->Has(entry.parent) || members->Has(entry.id)) continue;
      if (!members->Add(entry.id)) return Error{E2BIG, Call::kMountSetattr, subject};
      grown = true;
    }
  }
  return path->empty() ? Error{ENOENT, Call::kVerify, "self/mountinfo"} : Status();
}

// Whether another mount of the table covers the root of `covered`.
Result<bool> IsCovered(Procfs& procfs, const MountEntry& covered) {
  const UniqueFd file = TRY(procfs.Open("self/mountinfo", O_RDONLY));
  MountTable table(file.get());
  MountEntry entry;
  while (TRY(table.Next(&entry))) {
    if (entry.parent == covered.id && entry.path.view() == covered.path.view()) return true;
  }
  return false;
}

}  // namespace

namespace {

Status TryToChangeTree(Procfs& procfs, int fd, const Attributes& wanted, std::string_view subject) {
  const Attributes one = {wanted.set, wanted.clear, false};
  const std::uint64_t root = TRY(procfs.MountId(fd));
  const UniqueFd file = TRY(procfs.Open("self/mountinfo", O_RDONLY));
  MountTable table(file.get());
  Members members;
  Text<kPathMax> base;
  TRY(FindMembers(table, root, &members, &base, subject));
  const RootedPath tree(TRY(CheckedFd(Syscall(__NR_fcntl, fd, F_DUPFD_CLOEXEC, 0), Call::kOpen, subject)), Scope::kBeneath);
  MountEntry entry;
  TRY(table.Rewind());
  while (TRY(table.Next(&entry))) {
    if (!members.Has(entry.id)) continue;
    if (!IsBelow(entry.path.view(), base.view())) return Error{EBUSY, Call::kVerify, subject};
    std::string_view inside = entry.path.view();
    inside.remove_prefix(base.view() == "/" ? 0 : base.view().size());
    while (!inside.empty() && inside.front() == '/') inside.remove_prefix(1);
    Result<UniqueFd> opened = tree.Open(inside.empty() ? "." : inside, O_PATH | O_NOFOLLOW, Links::kRefuse);
    if (!opened.ok()) return Error{EBUSY, Call::kVerify, subject};
    const UniqueFd mount = opened.Take();
    if (TRY(procfs.MountId(mount.get())) == entry.id) {
      TRY(ChangeAttached(procfs, mount.get(), one, subject));
    } else if (!TRY(IsCovered(procfs, entry))) {
      return Error{EBUSY, Call::kVerify, subject};
    }
  }
  return {};
}

}  // namespace

Status ChangeTree(Procfs& procfs, int fd, const Attributes& attributes, std::string_view subject) {
  constexpr int kTries = 8;
  Status changed = TryToChangeTree(procfs, fd, attributes, subject);
  for (int i = 1; i < kTries && !changed.ok() && changed.error().number() == EBUSY; ++i) {
    changed = TryToChangeTree(procfs, fd, attributes, subject);
  }
  return changed;
}

}  // namespace runt
