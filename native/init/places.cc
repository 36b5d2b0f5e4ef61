// SPDX-License-Identifier: Apache-2.0
#include "places.h"

#include "../base/kernel.h"

namespace runt {

namespace {

template <typename T, typename Act>
Result<T> InPlace(const Context& context, std::string_view path, Reach reach, Act act) {
  if (const HeldMount* held = context.held.Find(path, reach); held != nullptr) {
    Result<T> done = act(held->root, InsideOf(*held, path));
    if (done.ok()) return done;
    // EXDEV: a link leads out of the mount.
    if (done.error().number() != EXDEV) return Error{done.error().number(), done.error().call(), path};
  }
  return act(context.root, path);
}

}  // namespace

Result<UniqueFd> OpenPlace(const Context& context, std::string_view path, std::uint64_t flags, Links links) {
  return InPlace<UniqueFd>(context, path, Reach::kAt,
                           [=](const RootedPath& root, std::string_view inside) { return root.Open(inside, flags, links); });
}

Result<UniqueFd> MakePlaceDirectories(const Context& context, std::string_view path, std::uint32_t mode, Links links) {
  return InPlace<UniqueFd>(context, path, Reach::kAt, [=](const RootedPath& root, std::string_view inside) {
    return root.MakeDirectories(inside, mode, links);
  });
}

Result<UniqueFd> MakePlaceFile(const Context& context, std::string_view path, std::uint32_t mode) {
  return InPlace<UniqueFd>(context, path, Reach::kAt,
                           [=](const RootedPath& root, std::string_view inside) { return root.MakeFile(inside, mode); });
}

Result<ParentDirectory> MakePlaceParent(const Context& context, std::string_view path) {
  return InPlace<ParentDirectory>(context, path, Reach::kAbove,
                                  [](const RootedPath& root, std::string_view inside) { return root.MakeParent(inside); });
}

}  // namespace runt
