// SPDX-License-Identifier: Apache-2.0
// Mounts that are made by mount(2) as if they were detached. They take root, and a mount namespace of the test's own.

#include "../init/workbench.h"

#include "../base/file.h"
#include "../base/unattached.h"
#include "../init/mount_tree.h"
#include "../init/new_mount.h"
#include "../init/overlay_layers.h"
#include "scratch.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

bool IsReadonly(const UniqueFd& fd) {
  constexpr long kStatReadonly = 1;
  FilesystemFacts facts = {};
  return Syscall(__NR_fstatfs, fd.get(), &facts) == 0 && (facts.flags & kStatReadonly) != 0;
}

long MountAt(const Scratch& scratch, const char* name) {
  return Syscall(__NR_mount, name, scratch.At(name).c_str(), "tmpfs", 0, nullptr);
}

void CheckBench(Context& context, const Scratch& scratch) {
  const int root = context.root.fd();
  Equal(OpenCovering(context.procfs, root, "root").error().number(), EXDEV, "bench: nothing covers the root");
  const UniqueFd source = scratch.Open("source", O_PATH);
  const UniqueFd target = scratch.Open("root/target", O_PATH);
  Ok(context.workbench.Open(context.procfs, root, false).ok() && context.workbench.stands(), "bench: opens");
  Result<UniqueFd> made = context.workbench.Clone(context.procfs, source.get(), false, "source");
  Ok(made.ok(), "bench: a clone");
  const UniqueFd mount = made.Take();
  Ok(ChangeMade(context, mount.get(), {MOUNT_ATTR_RDONLY, 0, false}, "source").ok(), "bench: is changed");
  Ok(!scratch.Exists("root/target/inside"), "bench: and is not in its place yet");
  Ok(AttachMount(context, mount.get(), target.get(), "target").ok(), "bench: until it is moved there");
  Ok(scratch.Exists("root/target/inside") && IsReadonly(scratch.Open("root/target", O_PATH)), "bench: with what was changed");
  Ok(!context.workbench.stands(), "bench: then it has gone");
  Equal(OpenCovering(context.procfs, root, "root").error().number(), EXDEV, "bench: from the root, too");

  const UniqueFd file = scratch.Open("source/inside", O_PATH);
  const UniqueFd place = scratch.Open("root/file", O_PATH);
  Ok(context.workbench.Open(context.procfs, root, false).ok(), "bench: once more");
  made = context.workbench.Clone(context.procfs, file.get(), false, "file");
  Ok(made.ok() && AttachMount(context, made.value().get(), place.get(), "file").ok(), "bench: a file");
  char text[8] = {};
  Ok(ReadSome(scratch.Open("root/file", O_RDONLY).get(), text, sizeof text) == 7, "bench: with its content");
}

void CheckTree(Procfs& procfs, const Scratch& scratch) {
  scratch.Directory("tree");
  MountAt(scratch, "tree");
  for (const char* name : {"tree/one", "tree/one/deep", "tree/covered"}) {
    scratch.Directory(name);
    MountAt(scratch, name);
  }
  MountAt(scratch, "tree/covered");
  const UniqueFd tree = scratch.Open("tree", O_PATH);
  Ok(ChangeTree(procfs, tree.get(), {MOUNT_ATTR_RDONLY, 0, true}, "tree").ok(), "tree: is changed");
  for (const char* name : {"tree", "tree/one", "tree/covered"}) {
    Ok(IsReadonly(scratch.Open(name, O_PATH)), std::string("tree: ") + name);
  }
  Ok(!IsReadonly(scratch.Open("root", O_PATH)), "tree: nothing else is");
}

void CheckUnattached(Procfs& procfs) {
  const UniqueFd root(static_cast<int>(Syscall(__NR_openat, AT_FDCWD, "/", O_PATH, 0)));
  FileFacts before;
  GetFacts(root.get(), &before);
  const long made = MakeUnattached(procfs.fd(), "tmpfs", MS_NODEV, nullptr);
  const UniqueFd mount(made < 0 ? -1 : static_cast<int>(made));
  Equal(FilesystemMagic(mount.get()), static_cast<long>(TMPFS_MAGIC), "unattached: a file system");
  Ok(Syscall(__NR_mkdirat, mount.get(), "made", 0700) == 0, "unattached: can be written to");
  const UniqueFd now(static_cast<int>(Syscall(__NR_openat, AT_FDCWD, "/..", O_PATH, 0)));
  FileFacts after;
  GetFacts(now.get(), &after);
  Ok(before.IsSamePlace(after), "unattached: covers nothing, and the process is where it was");
  Equal(MakeUnattached(procfs.fd(), "no file system", 0, nullptr), static_cast<long>(-ENODEV), "unattached: an error");
}

void CheckMountId(Procfs& procfs) {
  FileFacts facts;
  GetFacts(procfs.fd(), &facts);
  Result<std::uint64_t> id = procfs.MountId(procfs.fd());
  Ok(id.ok() && id.value() != 0 && (facts.mount == 0 || facts.mount == id.value()), "mount id: of a procfs");
}

void CheckLayers(const Scratch& scratch) {
  for (const char* name : {"a", "b:c", "d"}) scratch.Directory(name);
  OverlayLayers layers;
  const std::string options =
      "index=off,lowerdir=" + scratch.At("a") + ":" + scratch.At("b\\:c") + "::" + scratch.At("d") + ",upperdir=/u";
  const bool shortened = layers.Shorten(options).ok();
  std::string text(layers.options().view());
  for (char& c : text) {
    if (c >= '0' && c <= '9') c = '#';
  }
  while (text.find("##") != std::string::npos) text.erase(text.find("##"), 1);
  Ok(shortened, "layers: are opened");
  Equal(text, std::string("index=off,lowerdir=self/fd/#:self/fd/#::self/fd/#,upperdir=/u"), "layers: by descriptors");
  OverlayLayers missing;
  const std::string wrong = "lowerdir=" + scratch.At("missing");
  Equal(missing.Shorten(wrong).error().number(), ENOENT, "layers: one that is not there");
}

}  // namespace

void TestWorkbench() {
  const Scratch scratch;
  CheckLayers(scratch);
  if (Syscall(__NR_unshare, CLONE_NEWNS) != 0) {
    Skip("bench", "needs root");
    return;
  }
  Syscall(__NR_mount, nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  for (const char* name : {"root", "root/target", "source"}) scratch.Directory(name);
  scratch.File("source/inside", "content");
  scratch.File("root/file", "");
  const std::string path = scratch.At("root");
  Syscall(__NR_mount, path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr);
  // Large, and the sanitizer's stack is not.
  static Context context;
  context.root = RootedPath(scratch.Open("root", O_PATH | O_DIRECTORY));
  Ok(context.procfs.Prepare().ok(), "bench: a procfs");
  CheckBench(context, scratch);
  CheckTree(context.procfs, scratch);
  CheckUnattached(context.procfs);
  CheckMountId(context.procfs);
  for (const char* name : {"root", "tree"}) Syscall(__NR_umount2, scratch.At(name).c_str(), kMountDetach);
}

}  // namespace runt::test
