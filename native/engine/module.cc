// SPDX-License-Identifier: Apache-2.0
#include "engine.h"

namespace runt::engine {
namespace {

// Runs until the promise of the module's evaluation is settled; false after an exception.
bool Finish(JSContext* context, JSValue promise) {
  if (JS_IsException(promise) || !RunJobs(JS_GetRuntime(context))) return false;
  const JSPromiseStateEnum state = JS_PromiseState(context, promise);
  JSValue result = JS_PromiseResult(context, promise);
  JS_FreeValue(context, promise);
  if (state == JS_PROMISE_FULFILLED) {
    JS_FreeValue(context, result);
    return true;
  }
  if (state == JS_PROMISE_REJECTED)
    JS_Throw(context, result);
  else
    JS_ThrowInternalError(context, "the module waits for something that does not come");
  return false;
}

}  // namespace

JSValue LoadModule(JSContext* context, std::string_view bytecode) {
  JSValue value =
      JS_ReadObject(context, reinterpret_cast<const std::uint8_t*>(bytecode.data()), bytecode.size(), JS_READ_OBJ_BYTECODE);
  // There is no loader: a module that still imports another one is an error of the build.
  if (JS_IsException(value) || JS_ResolveModule(context, value) < 0) return JS_EXCEPTION;
  auto* module = static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(value));
  if (!Finish(context, JS_EvalFunction(context, value))) return JS_EXCEPTION;
  return JS_GetModuleNamespace(context, module);
}

}  // namespace runt::engine
