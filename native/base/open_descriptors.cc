// SPDX-License-Identifier: Apache-2.0
#include "open_descriptors.h"

#include <cstdint>
#include <string_view>

#include "kernel.h"
#include "syscall.h"
#include "text.h"
#include "unique_fd.h"

namespace runt {

namespace {

// Marks the descriptors in one piece of a directory's entries.
void MarkEntries(const unsigned char* buffer, long size, std::uint64_t first) {
  for (long offset = 0; offset < size;) {
    const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + offset);
    std::uint64_t number = 0;
    if (ParseNumber(std::string_view(entry->name), &number) && number >= first) {
      Syscall(__NR_fcntl, number, F_SETFD, FD_CLOEXEC);
    }
    offset += entry->size;
  }
}

}  // namespace

long MarkOpenDescriptors(int procfs, const char* path, int first) {
  const long opened = Syscall(__NR_openat, procfs, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (opened < 0) return opened;
  const UniqueFd directory(static_cast<int>(opened));
  alignas(DirectoryEntry) unsigned char buffer[2048];
  for (;;) {
    const long size = Syscall(__NR_getdents64, directory.get(), buffer, sizeof buffer);
    if (size <= 0) return size;
    MarkEntries(buffer, size, static_cast<std::uint64_t>(first));
  }
}

}  // namespace runt
