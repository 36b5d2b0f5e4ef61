// SPDX-License-Identifier: Apache-2.0
#include "heap.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace runt::engine {
namespace {

#ifdef RUNT_HEAP_SIZE
constexpr std::size_t kHeapSize = RUNT_HEAP_SIZE;
#else
constexpr std::size_t kHeapSize = 4 << 20;
#endif
constexpr std::size_t kAlignment = 16;

// The linker puts the section at an address of its own, behind all others (CMakeLists.txt). Aligned, in the file too, to
// the largest piece in which the page cache can hold it (ReadInLargePieces).
constexpr std::size_t kLargePiece = 2 << 20;
[[gnu::section(".runt_heap")]] alignas(kLargePiece) char heap[kHeapSize] = {};

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

void* AllocateInBlock(std::size_t size) {
  Snapshot& snapshot = TheSnapshot();
  if (snapshot.used == 0) snapshot.used = sizeof(Snapshot);
  const std::size_t at = (snapshot.used + sizeof(Head) + kAlignment - 1) / kAlignment * kAlignment;
  const std::size_t rounded = Rounded(size);
  if (at > kHeapSize || rounded > kHeapSize - at) Fail("runt: the snapshot has grown: raise kHeapSize in heap.cc\n");
  void* memory = heap + at;
  HeadOf(memory) = rounded;
  snapshot.used = at + rounded;
  return memory;
}

// The piece that was allocated last can grow, and its room can be used again; all others stay unchanged.
bool IsLastInBlock(const void* memory) {
  return static_cast<const char*>(memory) + UsableSize(memory) == heap + TheSnapshot().used;
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

// Asks the kernel to read the block from the disk in large pieces, if it is not in the page cache: otherwise it reads
// small ones, and mapping those costs 0.2 ms in every start from then on. This runs before all constructors, which may
// read the block.
void ReadInLargePieces(int, char**, char**) { madvise(heap, kHeapSize, MADV_HUGEPAGE); }
[[gnu::section(".preinit_array"), gnu::used]] void (*const before_all)(int, char**, char**) = ReadInLargePieces;

}  // namespace

Snapshot& TheSnapshot() { return *reinterpret_cast<Snapshot*>(heap); }

const char* HeapBlock() { return heap; }

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

const JSMallocFunctions kHeap = {AllocateFor, ReleaseFor, ReallocateFor, UsableSize};

}  // namespace runt::engine

// Objects that the addons make with `new` may be a part of the snapshot.
void* operator new(std::size_t size) { return runt::engine::Allocate(size); }
void* operator new[](std::size_t size) { return runt::engine::Allocate(size); }
void operator delete(void* memory) noexcept { runt::engine::Release(memory); }
void operator delete[](void* memory) noexcept { runt::engine::Release(memory); }
void operator delete(void* memory, std::size_t) noexcept { runt::engine::Release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { runt::engine::Release(memory); }
