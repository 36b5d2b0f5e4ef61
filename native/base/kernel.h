// SPDX-License-Identifier: Apache-2.0
// The kernel's own structures and constants: its UAPI headers, definitions that otherwise come from
// libc headers (which cannot be mixed with these), and definitions that older UAPI headers lack.

#ifndef RUNT_BASE_KERNEL_H_
#define RUNT_BASE_KERNEL_H_

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <linux/stat.h>
#include <linux/time_types.h>

#include <cstddef>
#include <cstdint>

// Added in 6.6; the same number on every architecture.
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif

namespace runt {

inline constexpr std::size_t kPathMax = 4096;

// The types in st_mode (S_IF*), which <linux/stat.h> hides once a libc header was seen.
inline constexpr std::uint32_t kTypeMask = 0170000;
inline constexpr std::uint32_t kTypeSocket = 0140000;
inline constexpr std::uint32_t kTypeLink = 0120000;
inline constexpr std::uint32_t kTypeRegular = 0100000;
inline constexpr std::uint32_t kTypeBlock = 0060000;
inline constexpr std::uint32_t kTypeDirectory = 0040000;
inline constexpr std::uint32_t kTypeCharacter = 0020000;
inline constexpr std::uint32_t kTypeFifo = 0010000;

inline constexpr int kSigKill = 9;
inline constexpr int kSigChild = 17;

inline constexpr int kProtRead = 1;
inline constexpr int kProtWrite = 2;
inline constexpr int kMapShared = 1;
inline constexpr int kMapPrivate = 2;
inline constexpr int kClockMonotonic = 1;
inline constexpr int kMapAnonymous = 0x20;

inline constexpr int kMountDetach = 2;  // MNT_DETACH

inline constexpr int kWaitPid = 1;             // P_PID of waitid(2)
inline constexpr int kWaitExited = 4;          // WEXITED
inline constexpr int kWaitNoHang = 1;          // WNOHANG
inline constexpr int kWaitNoReap = 0x1000000;  // WNOWAIT

inline constexpr int kAccessExecute = 1;        // X_OK
inline constexpr int kAccessEffective = 0x200;  // AT_EACCESS

// open_tree(2) and fsopen(2) have these in headers that clash with <linux/mount.h> of older
// systems.
inline constexpr unsigned kOpenTreeClone = 1;
inline constexpr unsigned kOpenTreeCloexec = O_CLOEXEC;

// The fields of struct rlimit64 and struct winsize.
struct ResourceLimit {
  std::uint64_t soft;
  std::uint64_t hard;
};

// struct termios of asm-generic/termbits.h, which TCGETS and TCSETS mean; libc's is another one.
struct TerminalSettings {
  std::uint32_t input_flags;
  std::uint32_t output_flags;
  std::uint32_t control_flags;
  std::uint32_t local_flags;
  std::uint8_t line;
  std::uint8_t control_characters[19];
};
// A line feed gets a carriage return before it.
constexpr std::uint32_t kOnlcr = 4;

struct WindowSize {
  std::uint16_t rows;
  std::uint16_t columns;
  std::uint16_t x_pixels;
  std::uint16_t y_pixels;
};

// struct statfs; only `type` and `flags` (ST_*) are looked at.
struct FilesystemFacts {
  long type;
  long sizes[9];
  long flags;
  long reserved[5];
};

// struct linux_dirent64, without the name that follows.
struct DirectoryEntry {
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t size;
  std::uint8_t type;
  char name[1];
};

}  // namespace runt

#endif  // RUNT_BASE_KERNEL_H_
