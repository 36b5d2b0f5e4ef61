// SPDX-License-Identifier: Apache-2.0
// The program dist/bin/runt: TypeScript, compiled to bytecode, in QuickJS. The files of this directory give JavaScript its
// surroundings there: its module, the globals that lib uses, and Node-API for the addons, which are linked in.
#ifndef RUNT_ENGINE_ENGINE_H_
#define RUNT_ENGINE_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" {
#include <quickjs.h>
}

namespace runt::engine {

// snapshot.cc. Loads the program in the file `program`, which compile.cc has written, and writes a copy of this
// executable to `output` that starts with it. `order` is the file that a rehearsal has written, or null. Returns the exit status.
int MakeSnapshot(const char* program, const char* output, const char* order);

// snapshot.cc. Makes the snapshot in this process alone; false after an error, which it prints.
bool PrepareSnapshot(const char* program, const char* order);

// snapshot.cc. The bytes of a file, mapped; empty if it cannot be read.
std::string_view MapFile(const char* path);

#ifdef RUNT_REHEARSAL
// rehearsal.cc. Makes the snapshot of `program`, lets the module in the file `rehearsal` run its commands, and writes to `order`
// which pieces these have used. Returns the exit status.
int Rehearse(const char* program, const char* rehearsal, const char* order);

// rehearsal.cc. The name of an addon's function.
void Remember(int index, const char* name);

// rehearsal.cc. The answer of the rehearsal's host to a call of that function; false while no rehearsal runs.
bool Answer(JSContext* context, int index, int argc, JSValueConst* argv, JSValue& answer);
#endif

// module.cc. Evaluates a module, which imports no other; its exports, or an exception.
JSValue LoadModule(JSContext* context, std::string_view bytecode);

// globals.cc: `process`, TextEncoder and TextDecoder, as far as lib uses them. Returns the object `process` without the
// members that SetProcess adds.
JSValue DefineGlobals(JSContext* context);
// Sets arguments, environment and all other values that are known only when the program runs.
void SetProcess(JSContext* context, JSValueConst process, int argc, char** argv, char** environment, int inherited_fds);

// The function that `process.whenIdle` was given; JS_UNDEFINED before that.
extern JSValue idle;

// A string from bytes that need not be UTF-8, such as a file name: each byte that is not becomes U+FFFD.
JSValue Text(JSContext* context, std::string_view bytes);

// main.cc. Runs all waiting jobs until none is left; false after an exception, which it prints on standard error.
bool RunJobs(JSRuntime* runtime);
void Complain(JSContext* context, JSValue error);

// node_api.cc. The exports of a linked-in addon ("runt.node"), or an exception.
JSValue LoadAddon(JSContext* context, std::string_view name);

// The bytes of a string as UTF-8, each lone surrogate as U+FFFD, which is as long as QuickJS's own encoding of it.
class Utf8 {
 public:
  Utf8(JSContext* context, JSValueConst value);
  ~Utf8();
  Utf8(const Utf8&) = delete;
  Utf8& operator=(const Utf8&) = delete;

  // False after an exception.
  [[nodiscard]] bool good() const { return text_ != nullptr; }
  [[nodiscard]] std::string_view view() const { return {text_, size_}; }
  [[nodiscard]] const char* c_str() const { return text_; }

 private:
  JSContext* context_;
  std::size_t size_ = 0;
  const char* text_;  // after the size, which its making sets
};

}  // namespace runt::engine

#endif  // RUNT_ENGINE_ENGINE_H_
