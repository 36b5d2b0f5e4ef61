// SPDX-License-Identifier: Apache-2.0
#include "mount_target.h"

#include <utility>

#include "../plan/ops.gen.h"
#include "mount_table.h"
#include "places.h"

namespace runt {

namespace {

constexpr std::string_view kProc = "/proc";

// runc's list, which engines rely on. It lacks /proc/net/dev: /proc/net is a link to a directory of
// the process that opens it.
bool IsReplaceable(std::string_view path) {
  for (const std::string_view file :
       {"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg",
        "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled"}) {
    if (path == file) return true;
  }
  return false;
}

// The part of `path` below `root`, from its slash on; "/" for the root itself.
std::string_view Inside(std::string_view path, std::string_view root) {
  if (root == "/") return path;
  path.remove_prefix(root.size());
  return path.empty() ? "/" : path;
}

// VerifyMountTarget, with the places that are allowed on top of kFree.
Status Verify(Context& context, int target, bool allow_root, bool allow_procfs) {
  Text<kPathMax> root;
  TRY(context.procfs.Name(context.root.fd(), &root));
  TRY(context.procfs.Name(target, &context.mount_target));
  const std::string_view path = context.mount_target.view();
  context.mount_inside = IsBelow(path, root.view()) ? Inside(path, root.view()) : path;
  const auto refuse = [](int number, std::string_view subject) { return Error{number, Call::kVerify, subject}; };
  switch (PlaceOf(path, root.view())) {
    case Place::kFree:
      return {};
    case Place::kRoot:
      return allow_root ? Status() : refuse(EINVAL, "/");
    case Place::kOutside:
      return refuse(EXDEV, path);
    case Place::kProcfs:
      if (allow_procfs) return {};
      break;
    case Place::kInProcfs:
      break;
  }
  return refuse(EPERM, Inside(path, root.view()));
}

}  // namespace

Place PlaceOf(std::string_view path, std::string_view root) {
  if (!IsBelow(path, root)) return Place::kOutside;
  const std::string_view inside = Inside(path, root);
  if (inside == "/") return Place::kRoot;
  if (inside == kProc) return Place::kProcfs;
  return IsBelow(inside, kProc) && !IsReplaceable(inside) ? Place::kInProcfs : Place::kFree;
}

Status VerifyMountTarget(Context& context, int target, bool shows_procfs, bool is_root) {
  return Verify(context, target, is_root, shows_procfs);
}

Error WhyNotMade(Context& context, std::string_view path, const Error& error) {
  if (error.number() != ENOENT) return error;
  std::string_view existing = path;
  UniqueFd directory;
  while (!directory.valid()) {
    while (!existing.empty() && existing.back() != '/') existing.remove_suffix(1);
    if (existing.size() <= 1) return error;
    existing.remove_suffix(1);
    Result<UniqueFd> opened = OpenPlace(context, existing, O_PATH | O_DIRECTORY);
    if (opened.ok()) directory = opened.Take();
  }
  Text<kPathMax> root;
  Text<kPathMax> name;
  if (!context.procfs.Name(context.root.fd(), &root).ok() || !context.procfs.Name(directory.get(), &name).ok()) {
    return error;
  }
  const Place place = PlaceOf(name.view(), root.view());
  if (place != Place::kProcfs && place != Place::kInProcfs) return error;
  path.remove_prefix(existing.size());
  context.mount_target = Text<kPathMax>(Inside(name.view(), root.view()));
  context.mount_target.Add(path);
  if (context.mount_target.overflowed()) return error;
  return {EPERM, Call::kVerify, context.mount_target.view()};
}

Result<UniqueFd> OpenMounted(Context& context, std::string_view path, Links links) {
  // A mount of this plan at the path has been verified already.
  const HeldMount* held = context.held.Find(path);
  if (held != nullptr && InsideOf(*held, path) == ".") return held->root.Open(".", O_PATH);
  // The text of the path does not decide: the kernel says whether a link was followed.
  Result<UniqueFd> direct = OpenPlace(context, path, O_PATH, Links::kRefuse);
  const bool named = direct.ok();
  Result<UniqueFd> opened = named || links == Links::kRefuse || direct.error().number() != ELOOP
                                ? std::move(direct)
                                : OpenPlace(context, path, O_PATH, links);
  UniqueFd target = TRY(std::move(opened));
  TRY(Verify(context, target.get(), named, named));
  return target;
}

}  // namespace runt
