#include "mount_target.h"

#include <utility>

#include "../plan/ops.gen.h"
#include "mount_table.h"

namespace runt {

namespace {

constexpr std::string_view kProc = "/proc";

// runc's list, which engines rely on. /proc/net/dev has no place in it: /proc/net is a link to a
// directory of the process that looks.
bool IsReplaceable(std::string_view path) {
  for (const std::string_view file :
       {"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps",
        "/proc/uptime", "/proc/loadavg", "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/crypto/fips_enabled"}) {
    if (path == file) return true;
  }
  return false;
}

// What of `path` is below `root`, from its slash on; "/" for the root itself.
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
  const auto refuse = [](int number, std::string_view subject) {
    return Error{number, Call::kVerify, subject};
  };
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

Status VerifyMountTarget(Context& context, int target, bool shows_procfs) {
  return Verify(context, target, false, shows_procfs);
}

Result<UniqueFd> OpenMounted(Context& context, std::string_view path, Links links) {
  // Not the text of the path decides: the kernel says whether a link was followed.
  Result<UniqueFd> direct = context.root.Open(path, O_PATH, Links::kRefuse);
  const bool named = direct.ok();
  Result<UniqueFd> opened =
      named || links == Links::kRefuse || direct.error().number() != ELOOP
          ? std::move(direct)
          : context.root.Open(path, O_PATH, links);
  UniqueFd target = TRY(std::move(opened));
  TRY(Verify(context, target.get(), named, named));
  return target;
}

}  // namespace runt
