// SPDX-License-Identifier: Apache-2.0
// The memory of the engine, and the snapshot of it that the build makes.
//
// Reading and evaluating the bytecode of lib takes twice as long as all the work of a short command after that. So
// the build does it once: snapshot.cc loads the module, with all its memory in one block of the program's data
// (kHeapSize at a fixed address), and writes the program with that block filled. The installed program finds the
// block as it was left, mapped from its file like any other data; a page is copied when it is written to. Pointers
// in it stay valid because the program is linked to fixed addresses and all its own state lies in the block: QuickJS
// keeps no state elsewhere, and Snapshot leads to the state of this directory.
#ifndef RUNT_ENGINE_HEAP_H_
#define RUNT_ENGINE_HEAP_H_

#include <cstddef>
#include <cstdint>

extern "C" {
#include <quickjs.h>
}

struct napi_env__;

namespace runt::engine {

// The state that the program finds at its start.
struct Snapshot {
  // Set when the snapshot is complete: from then on memory comes from outside of the block, and memory in the block is never
  // freed.
  bool is_complete;
  std::size_t used;
  JSRuntime* runtime;
  JSContext* context;
  napi_env__* environment;
  // The object `process`, and the module's export `main`.
  JSValue process;
  JSValue main;
};

Snapshot& TheSnapshot();

// The block with the snapshot at its start; its first `used` bytes are in use.
const char* HeapBlock();

// Places the pieces that a rehearsal has used apart from all others: `path` is what WriteOrder has written. Before the first
// piece is allocated. False if the file cannot be read.
bool UseOrder(const char* path);

// Whether the pieces of the snapshot are those of the rehearsal, and stand where its order wants them.
bool IsInOrder();

#ifdef RUNT_REHEARSAL
// As what an access counts: as nothing, as a command's, or as one that a command may come to make.
enum class Touches { kNone, kOfCommand, kOfChance };

// Counts all accesses from now on so.
void CountTouches(Touches touches);

// Writes down which pieces were used; false if it cannot.
bool WriteOrder(const char* path);
#endif

// Never null: without memory the program reports that and ends.
void* Allocate(std::size_t size);
void Release(void* memory);

// For JS_NewRuntime2.
extern const JSMallocFunctions kHeap;

}  // namespace runt::engine

#endif  // RUNT_ENGINE_HEAP_H_
