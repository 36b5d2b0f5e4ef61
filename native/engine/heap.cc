// SPDX-License-Identifier: Apache-2.0
#include "heap.h"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <new>

namespace runt::engine {
namespace {

#ifdef RUNT_HEAP_SIZE
constexpr std::size_t kHeapSize = RUNT_HEAP_SIZE;
#else
constexpr std::size_t kHeapSize = 4 << 20;
#endif
constexpr std::size_t kAlignment = 16;

constexpr std::size_t kPage = 4096;

// The linker puts the section at an address of its own, behind all others (CMakeLists.txt). Its place in the file is not aligned
// to 2 MB: where the page cache holds the file in pieces of that size the kernel would map all of it, for the tenth that a
// command uses.
[[gnu::section(".runt_heap")]] alignas(kPage) char heap[kHeapSize] = {};

// A piece starts at an address that the alignment divides, behind its head: the room that it has, in bytes. So the room of a
// small piece is a multiple of the alignment less the head.
using Head = std::size_t;

[[noreturn]] void Fail(const char* text) {
  // Standard error may be closed; there is nothing else to do then.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, std::strlen(text));
  std::abort();
}

bool IsInBlock(const void* memory) { return memory >= heap && memory < heap + kHeapSize; }

Head& HeadOf(void* memory) { return static_cast<Head*>(memory)[-1]; }

std::size_t UsableSize(const void* memory) { return memory == nullptr ? 0 : static_cast<const Head*>(memory)[-1]; }

std::size_t Rounded(std::size_t size) { return (size + sizeof(Head) + kAlignment - 1) / kAlignment * kAlignment - sizeof(Head); }

// How a command uses a piece of the snapshot, as a rehearsal has seen it. The pieces of each use lie together: those that are
// written to first, because each of their pages is copied; those that are read; and those of which a command may come across any.
// Few pages of the others are touched.
enum Use : std::uint8_t { kUnused, kByChance, kRead, kWritten };
constexpr std::size_t kUses = 4;

// The order of a rehearsal, while the snapshot is made. Pieces have numbers in the order in which they are allocated, which is
// the same in every build of the same sources.
struct Order {
  Use* uses;
  std::size_t count;
  // Where the next piece of each use goes, and the end of the room for them.
  std::size_t next[kUses];
  std::size_t end[kUses];
};

Order order = {};
// The number of the next piece.
std::size_t pieces = 0;

#ifdef RUNT_REHEARSAL
struct Piece {
  std::size_t at;
  std::size_t size;
};
// The last of several pieces at one address is the one that is there.
Piece allocated[1 << 20];
#endif

// The room that a piece takes with its head, wherever it is.
std::size_t RoomOf(std::size_t rounded) { return rounded + sizeof(Head); }

// The first address for a piece at or after `used`.
std::size_t Aligned(std::size_t used) { return (used + sizeof(Head) + kAlignment - 1) / kAlignment * kAlignment; }

std::size_t& NextPlace(Snapshot& snapshot, std::size_t rounded) {
  const Use use = pieces < order.count ? order.uses[pieces] : kUnused;
  if (use == kUnused) return snapshot.used;
  if (RoomOf(rounded) > order.end[use] - order.next[use]) Fail("runt: the order is that of another snapshot\n");
  return order.next[use];
}

void* AllocateInBlock(std::size_t size) {
  Snapshot& snapshot = TheSnapshot();
  if (snapshot.used == 0) snapshot.used = order.count == 0 ? Aligned(sizeof(Snapshot)) - sizeof(Head) : order.end[kByChance];
  const std::size_t rounded = Rounded(size);
  std::size_t& used = NextPlace(snapshot, rounded);
  const std::size_t at = Aligned(used);
  if (at > kHeapSize || rounded > kHeapSize - at) Fail("runt: the snapshot has grown: raise kHeapSize in heap.cc\n");
  void* memory = heap + at;
  HeadOf(memory) = rounded;
  used = at + rounded;
#ifdef RUNT_REHEARSAL
  if (pieces == sizeof allocated / sizeof *allocated) Fail("runt: the rehearsal has no room for so many pieces\n");
  allocated[pieces] = {at, rounded};
#endif
  ++pieces;
  return memory;
}

// The piece that was allocated last can grow, and its room can be used again; all others stay unchanged, and so does one that
// the order has placed.
bool IsLastInBlock(const void* memory) {
  return memory > heap + order.end[kByChance] &&
         static_cast<const char*>(memory) + UsableSize(memory) == heap + TheSnapshot().used;
}

constexpr std::size_t kLargestSmall = 1024;
// Larger pieces come from malloc, one by one.
#ifdef RUNT_EACH_FROM_MALLOC
constexpr std::size_t kSmall = 0;
#else
constexpr std::size_t kSmall = kLargestSmall - sizeof(Head);
#endif
// What is taken from malloc for small pieces at a time. Its pages are touched one after another.
constexpr std::size_t kRegion = 96 << 10;

// Small pieces that were released, by their size, each with the address of the next.
void* released[kLargestSmall / kAlignment + 1];
// What is left of the region.
char* region = nullptr;
char* region_end = nullptr;

bool IsSmall(std::size_t rounded) { return kSmall > 0 && rounded <= kSmall; }

void*& ReleasedOf(std::size_t rounded) { return released[(rounded + sizeof(Head)) / kAlignment]; }

void* AllocateLarge(std::size_t size, void* former) {
  if (size > SIZE_MAX - kAlignment) return nullptr;
  char* start =
      static_cast<char*>(std::realloc(former == nullptr ? nullptr : static_cast<char*>(former) - kAlignment, size + kAlignment));
  if (start == nullptr) return nullptr;
  void* memory = start + kAlignment;
  HeadOf(memory) = size;
  return memory;
}

// The engine frees and allocates the same few sizes all the time; malloc takes four times as long for that.
void* AllocateSmall(std::size_t rounded) {
  void*& first = ReleasedOf(rounded);
  if (first != nullptr) {
    void* memory = first;
    first = *static_cast<void**>(memory);
    return memory;
  }
  if (static_cast<std::size_t>(region_end - region) < rounded + kAlignment) {
    auto* fresh = static_cast<char*>(std::malloc(kRegion));
    if (fresh == nullptr) return nullptr;
    region = fresh + kAlignment - sizeof(Head);
    region_end = fresh + kRegion;
  }
  void* memory = region + sizeof(Head);
  HeadOf(memory) = rounded;
  region += rounded + sizeof(Head);
  return memory;
}

void* TryAllocate(std::size_t size) {
  if (!TheSnapshot().is_complete) return AllocateInBlock(size);
  if (kSmall > 0 && size <= kSmall) return AllocateSmall(Rounded(size));
  return AllocateLarge(size, nullptr);
}

void* AllocateFor(JSMallocState* state, std::size_t size) {
  void* memory = TryAllocate(size);
  if (memory == nullptr) return nullptr;
  ++state->malloc_count;
  state->malloc_size += UsableSize(memory);
  return memory;
}

void ReleaseFor(JSMallocState* state, void* memory) {
  if (memory == nullptr) return;
  --state->malloc_count;
  state->malloc_size -= UsableSize(memory);
  Release(memory);
}

void* ReallocateFor(JSMallocState* state, void* memory, std::size_t size) {
  if (memory == nullptr) return size == 0 ? nullptr : AllocateFor(state, size);
  if (size == 0) {
    ReleaseFor(state, memory);
    return nullptr;
  }
  const std::size_t before = UsableSize(memory);
  void* moved = nullptr;
  if (!IsInBlock(memory) && !IsSmall(before) && size > kSmall) {
    moved = AllocateLarge(size, memory);
  } else if (size <= before) {
    return memory;
  } else {
    moved = TryAllocate(size);
    if (moved != nullptr) {
      std::memcpy(moved, memory, before);
      Release(memory);
    }
  }
  if (moved != nullptr) state->malloc_size += UsableSize(moved) - before;
  return moved;
}

}  // namespace

Snapshot& TheSnapshot() { return *reinterpret_cast<Snapshot*>(heap); }

const char* HeapBlock() { return heap; }

bool UseOrder(const char* path) {
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) return false;
  std::size_t room[kUses] = {};
  bool good = std::fscanf(file, "pieces %zu written %zu read %zu by-chance %zu\n", &order.count, &room[kWritten], &room[kRead],
                          &room[kByChance]) == 4;
  order.uses = static_cast<Use*>(std::calloc(good ? order.count : 1, sizeof(Use)));
  good = good && order.uses != nullptr;
  char use = 0;
  std::size_t number = 0;
  while (good && std::fscanf(file, "%c %zu\n", &use, &number) == 2) {
    good = number < order.count && (use == 'w' || use == 'r' || use == 'c');
    if (good) order.uses[number] = use == 'w' ? kWritten : use == 'r' ? kRead : kByChance;
  }
  good = good && std::feof(file) != 0;
  std::fclose(file);
  std::size_t at = Aligned(sizeof(Snapshot)) - sizeof(Head);
  for (const Use each : {kWritten, kRead, kByChance}) {
    order.next[each] = at;
    order.end[each] = at += room[each];
  }
  return good;
}

bool IsInOrder() {
  if (order.count == 0) return true;
  bool is_full = pieces == order.count;
  for (const Use each : {kWritten, kRead, kByChance}) is_full = is_full && order.next[each] == order.end[each];
  return is_full;
}

void* Allocate(std::size_t size) {
  void* memory = TryAllocate(size == 0 ? 1 : size);
  if (memory == nullptr) Fail("runt: not enough memory\n");
  return memory;
}

void Release(void* memory) {
  if (memory == nullptr) return;
  if (IsInBlock(memory)) {
    if (!TheSnapshot().is_complete && IsLastInBlock(memory)) TheSnapshot().used -= sizeof(Head) + UsableSize(memory);
    return;
  }
  const std::size_t rounded = UsableSize(memory);
  if (!IsSmall(rounded)) {
    std::free(static_cast<char*>(memory) - kAlignment);
    return;
  }
  void*& first = ReleasedOf(rounded);
  *static_cast<void**>(memory) = first;
  first = memory;
}

#ifdef RUNT_REHEARSAL
namespace {

Touches touches_are = Touches::kNone;
// The use of each unit of the alignment.
Use touched[kHeapSize / kAlignment];

void Touch(const void* memory, std::size_t size, Use use) {
  if (touches_are == Touches::kNone || !IsInBlock(memory)) return;
  if (touches_are == Touches::kOfChance) use = kByChance;
  const auto first = static_cast<std::size_t>(static_cast<const char*>(memory) - heap);
  for (std::size_t unit = first / kAlignment; unit * kAlignment < first + size && unit < kHeapSize / kAlignment; ++unit) {
    if (touched[unit] < use) touched[unit] = use;
  }
}

Use UseOf(const Piece& piece) {
  Use use = kUnused;
  // A large table has pages of its own, of which a command uses some.
  if (piece.size > kPage) return use;
  for (std::size_t unit = piece.at / kAlignment; unit * kAlignment < piece.at + piece.size; ++unit) {
    if (touched[unit] > use) use = touched[unit];
  }
  return use;
}

}  // namespace

void CountTouches(Touches touches) { touches_are = touches; }

bool WriteOrder(const char* path) {
  // A piece whose room another one has got since counts as unused, as the other one does not.
  auto* last = static_cast<std::size_t*>(std::calloc(kHeapSize / kAlignment, sizeof(std::size_t)));
  std::FILE* file = last == nullptr ? nullptr : std::fopen(path, "w");
  if (file == nullptr) return false;
  for (std::size_t number = 0; number < pieces; ++number) last[allocated[number].at / kAlignment] = number;
  std::size_t room[kUses] = {};
  const auto use_of = [&](std::size_t number) {
    const Piece& piece = allocated[number];
    return last[piece.at / kAlignment] == number ? UseOf(piece) : kUnused;
  };
  for (std::size_t number = 0; number < pieces; ++number) room[use_of(number)] += RoomOf(allocated[number].size);
  std::fprintf(file, "pieces %zu written %zu read %zu by-chance %zu\n", pieces, room[kWritten], room[kRead], room[kByChance]);
  for (std::size_t number = 0; number < pieces; ++number) {
    const Use use = use_of(number);
    if (use != kUnused) std::fprintf(file, "%c %zu\n", use == kWritten ? 'w' : use == kRead ? 'r' : 'c', number);
  }
  std::free(last);
  return std::fclose(file) == 0;
}

// GCC calls these before each access, built with -fsanitize=kernel-address.
#define RUNT_ACCESS(size)                                                                 \
  extern "C" void __asan_load##size##_noabort(const void* at) { Touch(at, size, kRead); } \
  extern "C" void __asan_store##size##_noabort(const void* at) { Touch(at, size, kWritten); }
RUNT_ACCESS(1)
RUNT_ACCESS(2)
RUNT_ACCESS(4)
RUNT_ACCESS(8)
RUNT_ACCESS(16)
extern "C" void __asan_loadN_noabort(const void* at, std::size_t size) { Touch(at, size, kRead); }
extern "C" void __asan_storeN_noabort(const void* at, std::size_t size) { Touch(at, size, kWritten); }
extern "C" void __asan_handle_no_return() {}
#endif

const JSMallocFunctions kHeap = {AllocateFor, ReleaseFor, ReallocateFor, UsableSize};

}  // namespace runt::engine

// Objects that the addons make with `new` may be a part of the snapshot.
void* operator new(std::size_t size) { return runt::engine::Allocate(size); }
void* operator new[](std::size_t size) { return runt::engine::Allocate(size); }
void operator delete(void* memory) noexcept { runt::engine::Release(memory); }
void operator delete[](void* memory) noexcept { runt::engine::Release(memory); }
void operator delete(void* memory, std::size_t) noexcept { runt::engine::Release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { runt::engine::Release(memory); }
