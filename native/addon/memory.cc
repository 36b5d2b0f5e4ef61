// SPDX-License-Identifier: Apache-2.0
// Gives back the memory of a process that waits.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/syscall.h"
#include "../base/unique_fd.h"
#include "addon.h"

namespace runt::addon {
namespace {

constexpr uint64_t kPresent = uint64_t{1} << 63;
constexpr uint64_t kOfFile = uint64_t{1} << 61;  // as in the file: a page that was written to is none any more
constexpr size_t kBatch = 128;
// Mappings of the program's file; more are not looked at.
constexpr size_t kRanges = 16;

// The largest piece in which the page cache holds a file.
constexpr uintptr_t kPiece = 2 << 20;

struct Range {
  uintptr_t start;
  uintptr_t end;
  // The use of one page of a piece that lies in this mapping as a whole would map all of it.
  bool maps_whole_pieces;
};

bool HoldsPiece(uintptr_t start, uintptr_t end, uintptr_t offset) {
  const uintptr_t first = (start + kPiece - 1) / kPiece * kPiece;
  return (start - offset) % kPiece == 0 && first + kPiece <= end;
}

// The process's private mappings of files, in `ranges`; how many.
size_t FileRanges(Range* ranges) {
  FILE* maps = fopen("/proc/self/maps", "re");
  if (maps == nullptr) return 0;
  size_t count = 0;
  char line[512];
  while (count < kRanges && fgets(line, sizeof line, maps) != nullptr) {
    unsigned long start = 0;
    unsigned long end = 0;
    char mode[5] = {};
    unsigned long offset = 0;
    unsigned long inode = 0;
    if (sscanf(line, "%lx-%lx %4s %lx %*s %lu", &start, &end, mode, &offset, &inode) != 5) continue;
    if (inode != 0 && mode[3] == 'p') ranges[count++] = {start, end, HoldsPiece(start, end, offset)};
  }
  fclose(maps);
  return count;
}

// From the look at the pages to madvise nothing but the stack may be written to: a page that is written to in between would lose
// that. So no function of libc is called there, and no handler of a signal runs.
long DropRange(int pagemap, Range range, size_t page) {
  uint64_t entries[kBatch];
  long dropped = 0;
  for (uintptr_t at = range.start; at < range.end;) {
    const size_t left = (range.end - at) / page;
    const size_t wanted = left < kBatch ? left : kBatch;
    const long got = Syscall(__NR_pread64, pagemap, entries, wanted * sizeof(entries[0]), at / page * sizeof(entries[0]));
    if (got <= 0) return got < 0 ? got : dropped;
    const size_t count = static_cast<size_t>(got) / sizeof(entries[0]);
    if (count == 0) return dropped;
    for (size_t first = 0; first < count;) {
      size_t last = first;
      while (last < count && (entries[last] & (kPresent | kOfFile)) == (kPresent | kOfFile)) ++last;
      if (last > first) {
        Syscall(__NR_madvise, at + first * page, (last - first) * page, MADV_DONTNEED);
        dropped += static_cast<long>(last - first);
      }
      first = last > first ? last : first + 1;
    }
    at += count * page;
  }
  return dropped;
}

// How many pages, or -errno.
int DropCleanPages() {
  Range ranges[kRanges];
  const size_t count = FileRanges(ranges);
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const UniqueFd pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!pagemap.valid()) return -errno;
  const uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
  long dropped = 0;
  for (size_t index = 0; index < count && dropped >= 0; ++index) {
    // Another mapping begins within the piece then.
    if (ranges[index].maps_whole_pieces) Syscall(__NR_madvise, ranges[index].start, page, MADV_NOHUGEPAGE);
    const long more = DropRange(pagemap.get(), ranges[index], page);
    dropped = more < 0 ? more : dropped + more;
  }
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof(before));
  return static_cast<int>(dropped);
}

}  // namespace

// Both in one call: what runs in between would bring the pages back.
int EpollWaitSmall(int epoll, const Words& ready, int timeout_ms) {
  DropCleanPages();
  return EpollWait(epoll, ready, timeout_ms);
}

}  // namespace runt::addon
