// SPDX-License-Identifier: Apache-2.0
#include "../init/rooted_path.h"

#include <atomic>
#include <thread>

#include "../base/file.h"
#include "../init/walk.h"
#include "scratch.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

RootedPath RootAt(const Scratch& scratch, const std::string& name) {
  return RootedPath(scratch.Open(name, O_PATH | O_DIRECTORY));
}

int ErrorOf(const Result<UniqueFd>& result) { return result.error().number(); }

bool IsSame(const UniqueFd& fd, const UniqueFd& other) {
  FileFacts a;
  FileFacts b;
  return GetFacts(fd.get(), &a) == 0 && GetFacts(other.get(), &b) == 0 && a.IsSamePlace(b);
}

std::uint32_t ModeOf(const UniqueFd& fd) {
  FileFacts facts;
  return GetFacts(fd.get(), &facts) == 0 ? facts.mode : 0;
}

// A root beside a secret that no path may reach.
void Prepare(const Scratch& scratch) {
  scratch.Directory("outside");
  scratch.File("outside/secret", "secret");
  scratch.Directory("root");
  scratch.Directory("root/etc");
  scratch.File("root/etc/file", "inside");
  scratch.Link("root/absolute", "/etc");
  scratch.Link("root/up", "../outside");
  scratch.Link("root/upup", "../../../../../../etc");
  scratch.Link("root/dangling", "/made/by/link");
  scratch.Link("root/relative", "etc/new");
  scratch.Link("root/loop", "loop");
  scratch.Link("root/file-link", "/etc/link-target");
}

void CheckOpen(const Scratch& scratch, const RootedPath& root) {
  const UniqueFd inside = scratch.Open("root/etc/file", O_PATH);
  for (const char* path :
       {"etc/file", "/etc/file", "//etc/./file", "/../../etc/file", "/absolute/file", "/upup/file", "/etc/../etc/file"}) {
    Result<UniqueFd> opened = root.Open(path, O_PATH);
    Ok(opened.ok() && IsSame(opened.Take(), inside), std::string("path: inside the root: ") + path);
  }
  Equal(ErrorOf(root.Open("/up/secret", O_PATH)), ENOENT, "path: .. in a link stops at the root");
  Equal(ErrorOf(root.Open(scratch.At("outside/secret"), O_PATH)), ENOENT, "path: an absolute host path is one of the root");
  Equal(ErrorOf(root.Open("/loop", O_PATH)), ELOOP, "path: a loop of links");
  Equal(ErrorOf(root.Open("/absolute/file", O_PATH, Links::kRefuse)), ELOOP, "path: links can be refused");
  Equal(ErrorOf(root.Open("/" + std::string(5000, 'x'), O_PATH)), ENAMETOOLONG, "path: longer than the kernel takes");
}

void CheckMagicLinks() {
  const long proc = Syscall(__NR_openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  const RootedPath root{UniqueFd(static_cast<int>(proc))};
  Equal(ErrorOf(root.Open("/self/cwd", O_PATH)), ELOOP, "path: a magic link is refused");
  Equal(ErrorOf(root.Open("/self/root/etc", O_PATH)), ELOOP, "path: a magic link on the way is refused");
}

void CheckMakeDirectories(const Scratch& scratch, const RootedPath& root) {
  Result<UniqueFd> made = root.MakeDirectories("/a/b//c/.", 0755);
  Ok(made.ok() && IsSame(made.Take(), scratch.Open("root/a/b/c", O_PATH)), "mkdir: makes the missing");
  Ok(root.MakeDirectories("/a/b/c", 0700).ok() && (ModeOf(scratch.Open("root/a/b/c", O_PATH)) & 0777) == 0755,
     "mkdir: leaves the existing");
  made = root.MakeDirectories("/dangling/x", 0755);
  Ok(made.ok() && IsSame(made.Take(), scratch.Open("root/made/by/link/x", O_PATH)),
     "mkdir: a dangling absolute link leads to a place in the root");
  made = root.MakeDirectories("/relative/y", 0755);
  Ok(made.ok() && IsSame(made.Take(), scratch.Open("root/etc/new/y", O_PATH)), "mkdir: a dangling relative link");
  made = root.MakeDirectories("/up/evil", 0755);
  Ok(made.ok() && scratch.Exists("root/outside/evil") && !scratch.Exists("outside/evil"),
     "mkdir: a link that goes up makes it inside");
  Equal(ErrorOf(root.MakeDirectories("/missing/../x", 0755)), ENOENT, "mkdir: going up from what is missing is refused");
  Equal(ErrorOf(root.MakeDirectories("/etc/file/x", 0755)), ENOTDIR, "mkdir: below a file");
  Equal(ErrorOf(root.MakeDirectories("/loop/x", 0755)), ELOOP, "mkdir: below a loop");
  Equal(ErrorOf(root.MakeDirectories("/absolute/z", 0755, Links::kRefuse)), ELOOP, "mkdir: links can be refused");
  Ok(root.MakeDirectories("/strict/z", 0755, Links::kRefuse).ok(), "mkdir: strict and missing");
}

void CheckMakeFile(const Scratch& scratch, const RootedPath& root) {
  Result<UniqueFd> made = root.MakeFile("/files/one", 0640);
  const UniqueFd file = made.Take();
  Ok(IsSame(file, scratch.Open("root/files/one", O_PATH)) && ModeOf(file) == (kTypeRegular | 0640),
     "file: made with its directory and mode");
  made = root.MakeFile("/etc/file", 0600);
  Ok(made.ok() && IsSame(made.Take(), scratch.Open("root/etc/file", O_PATH)), "file: existing");
  made = root.MakeFile("/file-link", 0644);
  Ok(made.ok() && IsSame(made.Take(), scratch.Open("root/etc/link-target", O_PATH)),
     "file: a dangling link leads to a place in the root");
  Equal(ErrorOf(root.MakeFile("/", 0644)), 0, "file: the root exists");
  Equal(ErrorOf(root.MakeFile("/files/new/", 0644)), 0, "file: a slash behind the name");
  for (const char* path : {"", "/files/..", "."}) {
    const Result<ParentDirectory> parent = root.MakeParent(path);
    Equal(parent.error().number(), EINVAL, std::string("parent: refuses \"") + path + "\"");
  }
  Equal(root.MakeParent("/" + std::string(300, 'n')).error().number(), ENAMETOOLONG,
        "parent: a name longer than the kernel takes");
}

// Another process exchanges a directory and a link that leads out, as fast as it can.
void CheckSwap(const Scratch& scratch, const RootedPath& root) {
  scratch.Directory("root/swap");
  scratch.File("root/swap/secret", "inside");
  scratch.Link("root/swap-link", scratch.At("outside"));
  const UniqueFd outside = scratch.Open("outside/secret", O_PATH);
  const std::string one = scratch.At("root/swap");
  const std::string two = scratch.At("root/swap-link");
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    constexpr long kExchange = 2;  // RENAME_EXCHANGE
    while (!stop) {
      Syscall(__NR_renameat2, AT_FDCWD, one.c_str(), AT_FDCWD, two.c_str(), kExchange);
    }
  });
  int escaped = 0;
  int found = 0;
  int odd = 0;
  int last_odd = 0;
  for (int i = 0; i < 3000; ++i) {
    Result<UniqueFd> opened = root.Open("/swap/../swap/secret", O_PATH);
    if (opened.ok()) {
      ++(IsSame(opened.Take(), outside) ? escaped : found);
    } else if (ErrorOf(opened) != ENOENT) {
      ++odd;
      last_odd = ErrorOf(opened);
    }
    const std::string name = "/swap/made" + std::to_string(i);
    const Result<UniqueFd> made = root.MakeDirectories(name, 0755);
    // ENOTDIR: a link when it was opened, and a directory again when it was read as a link.
    const int refused = made.ok() ? 0 : ErrorOf(made);
    if (refused != 0 && refused != ENOENT && refused != ELOOP && refused != ENOTDIR) {
      ++odd;
      last_odd = refused;
    }
    if (scratch.Exists("outside/made" + std::to_string(i))) ++escaped;
  }
  stop = true;
  swapper.join();
  Equal(escaped, 0, "race: nothing was opened or made outside");
  Ok(found > 0, "race: the directory was found sometimes");
  Equal(odd == 0 ? 0 : last_odd, 0, "race: no other errors (EAGAIN is retried)");
}

// The root of a mount that is held: what leads out of it is not followed at all.
void CheckBeneath(const Scratch& scratch) {
  const RootedPath held(scratch.Open("root", O_PATH | O_DIRECTORY), Scope::kBeneath);
  const UniqueFd inside = scratch.Open("root/etc/file", O_PATH);
  Ok(IsSame(held.Open("etc/file", O_PATH).Take(), inside), "beneath: a path");
  Ok(IsSame(held.Open("etc/../etc/file", O_PATH).Take(), inside), "beneath: .. that stays inside");
  for (const char* path : {"absolute/file", "up/secret", "upup/file", "etc/../../etc/file", "/etc/file"}) {
    Equal(ErrorOf(held.Open(path, O_PATH)), EXDEV, std::string("beneath: leads out: ") + path);
    Equal(WalkInRoot(held.fd(), path, O_PATH, true, true), -EXDEV, std::string("beneath: leads out, walked: ") + path);
  }
  Equal(ErrorOf(held.MakeDirectories("dangling", 0755)), EXDEV, "beneath: a dangling link out");
  Ok(IsSame(held.Open(".", O_PATH).Take(), scratch.Open("root", O_PATH)), "beneath: itself");
  const RootedPath file(scratch.Open("root/etc/file", O_PATH), Scope::kBeneath);
  Ok(IsSame(file.Open(".", O_PATH).Take(), inside), "beneath: itself, a file");
}

}  // namespace

void TestRootedPath() {
  const Scratch scratch;
  Prepare(scratch);
  const RootedPath root = RootAt(scratch, "root");
  CheckOpen(scratch, root);
  CheckBeneath(scratch);
  CheckMagicLinks();
  CheckMakeDirectories(scratch, root);
  CheckMakeFile(scratch, root);
  CheckSwap(scratch, root);
}

}  // namespace runt::test
