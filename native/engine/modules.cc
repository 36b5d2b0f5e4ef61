#include <cstring>
#include <string>

#include "engine.h"
#include "program_format.h"

namespace runt::engine {
namespace {

std::string_view program;

struct Module {
  std::string_view name;
  std::string_view code;
};

// The module after `at`, which is moved behind it.
Module Next(std::size_t& at) {
  ModuleHead head;
  std::memcpy(&head, program.data() + at, sizeof head);
  at += sizeof head;
  const Module module = {program.substr(at, head.name_size), program.substr(at + head.name_size, head.code_size)};
  at += head.name_size + head.code_size;
  return module;
}

bool Find(std::string_view name, Module& out) {
  std::uint32_t count = 0;
  std::memcpy(&count, program.data(), sizeof count);
  std::size_t at = sizeof count;
  for (; count > 0; --count) {
    out = Next(at);
    if (out.name == name) return true;
  }
  return false;
}

JSValue Read(JSContext* context, std::string_view code) {
  return JS_ReadObject(context, reinterpret_cast<const std::uint8_t*>(code.data()), code.size(),
                       JS_READ_OBJ_BYTECODE);
}

// All modules lie side by side: "./name" is `name`, whoever imports it.
char* Normalize(JSContext* context, const char*, const char* name, void*) {
  if (std::strncmp(name, "./", 2) == 0) name += 2;
  return js_strdup(context, name);
}

JSModuleDef* Load(JSContext* context, const char* name, void*) {
  Module module;
  if (!Find(name, module)) {
    JS_ThrowReferenceError(context, "the program has no module '%s'", name);
    return nullptr;
  }
  JSValue value = Read(context, module.code);
  if (JS_IsException(value)) return nullptr;
  auto* definition = static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(value));
  JS_FreeValue(context, value);  // the context's list of modules holds it
  return definition;
}

// The first module, which nobody imports; null after an exception.
JSModuleDef* LoadFirst(JSContext* context, std::string_view code) {
  JSValue value = Read(context, code);
  if (JS_IsException(value) || JS_ResolveModule(context, value) < 0) return nullptr;
  return static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(value));
}

// Runs until the promise of a module's evaluation is settled; false after an exception.
bool Finish(JSContext* context, JSValue promise) {
  if (JS_IsException(promise) || !RunJobs(JS_GetRuntime(context))) return false;
  const JSPromiseStateEnum state = JS_PromiseState(context, promise);
  JSValue result = JS_PromiseResult(context, promise);
  JS_FreeValue(context, promise);
  if (state == JS_PROMISE_FULFILLED) {
    JS_FreeValue(context, result);
    return true;
  }
  if (state == JS_PROMISE_REJECTED) JS_Throw(context, result);
  else JS_ThrowInternalError(context, "a module waits for something that does not come");
  return false;
}

// loadModule("./name"): import(), which QuickJS lets only code with debugging facts call.
JSValue LoadModule(JSContext* context, JSValueConst, int argc, JSValueConst* argv) {
  if (argc < 1) return JS_ThrowTypeError(context, "loadModule: the name is missing");
  const Utf8 name(context, argv[0]);
  return name.good() ? JS_LoadModule(context, "", name.c_str()) : JS_EXCEPTION;
}

}  // namespace

void DefineLoadModule(JSContext* context) {
  JSValue global = JS_GetGlobalObject(context);
  JS_SetPropertyStr(context, global, "loadModule", JS_NewCFunction(context, LoadModule, "loadModule", 1));
  JS_FreeValue(context, global);
}

void UseModules(JSRuntime* runtime, std::string_view bytes) {
  program = bytes;
  JS_SetModuleLoaderFunc(runtime, Normalize, Load, nullptr);
}

JSValue LoadModules(JSContext* context) {
  std::uint32_t count = 0;
  std::memcpy(&count, program.data(), sizeof count);
  std::size_t at = sizeof count;
  JSValue first = JS_UNDEFINED;
  for (std::uint32_t index = 0; index < count; ++index) {
    const Module module = Next(at);
    JSModuleDef* definition = index == 0 ? LoadFirst(context, module.code) : nullptr;
    if (index == 0 && definition == nullptr) return JS_EXCEPTION;
    JSValue done = index == 0 ? JS_EvalFunction(context, JS_MKPTR(JS_TAG_MODULE, definition))
                              : JS_LoadModule(context, "", std::string(module.name).c_str());
    if (!Finish(context, done)) return JS_EXCEPTION;
    if (index == 0) first = JS_GetModuleNamespace(context, definition);
  }
  return first;
}

}  // namespace runt::engine
