// SPDX-License-Identifier: Apache-2.0
#include "../base/file.h"
#include "../init/steps/steps.h"
#include "scratch.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

// A directory of no mount namespace: the root of a tmpfs that is attached nowhere. Invalid without
// the privilege to make one.
UniqueFd DetachedDirectory() {
  const long opened = Syscall(__NR_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (opened < 0) return UniqueFd();
  const UniqueFd filesystem(static_cast<int>(opened));
  Syscall(__NR_fsconfig, filesystem.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
  const long mount = Syscall(__NR_fsmount, filesystem.get(), FSMOUNT_CLOEXEC, 0);
  return UniqueFd(mount < 0 ? -1 : static_cast<int>(mount));
}

Status ChangeTo(const std::string& path) {
  Context context;
  ChangeDirectoryStep step{};
  step.path = path;
  return ChangeDirectory(context, step);
}

void CheckDetached() {
  const UniqueFd detached = DetachedDirectory();
  if (!detached.valid()) {
    Skip("chdir: a directory outside of the root", "needs root");
    return;
  }
  const std::string path = "/proc/self/fd/" + std::to_string(detached.get());
  const Status through_link = ChangeTo(path);
  Equal(through_link.error().number(), EXDEV, "chdir: a link to a directory outside is refused");
  Equal(static_cast<long>(through_link.error().call()), static_cast<long>(Call::kVerify), "chdir: by the check of where it led");
  // The second `changeDirectory` of a plan has nothing to do where the first was verified: a
  // seccomp filter that holds by then may not allow it.
  Context context;
  context.changed_directory = true;
  ChangeDirectoryStep step{};
  step.path = "/missing";
  Ok(ChangeDirectory(context, step).ok(), "chdir: what was entered and verified is not again");
}

}  // namespace

void TestWorkingDirectory() {
  const Scratch scratch;
  scratch.Directory("here");
  scratch.Directory("gone");
  const UniqueFd before(static_cast<int>(Syscall(__NR_openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0)));
  Ok(ChangeTo(scratch.At("here")).ok(), "chdir: a directory of the root");
  Equal(ChangeTo(scratch.At("missing")).error().number(), ENOENT, "chdir: a missing one");
  const UniqueFd gone = scratch.Open("gone", O_PATH | O_DIRECTORY);
  constexpr long kRemoveDirectory = 0x200;  // AT_REMOVEDIR
  Syscall(__NR_unlinkat, AT_FDCWD, scratch.At("gone").c_str(), kRemoveDirectory);
  Equal(ChangeTo("/proc/self/fd/" + std::to_string(gone.get())).error().number(), ENOENT,
        "chdir: a directory that was removed has no name either");
  CheckDetached();
  Syscall(__NR_fchdir, before.get());
}

}  // namespace runt::test
