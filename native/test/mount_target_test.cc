// SPDX-License-Identifier: Apache-2.0
#include "../init/mount_target.h"

#include "../base/file.h"
#include "scratch.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

void CheckPlaces() {
  constexpr std::string_view kRoot = "/bundle/rootfs";
  const auto at = [](std::string_view path) { return PlaceOf(path, kRoot); };
  Ok(at("/bundle/rootfs/data") == Place::kFree && at("/bundle/rootfs/process") == Place::kFree &&
         at("/bundle/rootfs/host/proc/sys") == Place::kFree,
     "target: elsewhere");
  Ok(at("/bundle/rootfs") == Place::kRoot, "target: the root");
  Ok(at("/bundle") == Place::kOutside && at("/bundle/rootfs2") == Place::kOutside && at("/proc/sys") == Place::kOutside,
     "target: outside");
  Ok(at("/bundle/rootfs/proc") == Place::kProcfs, "target: /proc");
  for (const char* path : {"/bundle/rootfs/proc/sys", "/bundle/rootfs/proc/1/attr/exec", "/bundle/rootfs/proc/cpuinfo2",
                           "/bundle/rootfs/proc/stat/x"}) {
    Ok(at(path) == Place::kInProcfs, std::string("target: in /proc: ") + path);
  }
  Ok(at("/bundle/rootfs/proc/cpuinfo") == Place::kFree && at("/bundle/rootfs/proc/sys/crypto/fips_enabled") == Place::kFree,
     "target: what lxcfs replaces");
  Ok(PlaceOf("/", "/") == Place::kRoot && PlaceOf("/proc", "/") == Place::kProcfs &&
         PlaceOf("/proc/sys", "/") == Place::kInProcfs && PlaceOf("/etc", "/") == Place::kFree,
     "target: after the root was entered");
}

// What a remount, or a change of a mount's attributes, may be done to.
void CheckOpenMounted(Context& context) {
  const auto error = [&](const char* path, Links links) { return OpenMounted(context, path, links).error().number(); };
  for (const char* path : {"/", "/proc", "/data/../proc/", "/data", "/to-data"}) {
    Equal(error(path, Links::kFollow), 0, std::string("target: may be changed: ") + path);
  }
  for (const char* path : {"/proc/sys", "/way", "/to-proc", "/to-proc/sys"}) {
    Equal(error(path, Links::kFollow), EPERM, std::string("target: is in /proc: ") + path);
  }
  Equal(error("/to-root", Links::kFollow), EINVAL, "target: a link to the root");
  Equal(error("/to-data", Links::kRefuse), ELOOP, "target: a link where none may be");
  Equal(error("/missing", Links::kFollow), ENOENT, "target: what is missing is not made");
}

void CheckVerify() {
  const Scratch scratch;
  scratch.Directory("root");
  scratch.Directory("root/proc");
  scratch.Directory("root/proc/sys");
  scratch.Directory("root/data");
  scratch.Directory("other");
  scratch.Link("root/way", "/proc/sys");
  scratch.Link("root/to-proc", "/proc");
  scratch.Link("root/to-root", "/");
  scratch.Link("root/to-data", "data");
  Context context;
  context.root = RootedPath(scratch.Open("root", O_PATH | O_DIRECTORY));
  const auto verify = [&](const char* path, bool shows_procfs) {
    const UniqueFd target = context.root.Open(path, O_PATH).Take();
    return VerifyMountTarget(context, target.get(), shows_procfs);
  };
  Ok(verify("/data", false).ok(), "target: a directory may be covered");
  Ok(verify("/proc", true).ok(), "target: a procfs may be on /proc");
  Equal(verify("/proc", false).error().number(), EPERM, "target: nothing else may be on /proc");
  const Status linked = verify("/way", true);
  Equal(linked.error().number(), EPERM, "target: a link into /proc");
  Equal(linked.error().subject(), std::string_view("/proc/sys"), "target: the error has the place");
  Equal(static_cast<long>(linked.error().call()), static_cast<long>(Call::kVerify), "target: the call is verify");
  Equal(verify("/", true).error().number(), EINVAL, "target: the root may not be covered");
  CheckOpenMounted(context);
  const UniqueFd outside = scratch.Open("other", O_PATH);
  Equal(VerifyMountTarget(context, outside.get(), false).error().number(), EXDEV, "target: what was moved out of the root");
}

}  // namespace

void TestMountTarget() {
  CheckPlaces();
  CheckVerify();
}

}  // namespace runt::test
