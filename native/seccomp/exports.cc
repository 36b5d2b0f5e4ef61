// SPDX-License-Identifier: Apache-2.0
// seccomp.node: libseccomp for JavaScript. It is an addon of its own, because it is loaded only when
// a profile has to be compiled, and most containers get theirs from the cache. lib/seccomp/native.ts
// describes the functions.

#include <linux/seccomp.h>
#include <napi.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "../base/unique_fd.h"

namespace runt::seccomp {
namespace {

// One rule as TypeScript encodes it (lib/seccomp/rules.ts), little-endian.
struct Condition {
  uint32_t index;
  uint32_t op;
  uint64_t value;
  uint64_t value_two;
};

struct Rule {
  int32_t syscall;
  uint32_t action;
  uint32_t condition_count;
  uint32_t reserved;
};

struct ReleaseFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, ReleaseFilter>;

constexpr size_t kMaxConditions = 6;
// Steps of `compile`, for its errors.
constexpr int kStepSetup = -1;
constexpr int kStepExport = -2;

// `[step, errno]`: the index of the rule that libseccomp refused, or one of the steps above.
Napi::Value Refusal(Napi::Env env, int step, int result) {
  Napi::Array pair = Napi::Array::New(env, 2);
  pair.Set(0U, step);
  pair.Set(1U, -result);
  return pair;
}

Napi::Value Export(Napi::Env env, const Filter& filter) {
  const UniqueFd file(memfd_create("runt:bpf", MFD_CLOEXEC));
  if (!file.valid()) return Refusal(env, kStepExport, -errno);
  const int exported = seccomp_export_bpf(filter.get(), file.get());
  if (exported < 0) return Refusal(env, kStepExport, exported);
  const off_t size = lseek(file.get(), 0, SEEK_END);
  if (size < 0) return Refusal(env, kStepExport, -errno);
  Napi::Uint8Array bytes = Napi::Uint8Array::New(env, static_cast<size_t>(size));
  const ssize_t got = pread(file.get(), bytes.Data(), bytes.ByteLength(), 0);
  if (got < 0) return Refusal(env, kStepExport, -errno);
  if (got != size) return Refusal(env, kStepExport, -EIO);
  return bytes;
}

void RefuseArguments(Napi::Env env) { Napi::TypeError::New(env, "wrong arguments").ThrowAsJavaScriptException(); }

// compile(defaultAction, architectures, rules, binaryTree)
Napi::Value Compile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 4 || !info[0].IsNumber() || !info[1].IsArray() || !info[2].IsTypedArray() ||
      info[2].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array || !info[3].IsBoolean()) {
    RefuseArguments(env);
    return env.Undefined();
  }
  const Filter filter(seccomp_init(info[0].As<Napi::Number>().Uint32Value()));
  if (!filter) return Refusal(env, kStepSetup, -EINVAL);
  const Napi::Array architectures = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < architectures.Length(); ++i) {
    const int added = seccomp_arch_add(filter.get(), architectures.Get(i).ToNumber().Uint32Value());
    if (added < 0 && added != -EEXIST) return Refusal(env, kStepSetup, added);
  }
  if (info[3].As<Napi::Boolean>().Value()) {
    const int optimized = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (optimized < 0) return Refusal(env, kStepSetup, optimized);
  }
  const Napi::Uint8Array encoded = info[2].As<Napi::Uint8Array>();
  const uint8_t* at = encoded.Data();
  const uint8_t* const end = at + encoded.ByteLength();
  for (int index = 0; at != end; ++index) {
    Rule rule;
    if (static_cast<size_t>(end - at) < sizeof rule) return Refusal(env, index, -EBADMSG);
    memcpy(&rule, at, sizeof rule);
    at += sizeof rule;
    if (rule.condition_count > kMaxConditions || static_cast<size_t>(end - at) < rule.condition_count * sizeof(Condition)) {
      return Refusal(env, index, -EBADMSG);
    }
    scmp_arg_cmp comparisons[kMaxConditions] = {};
    for (uint32_t i = 0; i < rule.condition_count; ++i) {
      Condition condition;
      memcpy(&condition, at, sizeof condition);
      at += sizeof condition;
      comparisons[i] = {condition.index, static_cast<scmp_compare>(condition.op), condition.value, condition.value_two};
    }
    const int added = seccomp_rule_add_array(filter.get(), rule.action, rule.syscall, rule.condition_count, comparisons);
    if (added < 0) return Refusal(env, index, added);
  }
  return Export(env, filter);
}

// resolve(names, architecture): the number of each system call; an unknown name gives -1.
Napi::Value Resolve(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsArray() || !info[1].IsNumber()) {
    RefuseArguments(env);
    return env.Undefined();
  }
  const Napi::Array names = info[0].As<Napi::Array>();
  const uint32_t architecture = info[1].As<Napi::Number>().Uint32Value();
  Napi::Int32Array numbers = Napi::Int32Array::New(env, names.Length());
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).ToString();
    numbers[i] = architecture == SCMP_ARCH_NATIVE ? seccomp_syscall_resolve_name(name.c_str())
                                                  : seccomp_syscall_resolve_name_arch(architecture, name.c_str());
  }
  return numbers;
}

// names(numbers, architecture): the name of each system call; an unknown number gives "".
Napi::Value Names(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array ||
      !info[1].IsNumber()) {
    RefuseArguments(env);
    return env.Undefined();
  }
  const Napi::Int32Array numbers = info[0].As<Napi::Int32Array>();
  const uint32_t architecture = info[1].As<Napi::Number>().Uint32Value();
  Napi::Array names = Napi::Array::New(env, numbers.ElementLength());
  for (uint32_t i = 0; i < numbers.ElementLength(); ++i) {
    char* const name = seccomp_syscall_resolve_num_arch(architecture, numbers.Data()[i]);
    names.Set(i, Napi::String::New(env, name == nullptr ? "" : name));
    std::free(name);
  }
  return names;
}

// architecture(name): the token of a name such as "x86_64"; 0 if libseccomp does not know it.
Napi::Value Architecture(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsString()) {
    RefuseArguments(info.Env());
    return info.Env().Undefined();
  }
  const std::string name = info[0].As<Napi::String>();
  return Napi::Number::New(info.Env(), seccomp_arch_resolve_name(name.c_str()));
}

Napi::Value NativeArchitecture(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), seccomp_arch_native()); }

Napi::Value Version(const Napi::CallbackInfo& info) {
  const scmp_version* version = seccomp_version();
  return Napi::String::New(
      info.Env(), std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->micro));
}

// hasFlag(bit): whether seccomp(2) of this kernel knows the flag. A filter at address 0 makes it say
// EFAULT once it has accepted the flags.
Napi::Value HasFlag(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsNumber()) {
    RefuseArguments(info.Env());
    return info.Env().Undefined();
  }
  const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, info[0].As<Napi::Number>().Uint32Value(), nullptr);
  return Napi::Boolean::New(info.Env(), result < 0 && errno == EFAULT);
}

// hasAction(action): whether this kernel knows the action.
Napi::Value HasAction(const Napi::CallbackInfo& info) {
  if (info.Length() != 1 || !info[0].IsNumber()) {
    RefuseArguments(info.Env());
    return info.Env().Undefined();
  }
  const uint32_t action = info[0].As<Napi::Number>().Uint32Value();
  const long result = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
  return Napi::Boolean::New(info.Env(), result == 0);
}

Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("compile", Napi::Function::New<Compile>(env));
  exports.Set("resolve", Napi::Function::New<Resolve>(env));
  exports.Set("names", Napi::Function::New<Names>(env));
  exports.Set("architecture", Napi::Function::New<Architecture>(env));
  exports.Set("nativeArchitecture", Napi::Function::New<NativeArchitecture>(env));
  exports.Set("version", Napi::Function::New<Version>(env));
  exports.Set("hasFlag", Napi::Function::New<HasFlag>(env));
  exports.Set("hasAction", Napi::Function::New<HasAction>(env));
  return exports;
}

}  // namespace
}  // namespace runt::seccomp

using runt::seccomp::Initialize;
NODE_API_MODULE(seccomp, Initialize)
