// SPDX-License-Identifier: Apache-2.0
// A rehearsal: commands run from the snapshot with a made-up host beneath them, so that the build knows which pieces of the
// snapshot a command uses, and can place them together (heap.cc). Only a program that is built for that has it.

#ifdef RUNT_REHEARSAL

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine.h"
#include "heap.h"

// quickjs.c
extern "C" void RuntLookAtShapes(JSRuntime* runtime);

namespace runt::engine {
namespace {

constexpr int kFailed = 1;
constexpr int kMostFunctions = 1024;

// Not in the block, and not freed.
const char* names[kMostFunctions];

// The object whose members are the functions of the made-up host; undefined while no command runs.
JSValue host = JS_UNDEFINED;
// Whether a command called what the host lacks.
bool is_incomplete = false;

// Runs a command line until nothing is left to do: begin(host, ...words).
JSValue Begin(JSContext* context, JSValueConst, int argc, JSValueConst* argv) {
  std::vector<char*> words;
  for (int index = 1; index < argc; ++index) {
    const Utf8 word(context, argv[index]);
    if (!word.good()) return JS_EXCEPTION;
    words.push_back(strdup(word.c_str()));
  }
  words.push_back(nullptr);
  char* environment[] = {nullptr};
  Snapshot& snapshot = TheSnapshot();
  host = argv[0];
  CountTouches(Touches::kOfCommand);
  SetProcess(context, snapshot.process, argc - 1, words.data(), environment, 0);
  JSValue done = JS_Call(context, snapshot.main, JS_UNDEFINED, 0, nullptr);
  const bool good = !JS_IsException(done) && RunJobs(snapshot.runtime);
  CountTouches(Touches::kNone);
  host = JS_UNDEFINED;
  return good ? JS_UNDEFINED : JS_ThrowInternalError(context, "the command failed");
}

bool Run(JSContext* context, const char* path) {
  JSValue exports = LoadModule(context, MapFile(path));
  if (JS_IsException(exports)) return false;
  JSValue rehearse = JS_GetPropertyStr(context, exports, "main");
  JSValue begin = JS_NewCFunction(context, Begin, "begin", 1);
  JSValueConst arguments[] = {begin};
  return !JS_IsException(JS_Call(context, rehearse, JS_UNDEFINED, 1, arguments));
}

}  // namespace

void Remember(int index, const char* name) {
  if (index < kMostFunctions) names[index] = strdup(name);
}

bool Answer(JSContext* context, int index, int argc, JSValueConst* argv, JSValue& answer) {
  const char* name = index < kMostFunctions ? names[index] : "";
  // The seccomp addon's functions have no names, and look at nothing of the host.
  if (JS_IsUndefined(host) || *name == '\0') return false;
  CountTouches(Touches::kNone);
  JSValue function = JS_GetPropertyStr(context, host, name);
  const bool is_answered = !JS_IsBool(function);
  if (JS_IsFunction(context, function)) {
    answer = JS_Call(context, function, host, argc, argv);
  } else if (is_answered) {
    is_incomplete = true;
    std::fprintf(stderr, "rehearsal: the host lacks \"%s\" (%d)\n", name, index);
    answer = JS_NewInt32(context, 0);
  }
  JS_FreeValue(context, function);
  CountTouches(Touches::kOfCommand);
  return is_answered;
}

int Rehearse(const char* program, const char* rehearsal, const char* path) {
  if (!PrepareSnapshot(program, nullptr)) return kFailed;
  JSRuntime* runtime = TheSnapshot().runtime;
  JSContext* context = TheSnapshot().context;
  JS_UpdateStackTop(runtime);
  JS_SetGCThreshold(runtime, static_cast<size_t>(-1));
  if (!Run(context, rehearsal)) {
    Complain(context, JS_GetException(context));
    return kFailed;
  }
  if (is_incomplete) return kFailed;
  CountTouches(Touches::kOfChance);
  RuntLookAtShapes(runtime);
  CountTouches(Touches::kNone);
  if (WriteOrder(path)) return 0;
  std::perror(path);
  return kFailed;
}

}  // namespace runt::engine

#endif
