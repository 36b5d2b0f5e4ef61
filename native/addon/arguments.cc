// SPDX-License-Identifier: Apache-2.0
#include "arguments.h"

#include <cerrno>
#include <cmath>
#include <cstring>

#include "utf8.h"

namespace runt::addon {
namespace {

// Longest integer that a double holds exactly (2^53 - 1).
constexpr double kMaxSafeInteger = 9007199254740991.0;

bool ReadInteger(Napi::Value value, double low, double high, double& out) {
  double number = 0;
  if (napi_get_value_double(value.Env(), value, &number) != napi_ok) return false;
  if (!(number >= low && number <= high) || std::trunc(number) != number) return false;
  out = number;
  return true;
}

// The engine gives U+FFFD for a lone surrogate, which may be a byte of a name that is not UTF-8.
bool HasReplacement(const Path& path) { return ::memmem(path.text, path.length, "\xEF\xBF\xBD", 3) != nullptr; }

// Like the engine's conversion, but keeps such bytes unchanged; the result is never longer.
bool ReadEscaped(Napi::Value value, Path& out) {
  char16_t units[sizeof(out.text)];
  size_t count = 0;
  if (napi_get_value_string_utf16(value.Env(), value, units, sizeof(out.text), &count) != napi_ok) return false;
  const std::string bytes = UnescapedName(units, count);
  if (bytes.size() > out.length) return false;
  std::memcpy(out.text, bytes.data(), bytes.size());
  out.length = bytes.size();
  out.text[out.length] = '\0';
  return true;
}

// The elements of an array, each of which `check` may refuse by an errno.
template <typename T, typename Check>
int ReadArray(Napi::Value value, std::vector<T>& out, Check check) {
  if (!value.IsArray()) return kWrongType;
  const auto array = value.As<Napi::Array>();
  out.resize(array.Length());
  for (uint32_t index = 0; index < out.size(); ++index) {
    if (ReadArgument(array.Get(index), out[index]) != 0) return kWrongType;
    if (const int problem = check(out[index]); problem != 0) return problem;
  }
  return 0;
}

// The elements of a typed array of the kind `type`, which are the engine's.
template <typename Array, typename Element>
bool ReadTyped(Napi::Value value, napi_typedarray_type type, Element*& data, size_t& count) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) return false;
  auto array = value.As<Array>();
  data = array.Data();
  count = array.ElementLength();
  return true;
}

}  // namespace

int ReadArgument(Napi::Value value, int& out) {
  double number = 0;
  if (!ReadInteger(value, INT32_MIN, INT32_MAX, number)) return kWrongType;
  out = static_cast<int>(number);
  return 0;
}

int ReadArgument(Napi::Value value, std::optional<int>& out) {
  return value.IsUndefined() ? 0 : ReadArgument(value, out.emplace());
}

// Negative numbers are taken modulo 2^32, so that -1 works where the kernel means "leave it".
int ReadArgument(Napi::Value value, uint32_t& out) {
  double number = 0;
  if (!ReadInteger(value, INT32_MIN, UINT32_MAX, number)) return kWrongType;
  out = static_cast<uint32_t>(static_cast<int64_t>(number));
  return 0;
}

int ReadArgument(Napi::Value value, int64_t& out) {
  double number = 0;
  if (!ReadInteger(value, -kMaxSafeInteger, kMaxSafeInteger, number)) return kWrongType;
  out = static_cast<int64_t>(number);
  return 0;
}

int ReadArgument(Napi::Value value, uint64_t& out) {
  bool lossless = false;
  if (napi_get_value_bigint_uint64(value.Env(), value, &out, &lossless) != napi_ok || !lossless) {
    return kWrongType;
  }
  return 0;
}

int ReadArgument(Napi::Value value, bool& out) {
  return napi_get_value_bool(value.Env(), value, &out) == napi_ok ? 0 : kWrongType;
}

int ReadArgument(Napi::Value value, Path& out) {
  const napi_status status = napi_get_value_string_utf8(value.Env(), value, out.text, sizeof(out.text), &out.length);
  if (status != napi_ok) return kWrongType;
  // The engine cuts a text that does not fit, between two characters and without an error: up to
  // three bytes stay free.
  if (out.length + 4 >= sizeof(out.text)) return ENAMETOOLONG;
  if (std::memchr(out.text, '\0', out.length) != nullptr) return EINVAL;
  return HasReplacement(out) && !ReadEscaped(value, out) ? kWrongType : 0;
}

int ReadArgument(Napi::Value value, Bytes& out) {
  if (value.IsString()) {
    const int problem = ReadArgument(value, out.owned);
    out.data = reinterpret_cast<const uint8_t*>(out.owned.data());
    out.size = out.owned.size();
    return problem;
  }
  Buffer buffer;
  if (ReadArgument(value, buffer) != 0) return kWrongType;
  out.data = buffer.data;
  out.size = buffer.size;
  return 0;
}

int ReadArgument(Napi::Value value, Buffer& out) {
  return ReadTyped<Napi::Uint8Array>(value, napi_uint8_array, out.data, out.size) ? 0 : kWrongType;
}

int ReadArgument(Napi::Value value, Words& out) {
  const bool isRead = ReadTyped<Napi::Int32Array>(value, napi_int32_array, out.data, out.count);
  return isRead && out.count % 2 == 0 ? 0 : kWrongType;
}

int ReadArgument(Napi::Value value, std::string& out) {
  size_t size = 0;
  if (napi_get_value_string_utf8(value.Env(), value, nullptr, 0, &size) != napi_ok) {
    return kWrongType;
  }
  out.resize(size);
  // The engine writes a NUL after the text; std::string has room for it.
  if (napi_get_value_string_utf8(value.Env(), value, out.data(), size + 1, &size) != napi_ok) {
    return kWrongType;
  }
  out.resize(size);
  return 0;
}

int ReadArgument(Napi::Value value, std::vector<int>& out) {
  return ReadArray(value, out, [](int) { return 0; });
}

int ReadArgument(Napi::Value value, std::vector<std::string>& out) {
  return ReadArray(value, out, [](const std::string& text) { return text.find('\0') == std::string::npos ? 0 : EINVAL; });
}

int ReadArgument(Napi::Value value, Napi::Object& out) {
  if (!value.IsObject()) return kWrongType;
  out = value.As<Napi::Object>();
  return 0;
}

void ThrowTypeError(Napi::Env env, size_t index, const char* expected) {
  // A getter or a proxy may have thrown already; that error is the better one.
  if (env.IsExceptionPending()) return;
  const std::string text = "argument " + std::to_string(index + 1) + " must be " + expected;
  Napi::TypeError::New(env, text).ThrowAsJavaScriptException();
}

}  // namespace runt::addon
