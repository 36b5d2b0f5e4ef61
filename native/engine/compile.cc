// SPDX-License-Identifier: Apache-2.0
// A tool of the build: compile OUTPUT FILE compiles a JavaScript module, which imports no other, to QuickJS bytecode.

#include <cstdio>
#include <cstring>
#include <string>

#include "engine.h"

namespace {

bool ReadFile(const char* path, std::string& out) {
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) return false;
  char part[1 << 16];
  for (size_t size; (size = std::fread(part, 1, sizeof part, file)) > 0;) out.append(part, size);
  const bool good = std::ferror(file) == 0;
  std::fclose(file);
  return good;
}

void Complain(JSContext* context, const char* path) {
  JSValue error = JS_GetException(context);
  const char* text = JS_ToCString(context, error);
  std::fprintf(stderr, "%s: %s\n", path, text == nullptr ? "cannot be compiled" : text);
}

bool Compile(const char* path, std::string& bytecode) {
  std::string source;
  if (!ReadFile(path, source)) {
    std::perror(path);
    return false;
  }
  const char* slash = std::strrchr(path, '/');
  const char* name = slash == nullptr ? path : slash + 1;
  JSRuntime* runtime = JS_NewRuntime();
  // Line numbers of a minified program are of no use, and they are a third of the bytecode.
  JS_SetStripInfo(runtime, JS_STRIP_DEBUG | JS_STRIP_SOURCE);
  JSContext* context = JS_NewContext(runtime);
  JSValue module = JS_Eval(context, source.c_str(), source.size(), name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
  size_t size = 0;
  uint8_t* code = JS_IsException(module) ? nullptr : JS_WriteObject(context, &size, module, JS_WRITE_OBJ_BYTECODE);
  if (code == nullptr) {
    Complain(context, path);
    return false;
  }
  bytecode.assign(reinterpret_cast<const char*>(code), size);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: compile OUTPUT FILE\n");
    return 2;
  }
  std::string bytecode;
  if (!Compile(argv[2], bytecode)) return 1;
  std::FILE* output = std::fopen(argv[1], "wb");
  if (output == nullptr || std::fwrite(bytecode.data(), 1, bytecode.size(), output) != bytecode.size() ||
      std::fclose(output) != 0) {
    std::perror(argv[1]);
    return 1;
  }
  return 0;
}
