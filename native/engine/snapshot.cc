// SPDX-License-Identifier: Apache-2.0
// The snapshot that the build makes in the program before it is installed (heap.h).

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>

#include "engine.h"
#include "heap.h"

// quickjs.c
extern "C" int RuntPrepareSnapshot(JSContext* context);

namespace runt::engine {
namespace {

constexpr int kFailed = 1;

bool ReadFile(const char* path, std::string& out) {
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return false;
  char part[1 << 16];
  for (std::size_t size; (size = std::fread(part, 1, sizeof part, file)) > 0;) out.append(part, size);
  const bool good = std::ferror(file) == 0;
  std::fclose(file);
  return good;
}

bool WriteFile(const char* path, const std::string& data) {
  std::FILE* file = std::fopen(path, "wb");
  if (file == nullptr) return false;
  const bool good = std::fwrite(data.data(), 1, data.size(), file) == data.size();
  const bool executable = fchmod(fileno(file), 0755) == 0;
  return std::fclose(file) == 0 && good && executable;
}

// The offset of the bytes at `address` in the executable; 0 if it has none.
std::size_t OffsetOf(const std::string& executable, const char* address) {
  Elf64_Ehdr head;
  std::memcpy(&head, executable.data(), sizeof head);
  for (unsigned index = 0; index < head.e_phnum; ++index) {
    Elf64_Phdr part;
    std::memcpy(&part, executable.data() + head.e_phoff + index * sizeof part, sizeof part);
    const auto at = reinterpret_cast<Elf64_Addr>(address);
    if (part.p_type == PT_LOAD && at >= part.p_vaddr && at < part.p_vaddr + part.p_filesz) {
      return part.p_offset + (at - part.p_vaddr);
    }
  }
  return 0;
}

// Deletes globals that the base objects and the typed arrays bring along; they have no group of their own.
void Forget(JSContext* context, std::initializer_list<const char*> names) {
  JSValue global = JS_GetGlobalObject(context);
  for (const char* name : names) {
    const JSAtom atom = JS_NewAtom(context, name);
    JS_DeleteProperty(context, global, atom, 0);
    JS_FreeAtom(context, atom);
  }
  JS_FreeValue(context, global);
}

// The part of the language's library that lib uses; tsconfig.engine.json gives the type checker the same list. The rest is left
// out, so that no fault in it can be reached: eval and Function(), Proxy, weak references, String.normalize, Atomics.
JSContext* NewContext(JSRuntime* runtime) {
  JSContext* context = JS_NewContextRaw(runtime);
  JS_AddIntrinsicBaseObjects(context);
  JS_AddIntrinsicDate(context);
  JS_AddIntrinsicRegExp(context);
  JS_AddIntrinsicJSON(context);
  JS_AddIntrinsicMapSet(context);
  JS_AddIntrinsicTypedArrays(context);
  JS_AddIntrinsicPromise(context);
  Forget(context, {"Atomics", "SharedArrayBuffer", "Function", "eval"});
  return context;
}

bool Load(Snapshot& snapshot, std::string_view program) {
  snapshot.runtime = JS_NewRuntime2(&kHeap, nullptr);
  snapshot.context = NewContext(snapshot.runtime);
  snapshot.process = DefineGlobals(snapshot.context);
  JSValue exports = LoadModule(snapshot.context, program);
  if (!JS_IsException(exports)) {
    snapshot.main = JS_GetPropertyStr(snapshot.context, exports, "main");
    JS_FreeValue(snapshot.context, exports);
    if (JS_IsFunction(snapshot.context, snapshot.main)) return true;
    JS_ThrowTypeError(snapshot.context, "the module exports no function \"main\"");
  }
  Complain(snapshot.context, JS_GetException(snapshot.context));
  return false;
}

}  // namespace

// Maps the file instead of reading it: memory that is allocated now becomes a part of the snapshot.
std::string_view MapFile(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat facts = {};
  if (fd < 0 || fstat(fd, &facts) < 0) return {};
  const auto size = static_cast<std::size_t>(facts.st_size);
  void* bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  return bytes == MAP_FAILED ? std::string_view() : std::string_view(static_cast<const char*>(bytes), size);
}

bool PrepareSnapshot(const char* program_path, const char* order) {
  const std::string_view program = MapFile(program_path);
  if (program.empty()) {
    std::perror(program_path);
    return false;
  }
  if (order != nullptr && !UseOrder(order)) {
    std::fprintf(stderr, "%s is no order of a rehearsal\n", order);
    return false;
  }
  Snapshot& snapshot = TheSnapshot();
  if (!Load(snapshot, program) || RuntPrepareSnapshot(snapshot.context) < 0) return false;
  snapshot.is_complete = true;
  if (IsInOrder()) return true;
  std::fprintf(stderr, "%s is the order of another program\n", order);
  return false;
}

int MakeSnapshot(const char* program, const char* output, const char* order) {
  if (!PrepareSnapshot(program, order)) return kFailed;
  const Snapshot& snapshot = TheSnapshot();
  std::string executable;
  if (!ReadFile("/proc/self/exe", executable)) {
    std::perror("/proc/self/exe");
    return kFailed;
  }
  const std::size_t offset = OffsetOf(executable, HeapBlock());
  if (offset == 0) {
    std::fputs("the executable has no place for the snapshot\n", stderr);
    return kFailed;
  }
  std::memcpy(executable.data() + offset, HeapBlock(), snapshot.used);
  if (!WriteFile(output, executable)) {
    std::perror(output);
    return kFailed;
  }
  std::printf("snapshot: %zu KiB\n", snapshot.used / 1024);
  return 0;
}

}  // namespace runt::engine
