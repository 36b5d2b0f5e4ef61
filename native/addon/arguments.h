// SPDX-License-Identifier: Apache-2.0
// Turns a plain C++ function into a Node-API callback: each parameter's type says what JavaScript
// must pass.
//
// A value of the wrong type throws a TypeError and the function is not called; a value that no
// system call can take (a path with a NUL in it, or longer than PATH_MAX) gives the errno that the
// kernel would.
#ifndef RUNT_ADDON_ARGUMENTS_H_
#define RUNT_ADDON_ARGUMENTS_H_

#include <napi.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace runt::addon {

// A path (or another short name) as the kernel takes it. Not initialised: most of it is never
// touched.
struct Path {
  char text[PATH_MAX];
  size_t length;
};

// The bytes of a string (as UTF-8) or of a Uint8Array. An array is not copied, and JavaScript
// cannot run while the function does, so that it stays as it is.
struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;
  std::string owned;
};

// A Uint8Array to write into.
struct Buffer {
  uint8_t* data = nullptr;
  size_t size = 0;
};

// An Int32Array to read and write.
struct Words {
  int32_t* data = nullptr;
  size_t count = 0;
};

// The result of reading one argument: 0, a positive errno, or this.
inline constexpr int kWrongType = -1;

[[nodiscard]] int ReadArgument(Napi::Value value, int& out);
// An argument that may be left out.
[[nodiscard]] int ReadArgument(Napi::Value value, std::optional<int>& out);
[[nodiscard]] int ReadArgument(Napi::Value value, uint32_t& out);
[[nodiscard]] int ReadArgument(Napi::Value value, int64_t& out);
[[nodiscard]] int ReadArgument(Napi::Value value, uint64_t& out);
[[nodiscard]] int ReadArgument(Napi::Value value, bool& out);
[[nodiscard]] int ReadArgument(Napi::Value value, Path& out);
[[nodiscard]] int ReadArgument(Napi::Value value, Bytes& out);
[[nodiscard]] int ReadArgument(Napi::Value value, Buffer& out);
[[nodiscard]] int ReadArgument(Napi::Value value, Words& out);
[[nodiscard]] int ReadArgument(Napi::Value value, std::string& out);
[[nodiscard]] int ReadArgument(Napi::Value value, std::vector<int>& out);
[[nodiscard]] int ReadArgument(Napi::Value value, std::vector<std::string>& out);
[[nodiscard]] int ReadArgument(Napi::Value value, Napi::Object& out);

// Names of the types above, for the TypeError.
constexpr const char* Expected(const int&) { return "an integer of 32 bits"; }
constexpr const char* Expected(const std::optional<int>&) { return "an integer of 32 bits"; }
constexpr const char* Expected(const uint32_t&) { return "an integer of 32 bits"; }
constexpr const char* Expected(const int64_t&) { return "a safe integer"; }
constexpr const char* Expected(const uint64_t&) { return "a bigint of 64 bits"; }
constexpr const char* Expected(const bool&) { return "a boolean"; }
constexpr const char* Expected(const Path&) { return "a string"; }
constexpr const char* Expected(const Bytes&) { return "a string or a Uint8Array"; }
constexpr const char* Expected(const Buffer&) { return "a Uint8Array"; }
constexpr const char* Expected(const Words&) { return "an Int32Array of pairs"; }
constexpr const char* Expected(const std::string&) { return "a string"; }
constexpr const char* Expected(const std::vector<int>&) { return "an array of integers"; }
constexpr const char* Expected(const std::vector<std::string>&) { return "an array of strings"; }
constexpr const char* Expected(const Napi::Object&) { return "an object"; }

// Throws `TypeError: argument <index + 1> must be <expected>` into JavaScript.
void ThrowTypeError(Napi::Env env, size_t index, const char* expected);

inline Napi::Value ToValue(Napi::Env env, int result) { return Napi::Number::New(env, result); }
inline Napi::Value ToValue(Napi::Env env, double result) { return Napi::Number::New(env, result); }
inline Napi::Value ToValue(Napi::Env env, bool result) { return Napi::Boolean::New(env, result); }
inline Napi::Value ToValue(Napi::Env, Napi::Value result) { return result; }

namespace internal {

// Reads arguments in order until one fails; true if all were good.
template <class... A, size_t... I>
bool ReadAll(const Napi::CallbackInfo& info, std::tuple<A...>& values, Napi::Value& refusal, std::index_sequence<I...>) {
  [[maybe_unused]] auto read = [&](size_t index, auto& out) {
    const int problem = ReadArgument(info[index], out);
    if (problem == 0) return true;
    if (problem == kWrongType) {
      ThrowTypeError(info.Env(), index, Expected(out));
      refusal = info.Env().Undefined();
    } else {
      refusal = Napi::Number::New(info.Env(), -problem);
    }
    return false;
  };
  return (read(I, std::get<I>(values)) && ...);
}

template <class... A>
struct Reader {
  template <class F>
  static napi_value Run(napi_env env, napi_callback_info raw, F call) {
    const Napi::CallbackInfo info(env, raw);
    std::tuple<std::remove_cvref_t<A>...> values;
    Napi::Value refusal;
    if (!ReadAll(info, values, refusal, std::index_sequence_for<A...>{})) return refusal;
    return ToValue(info.Env(), std::apply([&](auto&... each) { return call(info.Env(), each...); }, values));
  }
};

template <auto F, class Signature = decltype(F)>
struct Binding;

template <auto F, class R, class... A>
struct Binding<F, R (*)(A...)> {
  static napi_value Call(napi_env env, napi_callback_info raw) {
    return Reader<A...>::Run(env, raw, [](Napi::Env, auto&... values) { return F(values...); });
  }
};

// Functions that build a JavaScript value take the environment first.
template <auto F, class R, class... A>
struct Binding<F, R (*)(Napi::Env, A...)> {
  static napi_value Call(napi_env env, napi_callback_info raw) {
    return Reader<A...>::Run(env, raw, [](Napi::Env scope, auto&... values) { return F(scope, values...); });
  }
};

}  // namespace internal

// The Node-API callback of `F`.
template <auto F>
inline constexpr napi_callback kCallback = &internal::Binding<F>::Call;

}  // namespace runt::addon

#endif  // RUNT_ADDON_ARGUMENTS_H_
