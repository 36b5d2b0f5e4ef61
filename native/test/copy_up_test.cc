// SPDX-License-Identifier: Apache-2.0
#include "../init/copy_up.h"

#include "../base/file.h"
#include "scratch.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

std::string Read(const Scratch& scratch, const std::string& name) {
  const UniqueFd file = scratch.Open(name, O_RDONLY | O_NOFOLLOW);
  std::string content(100, '\0');
  const long size = ReadSome(file.get(), content.data(), content.size());
  content.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  return content;
}

FileFacts Facts(const Scratch& scratch, const std::string& name) {
  FileFacts facts;
  GetFacts(scratch.Open(name, O_PATH | O_NOFOLLOW).get(), &facts);
  return facts;
}

// A file and a FIFO trade places while copies are made: each copy is of one of them.
void TestSwappedCopy(Procfs& procfs) {
  const Scratch scratch;
  scratch.Directory("from");
  scratch.File("from/name", "content");
  Syscall(__NR_mknodat, AT_FDCWD, scratch.At("fifo").c_str(), kTypeFifo | 0600, 0);
  constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE
  const std::string one = scratch.At("from/name");
  const std::string other = scratch.At("fifo");
  const long child = Syscall(__NR_clone, kSigChild, nullptr, nullptr, nullptr, nullptr);
  while (child == 0) Syscall(__NR_renameat2, AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), kExchange);
  int failed = 0;
  for (int i = 0; i < 1000 && failed == 0; ++i) {
    const std::string name = "to" + std::to_string(i);
    scratch.Directory(name);
    failed = CopyUp(procfs, scratch.Open("from", O_PATH).get(), scratch.Open(name, O_PATH).get(), "test").error().number();
  }
  Syscall(__NR_kill, child, kSigKill);
  Syscall(__NR_wait4, child, nullptr, 0, nullptr);
  Equal(failed, 0, "copy: what is at a name is looked at once");
}

}  // namespace

void TestCopyUp() {
  const Scratch scratch;
  Procfs procfs;
  scratch.Directory("from");
  scratch.Directory("from/directory");
  scratch.File("from/directory/file", "content");
  scratch.File("from/set-id", "x");
  Syscall(__NR_fchmodat, AT_FDCWD, scratch.At("from/set-id").c_str(), 04711);
  Syscall(__NR_fchmodat, AT_FDCWD, scratch.At("from/directory").c_str(), 01750);
  scratch.File("secret", "secret");
  scratch.Link("from/link", "../secret");
  Syscall(__NR_mknodat, AT_FDCWD, scratch.At("from/fifo").c_str(), kTypeFifo | 0600, 0);
  scratch.Directory("to");
  const UniqueFd from = scratch.Open("from", O_PATH | O_DIRECTORY);
  const UniqueFd to = scratch.Open("to", O_PATH | O_DIRECTORY);
  Ok(CopyUp(procfs, from.get(), to.get(), "test").ok(), "copy: a tree");
  Equal(Read(scratch, "to/directory/file"), std::string("content"), "copy: a file's content");
  Equal(static_cast<long>(Facts(scratch, "to/set-id").mode), static_cast<long>(kTypeRegular | 04711),
        "copy: a file's mode, with its set-id bit");
  Equal(static_cast<long>(Facts(scratch, "to/directory").mode), static_cast<long>(kTypeDirectory | 01750),
        "copy: a directory's mode");
  Equal(static_cast<long>(Facts(scratch, "to/link").type()), static_cast<long>(kTypeLink), "copy: a link stays a link");
  Equal(static_cast<long>(Facts(scratch, "to/fifo").type()), static_cast<long>(kTypeFifo), "copy: a FIFO is made, not read");
  TestSwappedCopy(procfs);
  const Status again = CopyUp(procfs, from.get(), to.get(), "test");
  Equal(again.error().number(), EEXIST, "copy: never over something that exists");

  scratch.Directory("deep");
  std::string path = "deep";
  for (int i = 0; i < 70; ++i) scratch.Directory(path += "/d");
  scratch.Directory("to2");
  const Status deep = CopyUp(procfs, scratch.Open("deep", O_PATH).get(), scratch.Open("to2", O_PATH).get(), "test");
  Equal(deep.error().number(), ELOOP, "copy: not deeper than its limit");
}

}  // namespace runt::test
