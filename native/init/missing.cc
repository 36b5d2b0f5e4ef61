// SPDX-License-Identifier: Apache-2.0
#include "missing.h"

#include "../base/file.h"
#include "../base/kernel.h"
#include "../base/syscall.h"
#include "../base/unique_fd.h"

namespace runt {

namespace {

// The number of bytes that the kernel reads to tell the kind of a program.
constexpr std::size_t kHeadSize = 256;
// How many interpreters may be scripts themselves.
constexpr int kMaxScripts = 5;
constexpr unsigned kMaxProgramHeaders = 128;
constexpr std::uint32_t kInterpreterSegment = 3;  // PT_INTERP

// Little-endian, from bytes at any alignment.
std::uint64_t ReadNumber(const unsigned char* bytes, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i > 0; --i) value = (value << 8) | bytes[i - 1];
  return value;
}

bool ReadAt(int fd, void* data, std::size_t size, std::uint64_t offset) {
  constexpr std::uint64_t kLimit = static_cast<std::uint64_t>(1) << 62;
  if (offset > kLimit) return false;
  return Syscall(__NR_pread64, fd, data, size, offset) == static_cast<long>(size);
}

// Offsets of the fields of an ELF file; they differ between 32 and 64 bits.
struct ElfLayout {
  std::size_t headers_offset;
  std::size_t header_size;
  std::size_t header_count;
  std::size_t address_size;
  std::size_t segment_offset;
  std::size_t segment_size;
};
constexpr ElfLayout kElf32 = {28, 42, 44, 4, 4, 16};
constexpr ElfLayout kElf64 = {32, 54, 56, 8, 8, 32};
constexpr std::size_t kSegmentHeaderSize = 56;

bool IsElf(const unsigned char* head, std::size_t size) {
  constexpr unsigned char kMagic[] = {0x7f, 'E', 'L', 'F'};
  if (size < 64) return false;
  for (std::size_t i = 0; i < sizeof kMagic; ++i) {
    if (head[i] != kMagic[i]) return false;
  }
  return true;
}

// e_machine of the architecture that this is compiled for.
#ifdef __aarch64__
constexpr std::uint32_t kOwnMachine = 183;
#else
constexpr std::uint32_t kOwnMachine = 62;
#endif
constexpr std::size_t kMachineOffset = 18;

// The loader that an ELF program names; empty if it names none.
Text<kSubjectSize> ElfLoader(int fd, const unsigned char* head, std::size_t size) {
  Text<kSubjectSize> loader;
  if (!IsElf(head, size)) return loader;
  if (head[5] != 1) return loader;  // big-endian
  const ElfLayout& layout = head[4] == 2 ? kElf64 : kElf32;
  const std::uint64_t table = ReadNumber(head + layout.headers_offset, layout.address_size);
  const std::uint64_t step = ReadNumber(head + layout.header_size, 2);
  const std::uint64_t count = ReadNumber(head + layout.header_count, 2);
  if (count > kMaxProgramHeaders || step < layout.segment_size + layout.address_size) return loader;
  for (std::uint64_t i = 0; i < count; ++i) {
    unsigned char header[kSegmentHeaderSize] = {};
    const std::size_t wanted = step < sizeof header ? static_cast<std::size_t>(step) : sizeof header;
    if (!ReadAt(fd, header, wanted, table + i * step)) return loader;
    if (ReadNumber(header, 4) != kInterpreterSegment) continue;
    char path[kSubjectSize] = {};
    const std::uint64_t length = ReadNumber(header + layout.segment_size, layout.address_size);
    if (length >= sizeof path) return loader;
    const std::uint64_t offset = ReadNumber(header + layout.segment_offset, layout.address_size);
    if (!ReadAt(fd, path, static_cast<std::size_t>(length), offset)) return loader;
    return Text<kSubjectSize>(std::string_view(path));
  }
  return loader;
}

// Whether the kernel would find a program at the path.
bool IsProgram(const char* path) {
  const long opened = Syscall(__NR_openat, AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
  if (opened < 0) return false;
  const UniqueFd file(static_cast<int>(opened));
  FileFacts facts;
  if (GetFacts(file.get(), &facts) < 0 || facts.type() != kTypeRegular) return false;
  return Syscall(__NR_faccessat, AT_FDCWD, path, kAccessExecute) >= 0;
}

// Reads the first `kHeadSize` bytes of a regular file, which stays open in `file`; how many there are, or negative.
long ReadHead(const char* path, UniqueFd* file, unsigned char* head) {
  // The file may have been replaced by a FIFO, which must not block this process.
  const long opened = Syscall(__NR_openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
  if (opened < 0) return opened;
  *file = UniqueFd(static_cast<int>(opened));
  FileFacts facts;
  if (GetFacts(file->get(), &facts) < 0 || facts.type() != kTypeRegular) return -EINVAL;
  return ReadSome(file->get(), head, kHeadSize);
}

}  // namespace

Text<kSubjectSize> ScriptInterpreter(std::string_view head) {
  Text<kSubjectSize> path;
  if (head.size() < 3 || head[0] != '#' || head[1] != '!') return path;
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  std::size_t begin = 2;
  while (begin < head.size() && is_space(head[begin])) ++begin;
  std::size_t end = begin;
  while (end < head.size() && !is_space(head[end]) && head[end] != '\n' && head[end] != '\0') ++end;
  path.Add({head.data() + begin, end - begin});
  return path;
}

MissingFile FindMissing(const char* program) {
  MissingFile missing;
  Text<kSubjectSize> script;
  for (int depth = 0; depth < kMaxScripts; ++depth) {
    UniqueFd file;
    unsigned char head[kHeadSize] = {};
    const long size = ReadHead(program, &file, head);
    if (size <= 0) return missing;
    const auto filled = static_cast<std::size_t>(size);
    const Text<kSubjectSize> next = ScriptInterpreter({reinterpret_cast<const char*>(head), filled});
    const bool is_script = !next.empty();
    const Text<kSubjectSize> needed = is_script ? next : ElfLoader(file.get(), head, filled);
    if (needed.empty()) return missing;
    if (!IsProgram(needed.c_str())) {
      missing.call = is_script ? Call::kInterpreter : Call::kLoader;
      missing.path = needed;
      return missing;
    }
    if (!is_script) return missing;
    script = needed;
    program = script.c_str();
  }
  return missing;
}

std::uint32_t KindOfProgram(const char* program) {
  UniqueFd file;
  unsigned char head[kHeadSize] = {};
  const long size = ReadHead(program, &file, head);
  if (size < 0) return 0;
  if (size == 0) return kMissingKindEmpty;
  if (IsElf(head, static_cast<std::size_t>(size))) {
    const unsigned char low = head[kMachineOffset + (head[5] == 2 ? 1 : 0)];
    const unsigned char high = head[kMachineOffset + (head[5] == 2 ? 0 : 1)];
    const std::uint32_t machine = low | static_cast<std::uint32_t>(high) << 8;
    return machine == kOwnMachine ? 0 : kMissingKindForeign | machine;
  }
  return head[0] == 0x7f || (head[0] == '#' && head[1] == '!') ? 0 : kMissingKindNeitherElfNorScript;
}

}  // namespace runt
