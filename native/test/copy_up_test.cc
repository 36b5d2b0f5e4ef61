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

}  // namespace

void TestCopyUp() {
  const Scratch scratch;
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
  Ok(CopyUp(from.get(), to.get(), "test").ok(), "copy: a tree");
  Equal(Read(scratch, "to/directory/file"), std::string("content"), "copy: a file's content");
  Equal(static_cast<long>(Facts(scratch, "to/set-id").mode),
        static_cast<long>(kTypeRegular | 04711), "copy: a file's mode, with its set-id bit");
  Equal(static_cast<long>(Facts(scratch, "to/directory").mode),
        static_cast<long>(kTypeDirectory | 01750), "copy: a directory's mode");
  Equal(static_cast<long>(Facts(scratch, "to/link").type()), static_cast<long>(kTypeLink),
        "copy: a link stays a link");
  Equal(static_cast<long>(Facts(scratch, "to/fifo").type()), static_cast<long>(kTypeFifo),
        "copy: a FIFO is made, not read");
  const Status again = CopyUp(from.get(), to.get(), "test");
  Equal(again.error().number(), EEXIST, "copy: never over something that exists");

  scratch.Directory("deep");
  std::string path = "deep";
  for (int i = 0; i < 70; ++i) scratch.Directory(path += "/d");
  scratch.Directory("to2");
  const Status deep =
      CopyUp(scratch.Open("deep", O_PATH).get(), scratch.Open("to2", O_PATH).get(), "test");
  Equal(deep.error().number(), ELOOP, "copy: not deeper than its limit");
}

}  // namespace runt::test
