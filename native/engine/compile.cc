// A tool of the build: compile OUTPUT FILE... compiles JavaScript modules to QuickJS bytecode, in one file. The first
// is the one that the program starts with. A module is imported by its file's name.

#include <cstdio>
#include <cstring>
#include <string>

#include "engine.h"
#include "program_format.h"

namespace {

using runt::engine::ModuleHead;

bool ReadFile(const char* path, std::string& out) {
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return false;
  char part[1 << 16];
  for (size_t size; (size = std::fread(part, 1, sizeof part, file)) > 0;) out.append(part, size);
  const bool good = std::ferror(file) == 0;
  std::fclose(file);
  return good;
}

// Imports are resolved when the program runs; to compile, it is enough that a module of the name exists.
JSModuleDef* AnyModule(JSContext* context, const char* name, void*) {
  return JS_NewCModule(context, name, [](JSContext*, JSModuleDef*) { return 0; });
}

void Complain(JSContext* context, const char* path) {
  JSValue error = JS_GetException(context);
  const char* text = JS_ToCString(context, error);
  std::fprintf(stderr, "%s: %s\n", path, text == nullptr ? "cannot be compiled" : text);
}

bool Compile(const char* path, std::string& program) {
  std::string source;
  if (!ReadFile(path, source)) {
    std::perror(path);
    return false;
  }
  const char* slash = std::strrchr(path, '/');
  const char* name = slash == nullptr ? path : slash + 1;
  JSRuntime* runtime = JS_NewRuntime();
  // Nobody reads line numbers of a minified program, and they are a third of the bytecode.
  JS_SetStripInfo(runtime, JS_STRIP_DEBUG | JS_STRIP_SOURCE);
  JS_SetModuleLoaderFunc(runtime, nullptr, AnyModule, nullptr);
  JSContext* context = JS_NewContext(runtime);
  JSValue module = JS_Eval(context, source.c_str(), source.size(), name,
                           JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
  size_t size = 0;
  uint8_t* code = JS_IsException(module) ? nullptr
                                         : JS_WriteObject(context, &size, module, JS_WRITE_OBJ_BYTECODE);
  if (code == nullptr) {
    Complain(context, path);
    return false;
  }
  const ModuleHead head = {static_cast<std::uint32_t>(std::strlen(name)), static_cast<std::uint32_t>(size)};
  program.append(reinterpret_cast<const char*>(&head), sizeof head);
  program.append(name);
  program.append(reinterpret_cast<const char*>(code), size);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: compile OUTPUT FILE...\n");
    return 2;
  }
  const auto count = static_cast<std::uint32_t>(argc - 2);
  std::string program(reinterpret_cast<const char*>(&count), sizeof count);
  for (int index = 2; index < argc; ++index) {
    if (!Compile(argv[index], program)) return 1;
  }
  std::FILE* output = std::fopen(argv[1], "wb");
  if (output == nullptr || std::fwrite(program.data(), 1, program.size(), output) != program.size() ||
      std::fclose(output) != 0) {
    std::perror(argv[1]);
    return 1;
  }
  return 0;
}
