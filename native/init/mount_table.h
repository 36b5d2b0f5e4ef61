// SPDX-License-Identifier: Apache-2.0
// Reads /proc/self/mountinfo line by line.

#ifndef RUNT_INIT_MOUNT_TABLE_H_
#define RUNT_INIT_MOUNT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../base/kernel.h"
#include "../base/result.h"
#include "../base/text.h"

namespace runt {

// One mount.
struct MountEntry {
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
  // Of the file system: major number in the upper half, as FileFacts have it.
  std::uint64_t device = 0;
  // The mount shows the file system from its root.
  bool whole = false;
  Text<kPathMax> path;
  Text<64> type;
  // The superblock's MS_* flags in mountinfo, limited to those that a remount replaces: ro, sync, mand, lazytime.
  std::uint64_t superblock = 0;
};

class MountTable {
 public:
  explicit MountTable(int fd) : fd_(fd) {}

  // Reads the next entry; false at the end. A line that does not fit into the buffer is skipped.
  Result<bool> Next(MountEntry* entry);

  // Goes back to the first line.
  Status Rewind();

 private:
  Result<bool> NextLine(std::string_view* line);

  int fd_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool skipping_ = false;
  char buffer_[2 * kPathMax];
};

// Parses one line of mountinfo (octal escapes in the path are resolved); false if it is not one.
bool ParseMountEntry(std::string_view line, MountEntry* entry);

// Whether `path` is `directory` or lies below it; both absolute and without "." and "..".
bool IsBelow(std::string_view path, std::string_view directory);

}  // namespace runt

#endif  // RUNT_INIT_MOUNT_TABLE_H_
