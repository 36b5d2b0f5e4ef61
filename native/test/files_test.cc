// SPDX-License-Identifier: Apache-2.0
#include "../base/file.h"
#include "../init/descriptors.h"
#include "../init/procfs.h"
#include "scratch.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

UniqueFd OpenPath(const char* path) {
  return UniqueFd(static_cast<int>(Syscall(__NR_openat, AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0)));
}

void TestOldFacts() {
  for (const char* path : {"/", "/dev/null", "/proc/self", "/proc"}) {
    const UniqueFd file = OpenPath(path);
    FileFacts now;
    FileFacts old;
    Ok(GetFacts(file.get(), &now) == 0 && GetOldFacts(file.get(), &old) == 0, "facts: both calls know the file");
    Ok(now.mode == old.mode && now.uid == old.uid && now.gid == old.gid && now.size == old.size,
       "facts: the same mode, owner and size");
    Ok(now.major == old.major && now.minor == old.minor && now.inode == old.inode && now.device == old.device,
       "facts: the same file and device");
    Ok(old.mount == now.mount || old.mount == 0, "facts: the same mount, where both know it");
  }
}

void TestDescriptors() {
  Procfs procfs;
  const UniqueFd low(static_cast<int>(Syscall(__NR_openat, AT_FDCWD, "/", O_PATH, 0)));
  const UniqueFd high(static_cast<int>(Syscall(__NR_fcntl, low.get(), F_DUPFD, 500)));
  const auto stays = [](const UniqueFd& fd) { return Syscall(__NR_fcntl, fd.get(), F_GETFD, 0) == 0; };
  Ok(stays(low) && stays(high), "descriptors: nothing is close-on-exec yet");
  Equal(CloseFromAtExec(procfs, 400), 0L, "descriptors: can be made close-on-exec");
  Ok(stays(low) && !stays(high), "descriptors: those from a number on are");
}

}  // namespace

void TestFiles() {
  TestOldFacts();
  TestDescriptors();
}

}  // namespace runt::test
