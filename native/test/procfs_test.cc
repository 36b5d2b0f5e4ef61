// SPDX-License-Identifier: Apache-2.0
#include "../init/procfs.h"

#include "../base/file.h"
#include "../base/text.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

void TestProcfs() {
  Procfs procfs;
  const Status prepared = procfs.Prepare();
  Ok(prepared.ok() && procfs.fd() >= 0, "procfs: there is one");
  Equal(FilesystemMagic(procfs.fd()), static_cast<long>(PROC_SUPER_MAGIC), "procfs: it is a procfs");

  Result<UniqueFd> status = procfs.Open("self/comm", O_RDONLY);
  char name[32];
  Ok(status.ok() && ReadSome(status.Take().get(), name, sizeof name) > 0, "procfs: reads self/comm");
  Equal(procfs.Open("self/fd/0", O_RDONLY).error().number(), ELOOP, "procfs: Open refuses magic links");
  Equal(procfs.Open("../etc/passwd", O_RDONLY).error().number(), EXDEV, "procfs: Open stays beneath");
  Equal(procfs.Open("self/root/etc/passwd", O_RDONLY).error().number(), ELOOP, "procfs: Open refuses magic links on the way");

  const UniqueFd file(static_cast<int>(Syscall(__NR_memfd_create, "test", MFD_CLOEXEC)));
  WriteAll(file.get(), "content", 7);
  Result<UniqueFd> again = procfs.Reopen(file.get(), O_RDONLY, "test");
  FileFacts facts[2];
  char content[8] = {};
  const UniqueFd reopened = again.Take();
  Ok(GetFacts(file.get(), &facts[0]) == 0 && GetFacts(reopened.get(), &facts[1]) == 0 && facts[0].IsSamePlace(facts[1]) &&
         ReadSome(reopened.get(), content, sizeof content) == 7,
     "procfs: Reopen gives the same file, from its start");
  Ok(WriteAll(reopened.get(), "x", 1) == -EBADF, "procfs: Reopen gives the flags that were asked for");

  Result<UniqueFd> setting = procfs.OpenSetting("sys/kernel/ostype", O_RDONLY, "kernel/ostype");
  Ok(setting.ok() && ReadSome(setting.Take().get(), content, sizeof content) == 6, "procfs: reads a setting");
  Equal(procfs.OpenSetting("sys/../sysrq-trigger/../../x", O_RDONLY, "x").ok(), false,
        "procfs: a setting's name does not lead out");

  if (Syscall(__NR_geteuid) != 0) {
    Skip("procfs: init's own has no settings", "needs root");
  } else {
    Equal(procfs.Open("sys/kernel/ostype", O_RDONLY).error().number(), ENOENT, "procfs: init's own has no settings");
  }
}

}  // namespace runt::test
