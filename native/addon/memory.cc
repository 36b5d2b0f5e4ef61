// SPDX-License-Identifier: Apache-2.0
// Gives back the memory of a process that waits.

#include <fcntl.h>
#include <linux/time_types.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../base/syscall.h"
#include "../base/unique_fd.h"
#include "addon.h"

// The functions that run from the first page that is dropped to the end of the wait. Their pages stay: the use of one page that
// is not mapped would map a whole folio of the page cache with it, which may hold a megabyte of the program (Linux 6.18).
#define RUNT_SMALL [[gnu::section("runt_small"), gnu::noinline, gnu::flatten]]

extern "C" {
[[gnu::visibility("hidden")]] extern const char __start_runt_small[];  // the linker's
[[gnu::visibility("hidden")]] extern const char __stop_runt_small[];
}

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
RUNT_SMALL void DropRange(int pagemap, Range range, size_t page) {
  const auto kept = reinterpret_cast<uintptr_t>(__start_runt_small) / page * page;
  const auto kept_end = reinterpret_cast<uintptr_t>(__stop_runt_small);
  uint64_t entries[kBatch];
  for (uintptr_t at = range.start; at < range.end;) {
    const size_t left = (range.end - at) / page;
    const size_t wanted = left < kBatch ? left : kBatch;
    const long got = Syscall(__NR_pread64, pagemap, entries, wanted * sizeof(entries[0]), at / page * sizeof(entries[0]));
    if (got <= 0) return;
    const size_t count = static_cast<size_t>(got) / sizeof(entries[0]);
    if (count == 0) return;
    for (size_t first = 0; first < count;) {
      size_t last = first;
      while (last < count && (entries[last] & (kPresent | kOfFile)) == (kPresent | kOfFile)) {
        const uintptr_t address = at + last * page;
        if (address >= kept && address < kept_end) break;
        ++last;
      }
      if (last > first) Syscall(__NR_madvise, at + first * page, (last - first) * page, MADV_DONTNEED);
      first = last > first ? last : first + 1;
    }
    at += count * page;
  }
}

// Drops what is mapped of the program's file, and waits until `epoll` has something to tell, a signal comes, or the time is over.
RUNT_SMALL void DropAndWait(const Range* ranges, size_t count, size_t page, int pagemap, int epoll, int timeout_ms) {
  const uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
  for (size_t index = 0; index < count; ++index) {
    // Another mapping begins within the piece then.
    if (ranges[index].maps_whole_pieces) Syscall(__NR_madvise, ranges[index].start, page, MADV_NOHUGEPAGE);
    DropRange(pagemap, ranges[index], page);
  }
  struct pollfd poll = {epoll, POLLIN, 0};
  struct __kernel_timespec patience = {timeout_ms / 1000, (timeout_ms % 1000) * 1'000'000L};
  // The signals that were held back end the wait: it begins with the former mask.
  Syscall(__NR_ppoll, &poll, 1, timeout_ms < 0 ? nullptr : &patience, &before, sizeof(before));
  Syscall(__NR_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof(before));
}

}  // namespace

// Both in one call: what runs in between would bring the pages back.
int EpollWaitSmall(int epoll, const Words& ready, int timeout_ms) {
  Range ranges[kRanges];
  const size_t count = FileRanges(ranges);
  const UniqueFd pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  if (!pagemap.valid()) return EpollWait(epoll, ready, timeout_ms);
  DropAndWait(ranges, count, static_cast<size_t>(sysconf(_SC_PAGESIZE)), pagemap.get(), epoll, timeout_ms);
  return EpollWait(epoll, ready, 0);
}

}  // namespace runt::addon
