// SPDX-License-Identifier: Apache-2.0
// Node-API on QuickJS: the functions that the addons use, as Node's documentation defines them. There is one environment,
// and addons are linked in instead of loaded.

#include <node_api.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "engine.h"
#include "heap.h"

using runt::engine::Utf8;

// The value behind a napi_value lives until the scope closes in which it was made.
struct napi_env__ {
  JSContext* context = nullptr;
  // The error that an addon has thrown and JavaScript has not got yet.
  JSValue exception = JS_UNDEFINED;
  bool is_pending = false;
  napi_extended_error_info last = {};
  // A deque, because its elements stay where they are.
  std::deque<JSValue> handles;
  struct Function {
    napi_callback callback;
    void* data;
  };
  std::vector<Function> functions;
  // QuickJS's numbers for the classes of typed arrays.
  JSClassID uint8_array = 0;
  JSClassID int32_array = 0;
};

struct napi_ref__ {
  JSValue value;
};

struct napi_callback_info__ {
  JSValueConst self;
  int argc;
  JSValueConst* argv;
  void* data;
};

struct napi_handle_scope__;

namespace {

napi_env__& Environment() { return *runt::engine::TheSnapshot().environment; }

napi_status Done(napi_env env, napi_status status) {
  env->last = {.error_message = nullptr, .engine_reserved = nullptr, .engine_error_code = 0, .error_code = status};
  return status;
}

// Gives `value`, which is owned, to the open scope.
napi_value Handle(napi_env env, JSValue value) {
  env->handles.push_back(value);
  return reinterpret_cast<napi_value>(&env->handles.back());
}

JSValueConst Value(napi_value value) { return *reinterpret_cast<JSValue*>(value); }

void CloseScope(napi_env env, size_t height) {
  while (env->handles.size() > height) {
    JS_FreeValue(env->context, env->handles.back());
    env->handles.pop_back();
  }
}

// Keeps the exception that QuickJS has thrown, for the addon's caller.
napi_status Thrown(napi_env env) {
  JS_FreeValue(env->context, env->exception);
  env->exception = JS_GetException(env->context);
  env->is_pending = true;
  return Done(env, napi_pending_exception);
}

// `value` is owned.
napi_status Result(napi_env env, JSValue value, napi_value* result) {
  if (JS_IsException(value)) return Thrown(env);
  *result = Handle(env, value);
  return Done(env, napi_ok);
}

JSValue Call(JSContext* context, JSValueConst self, int argc, JSValueConst* argv, int index) {
  napi_env env = &Environment();
  const size_t height = env->handles.size();
  const napi_env__::Function function = env->functions[static_cast<size_t>(index)];
#ifdef RUNT_REHEARSAL
  JSValue answer = JS_UNDEFINED;
  if (runt::engine::Answer(context, index, argc, argv, answer)) return answer;
#endif
  napi_callback_info__ info = {self, argc, argv, function.data};
  napi_value result = function.callback(env, &info);
  JSValue value = result == nullptr ? JS_UNDEFINED : JS_DupValue(context, Value(result));
  CloseScope(env, height);
  if (!env->is_pending) return value;
  JS_FreeValue(context, value);
  env->is_pending = false;
  JSValue error = env->exception;
  env->exception = JS_UNDEFINED;
  return JS_Throw(context, error);
}

JSValue NewFunction(napi_env env, const char* name, napi_callback callback, void* data) {
  const auto index = static_cast<int>(env->functions.size());
  env->functions.push_back({callback, data});
#ifdef RUNT_REHEARSAL
  runt::engine::Remember(index, name);
#endif
  return JS_NewCFunctionMagic(env->context, Call, name, 0, JS_CFUNC_generic_magic, index);
}

JSClassID ClassOf(JSContext* context, JSTypedArrayEnum type) {
  JSValue length = JS_NewInt32(context, 0);
  JSValueConst arguments[] = {length, JS_UNDEFINED, JS_UNDEFINED};
  JSValue array = JS_NewTypedArray(context, 3, arguments, type);
  const JSClassID id = JS_GetClassID(array);
  JS_FreeValue(context, array);
  return id;
}

// An error of the global class `name`.
napi_status NewError(napi_env env, const char* name, napi_value code, napi_value message, napi_value* result) {
  JSContext* context = env->context;
  JSValue global = JS_GetGlobalObject(context);
  JSValue constructor = JS_GetPropertyStr(context, global, name);
  JS_FreeValue(context, global);
  JSValueConst arguments[] = {Value(message)};
  JSValue error = JS_CallConstructor(context, constructor, 1, arguments);
  JS_FreeValue(context, constructor);
  if (!JS_IsException(error) && code != nullptr) {
    JS_SetPropertyStr(context, error, "code", JS_DupValue(context, Value(code)));
  }
  return Result(env, error, result);
}

struct Addon {
  const char* name;
  napi_value (*initialize)(napi_env env, napi_value exports);
};

}  // namespace

// The build gives each addon's entry point a name of its own.
extern "C" napi_value runt_addon_register(napi_env env, napi_value exports);
extern "C" napi_value runt_seccomp_register(napi_env env, napi_value exports);

JSValue runt::engine::LoadAddon(JSContext* context, std::string_view name) {
  static constexpr Addon kAddons[] = {
      {"runt.node", runt_addon_register},
#ifdef RUNT_HAVE_SECCOMP
      {"seccomp.node", runt_seccomp_register},
#endif
  };
  napi_env& env = TheSnapshot().environment;
  if (env == nullptr) {
    env = new napi_env__;
    env->context = context;
    env->uint8_array = ClassOf(context, JS_TYPED_ARRAY_UINT8);
    env->int32_array = ClassOf(context, JS_TYPED_ARRAY_INT32);
  }
  for (const Addon& addon : kAddons) {
    if (name != addon.name) continue;
    const size_t height = env->handles.size();
    napi_value exports = addon.initialize(env, Handle(env, JS_NewObject(context)));
    JSValue value = JS_DupValue(context, Value(exports));
    CloseScope(env, height);
    return value;
  }
  return JS_ThrowReferenceError(context, "the program has no addon %.*s", static_cast<int>(name.size()), name.data());
}

extern "C" {

// Errors

napi_status napi_get_last_error_info(node_api_basic_env env, const napi_extended_error_info** result) {
  *result = &env->last;
  return napi_ok;
}

napi_status napi_create_error(napi_env env, napi_value code, napi_value message, napi_value* result) {
  return NewError(env, "Error", code, message, result);
}

napi_status napi_create_type_error(napi_env env, napi_value code, napi_value message, napi_value* result) {
  return NewError(env, "TypeError", code, message, result);
}

napi_status napi_throw(napi_env env, napi_value error) {
  JS_FreeValue(env->context, env->exception);
  env->exception = JS_DupValue(env->context, Value(error));
  env->is_pending = true;
  return Done(env, napi_ok);
}

napi_status napi_is_exception_pending(napi_env env, bool* result) {
  *result = env->is_pending;
  return Done(env, napi_ok);
}

napi_status napi_get_and_clear_last_exception(napi_env env, napi_value* result) {
  *result = Handle(env, env->exception);
  env->exception = JS_UNDEFINED;
  env->is_pending = false;
  return Done(env, napi_ok);
}

void napi_fatal_error(const char* location, size_t location_size, const char* message, size_t message_size) {
  const auto size = [](const char* text, size_t given) {
    return static_cast<int>(given == NAPI_AUTO_LENGTH ? std::strlen(text) : given);
  };
  std::fprintf(stderr, "runt: internal error: %.*s: %.*s\n", size(location, location_size), location, size(message, message_size),
               message);
  std::abort();
}

// Scopes and references

napi_status napi_open_handle_scope(napi_env env, napi_handle_scope* result) {
  // A scope is the number of handles before it.
  *result = reinterpret_cast<napi_handle_scope>(env->handles.size());
  return Done(env, napi_ok);
}

napi_status napi_close_handle_scope(napi_env env, napi_handle_scope scope) {
  CloseScope(env, reinterpret_cast<size_t>(scope));
  return Done(env, napi_ok);
}

// Only strong references: the addons make no others.
napi_status napi_create_reference(napi_env env, napi_value value, uint32_t count, napi_ref* result) {
  if (count == 0) return Done(env, napi_invalid_arg);
  *result = new napi_ref__{JS_DupValue(env->context, Value(value))};
  return Done(env, napi_ok);
}

napi_status napi_delete_reference(node_api_basic_env env, napi_ref ref) {
  JS_FreeValue(env->context, ref->value);
  delete ref;
  return napi_ok;
}

napi_status napi_get_reference_value(napi_env env, napi_ref ref, napi_value* result) {
  *result = Handle(env, JS_DupValue(env->context, ref->value));
  return Done(env, napi_ok);
}

// Functions

napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* argc, napi_value* argv, napi_value* self,
                             void** data) {
  if (argc != nullptr) {
    const auto given = static_cast<size_t>(info->argc);
    for (size_t index = 0; argv != nullptr && index < *argc; ++index) {
      argv[index] = Handle(env, index < given ? JS_DupValue(env->context, info->argv[index]) : JS_UNDEFINED);
    }
    *argc = given;
  }
  if (self != nullptr) *self = Handle(env, JS_DupValue(env->context, info->self));
  if (data != nullptr) *data = info->data;
  return Done(env, napi_ok);
}

napi_status napi_create_function(napi_env env, const char* name, size_t, napi_callback callback, void* data, napi_value* result) {
  return Result(env, NewFunction(env, name == nullptr ? "" : name, callback, data), result);
}

napi_status napi_define_properties(napi_env env, napi_value object, size_t count, const napi_property_descriptor* properties) {
  for (size_t index = 0; index < count; ++index) {
    const napi_property_descriptor& property = properties[index];
    // The addons define methods and values by name, nothing else.
    if (property.utf8name == nullptr || property.getter != nullptr || property.setter != nullptr) {
      return Done(env, napi_invalid_arg);
    }
    JSValue value = property.method != nullptr ? NewFunction(env, property.utf8name, property.method, property.data)
                                               : JS_DupValue(env->context, Value(property.value));
    int flags = 0;
    if ((property.attributes & napi_writable) != 0) flags |= JS_PROP_WRITABLE;
    if ((property.attributes & napi_enumerable) != 0) flags |= JS_PROP_ENUMERABLE;
    if ((property.attributes & napi_configurable) != 0) flags |= JS_PROP_CONFIGURABLE;
    if (JS_DefinePropertyValueStr(env->context, Value(object), property.utf8name, value, flags) < 0) {
      return Thrown(env);
    }
  }
  return Done(env, napi_ok);
}

// Objects and arrays

napi_status napi_create_object(napi_env env, napi_value* result) { return Result(env, JS_NewObject(env->context), result); }

napi_status napi_create_array(napi_env env, napi_value* result) { return Result(env, JS_NewArray(env->context), result); }

napi_status napi_create_array_with_length(napi_env env, size_t length, napi_value* result) {
  JSValue array = JS_NewArray(env->context);
  if (!JS_IsException(array)) {
    JS_SetPropertyStr(env->context, array, "length", JS_NewInt64(env->context, static_cast<int64_t>(length)));
  }
  return Result(env, array, result);
}

napi_status napi_is_array(napi_env env, napi_value value, bool* result) {
  *result = JS_IsArray(env->context, Value(value)) > 0;
  return Done(env, napi_ok);
}

napi_status napi_get_array_length(napi_env env, napi_value value, uint32_t* result) {
  JSValue length = JS_GetPropertyStr(env->context, Value(value), "length");
  if (JS_IsException(length) || JS_ToUint32(env->context, result, length) < 0) return Thrown(env);
  JS_FreeValue(env->context, length);
  return Done(env, napi_ok);
}

napi_status napi_get_element(napi_env env, napi_value object, uint32_t index, napi_value* result) {
  return Result(env, JS_GetPropertyUint32(env->context, Value(object), index), result);
}

napi_status napi_set_element(napi_env env, napi_value object, uint32_t index, napi_value value) {
  JSValue owned = JS_DupValue(env->context, Value(value));
  if (JS_SetPropertyUint32(env->context, Value(object), index, owned) < 0) return Thrown(env);
  return Done(env, napi_ok);
}

napi_status napi_get_property(napi_env env, napi_value object, napi_value key, napi_value* result) {
  const JSAtom atom = JS_ValueToAtom(env->context, Value(key));
  if (atom == JS_ATOM_NULL) return Thrown(env);
  JSValue value = JS_GetProperty(env->context, Value(object), atom);
  JS_FreeAtom(env->context, atom);
  return Result(env, value, result);
}

napi_status napi_has_property(napi_env env, napi_value object, napi_value key, bool* result) {
  const JSAtom atom = JS_ValueToAtom(env->context, Value(key));
  if (atom == JS_ATOM_NULL) return Thrown(env);
  const int has = JS_HasProperty(env->context, Value(object), atom);
  JS_FreeAtom(env->context, atom);
  if (has < 0) return Thrown(env);
  *result = has > 0;
  return Done(env, napi_ok);
}

napi_status napi_get_named_property(napi_env env, napi_value object, const char* name, napi_value* result) {
  return Result(env, JS_GetPropertyStr(env->context, Value(object), name), result);
}

napi_status napi_set_named_property(napi_env env, napi_value object, const char* name, napi_value value) {
  JSValue owned = JS_DupValue(env->context, Value(value));
  if (JS_SetPropertyStr(env->context, Value(object), name, owned) < 0) return Thrown(env);
  return Done(env, napi_ok);
}

// Simple values

napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype* result) {
  JSValueConst of = Value(value);
  if (JS_IsUndefined(of))
    *result = napi_undefined;
  else if (JS_IsNull(of))
    *result = napi_null;
  else if (JS_IsBool(of))
    *result = napi_boolean;
  else if (JS_IsNumber(of))
    *result = napi_number;
  else if (JS_IsString(of))
    *result = napi_string;
  else if (JS_IsSymbol(of))
    *result = napi_symbol;
  else if (JS_IsBigInt(env->context, of))
    *result = napi_bigint;
  else if (JS_IsFunction(env->context, of))
    *result = napi_function;
  else
    *result = napi_object;
  return Done(env, napi_ok);
}

napi_status napi_get_undefined(napi_env env, napi_value* result) { return Result(env, JS_UNDEFINED, result); }

napi_status napi_get_null(napi_env env, napi_value* result) { return Result(env, JS_NULL, result); }

napi_status napi_get_boolean(napi_env env, bool value, napi_value* result) {
  return Result(env, JS_NewBool(env->context, value), result);
}

napi_status napi_get_value_bool(napi_env env, napi_value value, bool* result) {
  if (!JS_IsBool(Value(value))) return Done(env, napi_boolean_expected);
  *result = JS_ToBool(env->context, Value(value)) > 0;
  return Done(env, napi_ok);
}

napi_status napi_create_double(napi_env env, double value, napi_value* result) {
  const auto whole = static_cast<int32_t>(value >= INT32_MIN && value <= INT32_MAX ? value : 0.5);
  // A number that fits becomes an integer, which QuickJS handles faster; -0 does not.
  const bool is_whole = static_cast<double>(whole) == value && (whole != 0 || !std::signbit(value));
  return Result(env, is_whole ? JS_NewInt32(env->context, whole) : JS_NewFloat64(env->context, value), result);
}

napi_status napi_get_value_double(napi_env env, napi_value value, double* result) {
  if (!JS_IsNumber(Value(value))) return Done(env, napi_number_expected);
  JS_ToFloat64(env->context, result, Value(value));
  return Done(env, napi_ok);
}

napi_status napi_get_value_uint32(napi_env env, napi_value value, uint32_t* result) {
  if (!JS_IsNumber(Value(value))) return Done(env, napi_number_expected);
  JS_ToUint32(env->context, result, Value(value));
  return Done(env, napi_ok);
}

napi_status napi_get_value_bigint_uint64(napi_env env, napi_value value, uint64_t* result, bool* lossless) {
  if (!JS_IsBigInt(env->context, Value(value))) return Done(env, napi_bigint_expected);
  int64_t bits = 0;
  if (JS_ToBigInt64(env->context, &bits, Value(value)) < 0) return Thrown(env);
  *result = static_cast<uint64_t>(bits);
  JSValue again = JS_NewBigUint64(env->context, *result);
  *lossless = JS_StrictEq(env->context, again, Value(value)) > 0;
  JS_FreeValue(env->context, again);
  return Done(env, napi_ok);
}

napi_status napi_coerce_to_number(napi_env env, napi_value value, napi_value* result) {
  double number = 0;
  if (JS_ToFloat64(env->context, &number, Value(value)) < 0) return Thrown(env);
  return napi_create_double(env, number, result);
}

napi_status napi_coerce_to_string(napi_env env, napi_value value, napi_value* result) {
  return Result(env, JS_ToString(env->context, Value(value)), result);
}

// Strings

napi_status napi_create_string_utf8(napi_env env, const char* text, size_t size, napi_value* result) {
  if (size == NAPI_AUTO_LENGTH) size = std::strlen(text);
  return Result(env, runt::engine::Text(env->context, {text, size}), result);
}

// QuickJS takes and gives a surrogate as three bytes, as if UTF-8 had it; two that make a pair come back as four.
napi_status napi_create_string_utf16(napi_env env, const char16_t* text, size_t size, napi_value* result) {
  std::string bytes;
  for (size_t index = 0; index < size; ++index) {
    const char16_t unit = text[index];
    const auto follow = [&](unsigned shift) { bytes.push_back(static_cast<char>(0x80 | (unit >> shift & 0x3F))); };
    if (unit < 0x80) {
      bytes.push_back(static_cast<char>(unit));
    } else if (unit < 0x800) {
      bytes.push_back(static_cast<char>(0xC0 | unit >> 6));
      follow(0);
    } else {
      bytes.push_back(static_cast<char>(0xE0 | unit >> 12));
      follow(6);
      follow(0);
    }
  }
  return Result(env, JS_NewStringLen(env->context, bytes.data(), bytes.size()), result);
}

napi_status napi_create_string_latin1(napi_env env, const char* text, size_t size, napi_value* result) {
  if (size == NAPI_AUTO_LENGTH) size = std::strlen(text);
  size_t ascii = 0;
  while (ascii < size && static_cast<unsigned char>(text[ascii]) < 0x80) ++ascii;
  if (ascii == size) return Result(env, JS_NewStringLen(env->context, text, size), result);
  std::string utf8;
  for (size_t index = 0; index < size; ++index) {
    const auto byte = static_cast<unsigned char>(text[index]);
    if (byte >= 0x80) utf8.push_back(static_cast<char>(0xC0 | (byte >> 6)));
    utf8.push_back(static_cast<char>(byte < 0x80 ? byte : (0x80 | (byte & 0x3F))));
  }
  return napi_create_string_utf8(env, utf8.data(), utf8.size(), result);
}

napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char* buffer, size_t room, size_t* result) {
  if (!JS_IsString(Value(value))) return Done(env, napi_string_expected);
  const Utf8 text(env->context, Value(value));
  if (!text.good()) return Thrown(env);
  const std::string_view bytes = text.view();
  if (buffer == nullptr) {
    *result = bytes.size();
    return Done(env, napi_ok);
  }
  if (room == 0) return Done(env, napi_invalid_arg);
  size_t size = bytes.size();
  if (size >= room) {
    size = room - 1;
    while (size > 0 && (static_cast<unsigned char>(bytes[size]) & 0xC0) == 0x80) --size;
  }
  if (size > 0) std::memcpy(buffer, bytes.data(), size);
  buffer[size] = '\0';
  if (result != nullptr) *result = size;
  return Done(env, napi_ok);
}

napi_status napi_get_value_string_utf16(napi_env env, napi_value value, char16_t* buffer, size_t room, size_t* result) {
  if (!JS_IsString(Value(value)) || buffer == nullptr || room == 0) return Done(env, napi_string_expected);
  size_t left = 0;
  const char* text = JS_ToCStringLen(env->context, &left, Value(value));
  if (text == nullptr) return Thrown(env);
  size_t size = 0;
  const auto put = [&](uint32_t unit) {
    if (size < room - 1) buffer[size++] = static_cast<char16_t>(unit);
  };
  for (const char* at = text; left > 0;) {
    const auto byte = [&](size_t index) { return static_cast<uint32_t>(static_cast<unsigned char>(at[index])); };
    const auto follow = [&](size_t index) { return byte(index) & 0x3F; };
    const size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
    if (length == 1) put(byte(0));
    if (length == 2) put((byte(0) & 0x1F) << 6 | follow(1));
    if (length == 3) put((byte(0) & 0xF) << 12 | follow(1) << 6 | follow(2));
    if (length == 4) {
      const uint32_t beyond = ((byte(0) & 7) << 18 | follow(1) << 12 | follow(2) << 6 | follow(3)) - 0x10000;
      put(0xD800 | beyond >> 10);
      put(0xDC00 | (beyond & 0x3FF));
    }
    at += length;
    left -= length;
  }
  buffer[size] = u'\0';
  *result = size;
  JS_FreeCString(env->context, text);
  return Done(env, napi_ok);
}

// Memory

napi_status napi_create_arraybuffer(napi_env env, size_t size, void** data, napi_value* result) {
  auto* bytes = static_cast<uint8_t*>(runt::engine::Allocate(size));
  std::memset(bytes, 0, size);
  const auto release = [](JSRuntime*, void*, void* memory) { runt::engine::Release(memory); };
  *data = bytes;
  return Result(env, JS_NewArrayBuffer(env->context, bytes, size, release, nullptr, 0), result);
}

napi_status napi_get_arraybuffer_info(napi_env env, napi_value value, void** data, size_t* size) {
  size_t length = 0;
  uint8_t* bytes = JS_GetArrayBuffer(env->context, &length, Value(value));
  if (bytes == nullptr && JS_HasException(env->context)) return Thrown(env);
  if (data != nullptr) *data = bytes;
  if (size != nullptr) *size = length;
  return Done(env, napi_ok);
}

napi_status napi_create_typedarray(napi_env env, napi_typedarray_type type, size_t length, napi_value buffer, size_t offset,
                                   napi_value* result) {
  if (type != napi_uint8_array && type != napi_int32_array) return Done(env, napi_invalid_arg);
  JSValueConst arguments[] = {Value(buffer), JS_NewInt64(env->context, static_cast<int64_t>(offset)),
                              JS_NewInt64(env->context, static_cast<int64_t>(length))};
  const JSTypedArrayEnum kind = type == napi_uint8_array ? JS_TYPED_ARRAY_UINT8 : JS_TYPED_ARRAY_INT32;
  return Result(env, JS_NewTypedArray(env->context, 3, arguments, kind), result);
}

// Only the two classes that the addons take count; any other counts as no typed array.
napi_status napi_is_typedarray(napi_env env, napi_value value, bool* result) {
  const JSClassID id = JS_IsObject(Value(value)) ? JS_GetClassID(Value(value)) : 0;
  *result = id != 0 && (id == env->uint8_array || id == env->int32_array);
  return Done(env, napi_ok);
}

napi_status napi_get_typedarray_info(napi_env env, napi_value value, napi_typedarray_type* type, size_t* length, void** data,
                                     napi_value* buffer, size_t* offset) {
  size_t start = 0;
  size_t size = 0;
  size_t element = 1;
  JSValue owner = JS_GetTypedArrayBuffer(env->context, Value(value), &start, &size, &element);
  if (JS_IsException(owner)) return Thrown(env);
  size_t whole = 0;
  uint8_t* bytes = JS_GetArrayBuffer(env->context, &whole, owner);
  if (type != nullptr) *type = JS_GetClassID(Value(value)) == env->int32_array ? napi_int32_array : napi_uint8_array;
  if (length != nullptr) *length = size / element;
  if (data != nullptr) *data = bytes == nullptr ? nullptr : bytes + start;
  if (offset != nullptr) *offset = start;
  if (buffer != nullptr) *buffer = Handle(env, JS_DupValue(env->context, owner));
  JS_FreeValue(env->context, owner);
  return Done(env, napi_ok);
}

}  // extern "C"
