// SPDX-License-Identifier: Apache-2.0
// The memory of the engine, and the snapshot of it that the build makes.
//
// To read the bytecode of lib and to evaluate it takes twice as long as all that a short command does after
// that. So the build does it once: snapshot.cc loads the module, with everything that they need in one block of the
// program's data (kHeapSize at a fixed address), and writes the program with that block filled. The program that is
// installed finds the block as it was left, mapped from its file like any other data; a page is copied when it is
// written to. Pointers in it stay true because the program is linked to fixed addresses and all its own state lies in
// the block: QuickJS keeps none elsewhere, and what this directory keeps is reached through Snapshot.
#ifndef RUNT_ENGINE_HEAP_H_
#define RUNT_ENGINE_HEAP_H_

#include <cstddef>
#include <cstdint>

extern "C" {
#include <quickjs.h>
}

struct napi_env__;

namespace runt::engine {

// What the program finds at its start.
struct Snapshot {
  // Set when the snapshot is complete: from then on memory comes from malloc, and what lies in the block is never
  // given back.
  bool is_complete;
  std::size_t used;
  JSRuntime* runtime;
  JSContext* context;
  napi_env__* environment;
  // The object `process`, and what the module exports as `main`.
  JSValue process;
  JSValue main;
};

Snapshot& TheSnapshot();

// The block with the snapshot at its start; of it `used` bytes are of interest.
const char* HeapBlock();

// Never null: without memory the program says so and ends.
void* Allocate(std::size_t size);
void Release(void* memory);

// For JS_NewRuntime2.
extern const JSMallocFunctions kHeap;

}  // namespace runt::engine

#endif  // RUNT_ENGINE_HEAP_H_
