// SPDX-License-Identifier: Apache-2.0
#include "heap.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

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

// Before each piece of the block.
struct alignas(kAlignment) Head {
  std::size_t size;
};

[[noreturn]] void Fail(const char* text) {
  // Standard error may be closed; there is nothing else to do then.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, std::strlen(text));
  std::abort();
}

bool IsInBlock(const void* memory) { return memory >= heap && memory < heap + kHeapSize; }

std::size_t SizeInBlock(const void* memory) { return static_cast<const Head*>(memory)[-1].size; }

std::size_t UsableSize(const void* memory) {
  if (memory == nullptr) return 0;
  return IsInBlock(memory) ? SizeInBlock(memory) : malloc_usable_size(const_cast<void*>(memory));
}

void* AllocateInBlock(std::size_t size) {
  Snapshot& snapshot = TheSnapshot();
  if (snapshot.used == 0) snapshot.used = sizeof(Snapshot);
  const std::size_t at = (snapshot.used + kAlignment - 1) / kAlignment * kAlignment;
  const std::size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  if (rounded > kHeapSize - at - sizeof(Head)) Fail("runt: the snapshot has grown: raise kHeapSize in heap.cc\n");
  auto* head = reinterpret_cast<Head*>(heap + at);
  head->size = rounded;
  snapshot.used = at + sizeof(Head) + rounded;
  return head + 1;
}

// The piece that was allocated last can grow, and its room can be used again; all others stay unchanged.
bool IsLastInBlock(const void* memory) {
  return static_cast<const char*>(memory) + SizeInBlock(memory) == heap + TheSnapshot().used;
}

void* TryAllocate(std::size_t size) { return TheSnapshot().is_complete ? std::malloc(size) : AllocateInBlock(size); }

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
  if (!IsInBlock(memory)) {
    moved = std::realloc(memory, size);
  } else if (size <= before) {
    return memory;
  } else {
    moved = TryAllocate(size);
    if (moved != nullptr) std::memcpy(moved, memory, before);
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
  if (!IsInBlock(memory)) {
    std::free(memory);
  } else if (!TheSnapshot().is_complete && IsLastInBlock(memory)) {
    TheSnapshot().used -= sizeof(Head) + SizeInBlock(memory);
  }
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
