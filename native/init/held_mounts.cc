// SPDX-License-Identifier: Apache-2.0
#include "held_mounts.h"

#include <utility>

#include "mount_table.h"

namespace runt {

bool HeldMounts::Add(std::string_view path, UniqueFd mount, bool linked) {
  if (count_ == kMax) return false;
  mounts_[count_++] = {path, RootedPath(std::move(mount), Scope::kBeneath), linked};
  any_linked_ = any_linked_ || linked;
  return true;
}

std::size_t HeldMounts::IndexOf(std::string_view path, Reach reach) const {
  for (std::size_t i = count_; i > 0; --i) {
    const std::string_view at = mounts_[i - 1].path;
    if (IsBelow(path, at) && (reach == Reach::kAt || path.size() > at.size())) return i - 1;
  }
  return kMax;
}

const HeldMount* HeldMounts::Find(std::string_view path, Reach reach) const {
  const std::size_t index = IndexOf(path, reach);
  return index == kMax ? nullptr : &mounts_[index];
}

void HeldMounts::DropEntry(std::size_t index) {
  for (std::size_t i = index + 1; i < count_; ++i) mounts_[i - 1] = std::move(mounts_[i]);
  mounts_[--count_] = HeldMount();
}

void HeldMounts::Drop(std::string_view path) {
  const std::size_t index = IndexOf(path, Reach::kAt);
  if (index != kMax) DropEntry(index);
}

void HeldMounts::DropBelow(std::string_view path) {
  for (std::size_t i = count_; i > 0; --i) {
    if (IsBelow(mounts_[i - 1].path, path)) DropEntry(i - 1);
  }
}

void HeldMounts::Clear() {
  while (count_ > 0) mounts_[--count_] = HeldMount();
}

std::string_view InsideOf(const HeldMount& mount, std::string_view path) {
  path.remove_prefix(mount.path.size());
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  return path.empty() ? "." : path;
}

}  // namespace runt
