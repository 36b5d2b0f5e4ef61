// SPDX-License-Identifier: Apache-2.0
#include "../init/mount_table.h"

#include "../base/file.h"
#include "../base/unique_fd.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

UniqueFd FileWith(std::string_view content) {
  UniqueFd file(static_cast<int>(Syscall(__NR_memfd_create, "test", MFD_CLOEXEC)));
  WriteAll(file.get(), content.data(), content.size());
  Syscall(__NR_lseek, file.get(), 0, 0);
  return file;
}

}  // namespace

void TestMountTable() {
  MountEntry entry;
  Ok(ParseMountEntry("36 35 98:0 / /mnt rw,noatime master:1 shared:2 - ext3 /dev/root rw", &entry),
     "mount table: a line with optional fields parses");
  Ok(entry.id == 36 && entry.parent == 35 && entry.whole, "mount table: id, parent and root");
  Ok(entry.device == ((std::uint64_t{98} << 32) | 0), "mount table: device");
  Equal(entry.path.view(), std::string_view("/mnt"), "mount table: mount point");
  Equal(entry.type.view(), std::string_view("ext3"), "mount table: type");
  Equal(entry.superblock, std::uint64_t{0}, "mount table: no flag of the superblock");
  Ok(ParseMountEntry("1 2 0:1 / /a ro,nosuid - tmpfs t ro,sync,lazytime,mand,size=4k,rootcontext=ro", &entry),
     "mount table: a line with options of the superblock");
  Equal(entry.superblock, std::uint64_t{MS_RDONLY | MS_SYNCHRONOUS | MS_LAZYTIME | MS_MANDLOCK},
        "mount table: flags of the superblock");
  Ok(ParseMountEntry("1 2 0:1 /sub /a\\040b\\134c rw - proc proc rw", &entry) && !entry.whole,
     "mount table: a part of a file system");
  Equal(entry.path.view(), std::string_view("/a b\\c"), "mount table: octal escapes");
  Ok(!ParseMountEntry("", &entry) && !ParseMountEntry("x 1 0:1 / /a rw - proc p rw", &entry) &&
         !ParseMountEntry("1 2 0:1 / /a rw", &entry) && !ParseMountEntry("1 2 01 / /a rw - proc p rw", &entry),
     "mount table: what is not a line is refused");

  Ok(IsBelow("/a/b", "/a") && IsBelow("/a", "/a") && IsBelow("/x", "/"), "below: yes");
  Ok(!IsBelow("/ab", "/a") && !IsBelow("/", "/a") && !IsBelow("/b/a", "/a"), "below: no");

  std::string content = "1 0 0:1 / / rw - ext4 d rw\n";
  content += "2 1 0:2 / /" + std::string(20000, 'x') + " rw - proc d rw\n";
  content += "3 1 0:3 / /proc rw - proc d rw\n";
  const UniqueFd file = FileWith(content);
  MountTable table(file.get());
  std::string ids;
  for (int pass = 0; pass < 2; ++pass) {
    for (;;) {
      Result<bool> more = table.Next(&entry);
      if (!more.ok() || !more.value()) break;
      ids += std::to_string(entry.id) + ",";
    }
    Ok(table.Rewind().ok(), "mount table: rewinds");
  }
  Equal(ids, std::string("1,3,1,3,"), "mount table: a line that is too long is skipped, twice over");
}

}  // namespace runt::test
