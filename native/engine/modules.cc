#include <cstring>

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

JSValue RunFirstModule(JSContext* context) {
  std::size_t at = sizeof(std::uint32_t);
  JSValue module = Read(context, Next(at).code);
  if (JS_IsException(module)) return module;
  if (JS_ResolveModule(context, module) < 0) {
    JS_FreeValue(context, module);
    return JS_EXCEPTION;
  }
  return JS_EvalFunction(context, module);
}

}  // namespace runt::engine
