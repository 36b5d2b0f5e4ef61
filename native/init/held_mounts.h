// SPDX-License-Identifier: Apache-2.0
// Mounts of this plan in which later steps look up paths.
//
// The directory that a mount lies on may trade places with another one at any time, and a path of config.json then leads
// past the mount: a file to hide below it would stay open under another name (GHSA-3q8j-pf29-vwv8), and a mount below it
// would go elsewhere. So descriptors hold these mounts. The plan says which (kMountFlagHold).

#ifndef RUNT_INIT_HELD_MOUNTS_H_
#define RUNT_INIT_HELD_MOUNTS_H_

#include <cstddef>
#include <string_view>

#include "../base/unique_fd.h"
#include "rooted_path.h"

namespace runt {

struct HeldMount {
  // The path in the plan: absolute, clean. The plan stays mapped.
  std::string_view path;
  RootedPath root;
  // A link led to its place, or its place was moved since it was found: another file may be there under `path`.
  bool linked = false;
};

// The mounts in which a path is looked up: also one at the path itself, or only those above it.
enum class Reach { kAt, kAbove };

class HeldMounts {
 public:
  // The most mounts that lib/plan/held_mounts.ts lets a plan hold at the same time.
  static constexpr std::size_t kMax = 256;

  // False if there is no place left.
  bool Add(std::string_view path, UniqueFd mount, bool linked);

  // The mount that `path` leads into by its text: the latest one, which covers those before it. nullptr for none.
  const HeldMount* Find(std::string_view path, Reach reach = Reach::kAt) const;

  // Closes the mount that Find returns.
  void Drop(std::string_view path);
  // Closes the mounts that a mount at `path` has covered.
  void DropBelow(std::string_view path);
  // Closes the entry `index`, in the order of Add.
  void DropEntry(std::size_t index);
  void Clear();

  std::size_t size() const { return count_; }
  const HeldMount& operator[](std::size_t index) const { return mounts_[index]; }
  bool any_linked() const { return any_linked_; }

 private:
  std::size_t IndexOf(std::string_view path, Reach reach) const;

  HeldMount mounts_[kMax];
  std::size_t count_ = 0;
  bool any_linked_ = false;
};

// The part of `path` inside `mount`; "." for its root.
std::string_view InsideOf(const HeldMount& mount, std::string_view path);

}  // namespace runt

#endif  // RUNT_INIT_HELD_MOUNTS_H_
