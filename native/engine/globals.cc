// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string>

#include "engine.h"
#include "environment.h"
#include "heap.h"

namespace runt::engine {
namespace {

constexpr int kVisible = JS_PROP_C_W_E;
constexpr int kHidden = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;

void Set(JSContext* context, JSValueConst object, const char* name, JSValue value, int flags = kVisible) {
  JS_DefinePropertyValueStr(context, object, name, value, flags);
}

void SetFunction(JSContext* context, JSValueConst object, const char* name, JSCFunction* function, int length) {
  Set(context, object, name, JS_NewCFunction(context, function, name, length), kHidden);
}

// The length of the UTF-8 sequence at `text`, 0 if there is none (RFC 3629: no surrogates, nothing overlong).
size_t SequenceAt(std::string_view text) {
  const auto byte = [&](size_t index) { return index < text.size() ? static_cast<uint8_t>(text[index]) : 0u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const auto follows = [&](size_t index, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(index) >= low && byte(index) <= high;
  };
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// Each byte that is no part of UTF-8 becomes U+FFFD.
std::string Replaced(std::string_view rest) {
  std::string text;
  text.reserve(rest.size());
  while (!rest.empty()) {
    const size_t length = SequenceAt(rest);
    text.append(length == 0 ? std::string_view("\xEF\xBF\xBD") : rest.substr(0, length));
    rest.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceAt(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

JSValue Uint8Array(JSContext* context, std::string_view bytes) {
  JSValue buffer = JS_NewArrayBufferCopy(context, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (JS_IsException(buffer)) return buffer;
  // It reads all three of them: the offset and the length are left out.
  JSValueConst arguments[] = {buffer, JS_UNDEFINED, JS_UNDEFINED};
  JSValue array = JS_NewTypedArray(context, 3, arguments, JS_TYPED_ARRAY_UINT8);
  JS_FreeValue(context, buffer);
  return array;
}

// The memory of a Uint8Array; false after an exception.
bool BytesOf(JSContext* context, JSValueConst value, uint8_t*& data, size_t& size) {
  size_t offset = 0;
  size_t element = 0;
  JSValue buffer = JS_GetTypedArrayBuffer(context, value, &offset, &size, &element);
  if (JS_IsException(buffer)) return false;
  size_t whole = 0;
  data = JS_GetArrayBuffer(context, &whole, buffer);
  JS_FreeValue(context, buffer);
  if (data == nullptr && whole > 0) return false;
  data += offset;
  return true;
}

// TextEncoder

JSValue NewPlain(JSContext* context, JSValueConst target, int, JSValueConst*) {
  JSValue prototype = JS_GetPropertyStr(context, target, "prototype");
  JSValue object = JS_NewObjectProto(context, prototype);
  JS_FreeValue(context, prototype);
  return object;
}

JSValue Encode(JSContext* context, JSValueConst, int argc, JSValueConst* argv) {
  if (argc < 1 || JS_IsUndefined(argv[0])) return Uint8Array(context, {});
  const Utf8 text(context, argv[0]);
  return text.good() ? Uint8Array(context, text.view()) : JS_EXCEPTION;
}

// `read` is left out, because lib does not use it. A text that does not fit whole is cut between two characters.
JSValue EncodeInto(JSContext* context, JSValueConst, int argc, JSValueConst* argv) {
  if (argc < 2) return JS_ThrowTypeError(context, "encodeInto: two arguments are needed");
  const Utf8 text(context, argv[0]);
  uint8_t* data = nullptr;
  size_t room = 0;
  if (!text.good() || !BytesOf(context, argv[1], data, room)) return JS_EXCEPTION;
  size_t size = text.view().size();
  if (size > room) {
    size = room;
    while (size > 0 && (static_cast<uint8_t>(text.view()[size]) & 0xC0) == 0x80) --size;
  }
  if (size > 0) std::memcpy(data, text.view().data(), size);
  JSValue result = JS_NewObject(context);
  Set(context, result, "written", JS_NewInt64(context, static_cast<int64_t>(size)));
  return result;
}

// TextDecoder

// Whether a member of an object is true; false where there is no object.
bool IsSet(JSContext* context, JSValueConst object, const char* name) {
  if (!JS_IsObject(object)) return false;
  JSValue value = JS_GetPropertyStr(context, object, name);
  const bool set = JS_ToBool(context, value) > 0;
  JS_FreeValue(context, value);
  return set;
}

JSValue NewDecoder(JSContext* context, JSValueConst target, int argc, JSValueConst* argv) {
  JSValue decoder = NewPlain(context, target, 0, nullptr);
  Set(context, decoder, "fatal", JS_NewBool(context, argc > 1 && IsSet(context, argv[1], "fatal")));
  return decoder;
}

// How many bytes at the end of `text` begin a sequence that is not complete, and may become one.
size_t Unfinished(std::string_view text) {
  for (size_t size = 1; size <= 3 && size <= text.size(); ++size) {
    const auto byte = static_cast<uint8_t>(text[text.size() - size]);
    if ((byte & 0xC0) == 0x80) continue;
    const size_t length = byte >= 0xF0 && byte <= 0xF4 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1;
    if (byte > 0xF4 || length <= size) return 0;
    // A second byte that the first one does not allow completes nothing.
    std::string whole(text.substr(text.size() - size));
    const bool low = byte == 0xE0 || byte == 0xF0;
    if (whole.size() == 1) whole.push_back(static_cast<char>(low ? (byte == 0xE0 ? 0xA0 : 0x90) : 0x80));
    while (whole.size() < length) whole.push_back(static_cast<char>(0x80));
    return SequenceAt(whole) == length ? size : 0;
  }
  return 0;
}

// The bytes that a call with `stream` kept, in the hidden member `rest`, come before those of this call.
constexpr const char* kRest = "rest";
// Set once a character has been returned: from then on a byte order mark is a character.
constexpr const char* kSeen = "seen";

JSValue Decode(JSContext* context, JSValueConst self, int argc, JSValueConst* argv) {
  std::string bytes;
  const bool goes_on = argc > 1 && IsSet(context, argv[1], "stream");
  JSValue kept = JS_GetPropertyStr(context, self, kRest);
  const bool is_first = JS_IsUndefined(kept);
  uint8_t* data = nullptr;
  size_t size = 0;
  if (!is_first) {
    const bool good = BytesOf(context, kept, data, size);
    if (good) bytes.assign(reinterpret_cast<const char*>(data), size);
    JS_FreeValue(context, kept);
    if (!good) return JS_EXCEPTION;
  }
  if (argc > 0 && !JS_IsUndefined(argv[0])) {
    if (!BytesOf(context, argv[0], data, size)) return JS_EXCEPTION;
    bytes.append(reinterpret_cast<const char*>(data), size);
  }
  std::string_view text(bytes);
  std::string_view rest;
  if (goes_on) {
    // Only all bytes together make a byte order mark.
    const size_t unfinished =
        is_first && bytes.size() < 3 && std::string_view("\xEF\xBB\xBF").starts_with(bytes) ? bytes.size() : Unfinished(text);
    rest = text.substr(text.size() - unfinished);
    text.remove_suffix(unfinished);
  }
  // kSeen is not set before the first character: a decoder that has only kept bytes is still at the start.
  const bool at_start = is_first || !IsSet(context, self, kSeen);
  if (at_start && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const bool is_good = !IsSet(context, self, "fatal") || IsUtf8(text);
  const bool keep = goes_on && is_good;
  Set(context, self, kRest, keep ? Uint8Array(context, rest) : JS_UNDEFINED, kHidden);
  Set(context, self, kSeen, JS_NewBool(context, keep && (!at_start || !text.empty())), kHidden);
  if (!is_good) return JS_ThrowTypeError(context, "The encoded data was not valid UTF-8");
  return Text(context, text);
}

void DefineClass(JSContext* context, JSValueConst global, const char* name, JSCFunction* constructor, int length,
                 std::initializer_list<std::pair<const char*, JSCFunction*>> methods) {
  JSValue made = JS_NewCFunction2(context, constructor, name, length, JS_CFUNC_constructor, 0);
  JSValue prototype = JS_NewObject(context);
  for (const auto& [method, function] : methods) SetFunction(context, prototype, method, function, 1);
  JS_SetConstructor(context, made, prototype);
  JS_FreeValue(context, prototype);
  Set(context, global, name, made, kHidden);
}

// process

JSValue ThrowErrno(JSContext* context, const char* what) {
  return JS_ThrowInternalError(context, "%s: %s", what, std::strerror(errno));
}

JSValue Exit(JSContext* context, JSValueConst, int argc, JSValueConst* argv) {
  int32_t status = 0;
  if (argc > 0 && JS_ToInt32(context, &status, argv[0]) < 0) return JS_EXCEPTION;
  _exit(status);
}

JSValue WhenIdle(JSContext* context, JSValueConst, int argc, JSValueConst* argv) {
  if (argc < 1 || !JS_IsFunction(context, argv[0])) return JS_ThrowTypeError(context, "whenIdle: a function is needed");
  JS_FreeValue(context, idle);
  idle = JS_DupValue(context, argv[0]);
  return JS_UNDEFINED;
}

JSValue CollectAfter(JSContext* context, JSValueConst, int argc, JSValueConst* argv) {
  int64_t bytes = 0;
  if (argc < 1 || JS_ToInt64(context, &bytes, argv[0]) < 0) return JS_EXCEPTION;
  JS_SetGCThreshold(JS_GetRuntime(context), TheSnapshot().used + static_cast<std::size_t>(bytes));
  return JS_UNDEFINED;
}

JSValue CurrentDirectory(JSContext* context, JSValueConst, int, JSValueConst*) {
  char path[PATH_MAX];
  if (getcwd(path, sizeof path) == nullptr) return ThrowErrno(context, "getcwd");
  return Text(context, path);
}

JSValue RealUser(JSContext* context, JSValueConst, int, JSValueConst*) { return JS_NewUint32(context, getuid()); }

JSValue RealGroup(JSContext* context, JSValueConst, int, JSValueConst*) { return JS_NewUint32(context, getgid()); }

JSValue EffectiveUser(JSContext* context, JSValueConst, int, JSValueConst*) { return JS_NewUint32(context, geteuid()); }

JSValue EffectiveGroup(JSContext* context, JSValueConst, int, JSValueConst*) { return JS_NewUint32(context, getegid()); }

JSValue OpenAddon(JSContext* context, JSValueConst, int argc, JSValueConst* argv) {
  if (argc < 2) return JS_ThrowTypeError(context, "dlopen: two arguments are needed");
  const Utf8 path(context, argv[1]);
  if (!path.good()) return JS_EXCEPTION;
  const size_t slash = path.view().rfind('/');
  JSValue exports = LoadAddon(context, slash == std::string_view::npos ? path.view() : path.view().substr(slash + 1));
  if (JS_IsException(exports)) return exports;
  return JS_SetPropertyStr(context, argv[0], "exports", exports) < 0 ? JS_EXCEPTION : JS_UNDEFINED;
}

JSValue OwnPath(JSContext* context, const char* name) {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  return size < 0 ? Text(context, name) : Text(context, {path, static_cast<size_t>(size)});
}

JSValue Variables(JSContext* context, char** environment, int inherited_fds) {
  JSValue object = JS_NewObject(context);
  for (; *environment != nullptr; ++environment) {
    const std::string_view variable = *environment;
    for (const std::string_view name : kPassed) {
      if (variable.size() <= name.size() || variable[name.size()] != '=' || !variable.starts_with(name)) continue;
      Set(context, object, std::string(name).c_str(), Text(context, variable.substr(name.size() + 1)));
    }
  }
  Set(context, object, "RUNT_INHERITED_FDS", Text(context, std::to_string(inherited_fds)));
  return object;
}

#if defined(__x86_64__)
constexpr const char* kArchitecture = "x64";
#elif defined(__aarch64__)
constexpr const char* kArchitecture = "arm64";
#endif

// The members that SetProcess gives a value. A module that reads them while it is loaded would see the build machine's values.
constexpr const char* kKnownLater[] = {"argv", "title", "execPath", "env", "pid"};

JSValue NotYetKnown(JSContext* context, JSValueConst, int, JSValueConst*) {
  return JS_ThrowTypeError(context, "a module looks at the process while it is loaded, which the build does");
}

JSValue Process(JSContext* context) {
  JSValue process = JS_NewObject(context);
  for (const char* name : kKnownLater) {
    const JSAtom atom = JS_NewAtom(context, name);
    JSValue getter = JS_NewCFunction(context, NotYetKnown, name, 0);
    JS_DefinePropertyGetSet(context, process, atom, getter, JS_UNDEFINED, kVisible);
    JS_FreeAtom(context, atom);
  }
  Set(context, process, "arch", JS_NewString(context, kArchitecture));
  JSValue versions = JS_NewObject(context);
  Set(context, versions, "quickjs", JS_NewString(context, RUNT_QUICKJS_VERSION));
  Set(context, process, "versions", versions);
  SetFunction(context, process, "exit", Exit, 1);
  SetFunction(context, process, "whenIdle", WhenIdle, 1);
  SetFunction(context, process, "collectAfter", CollectAfter, 1);
  SetFunction(context, process, "cwd", CurrentDirectory, 0);
  SetFunction(context, process, "getuid", RealUser, 0);
  SetFunction(context, process, "getgid", RealGroup, 0);
  SetFunction(context, process, "geteuid", EffectiveUser, 0);
  SetFunction(context, process, "getegid", EffectiveGroup, 0);
  SetFunction(context, process, "dlopen", OpenAddon, 2);
  return process;
}

}  // namespace

JSValue idle = JS_UNDEFINED;

JSValue Text(JSContext* context, std::string_view bytes) {
  // QuickJS would take the character after an invalid byte, such as a parenthesis or a slash, for a part of its sequence.
  if (!IsUtf8(bytes)) {
    const std::string text = Replaced(bytes);
    return JS_NewStringLen(context, text.data(), text.size());
  }
  return JS_NewStringLen(context, bytes.data(), bytes.size());
}

Utf8::Utf8(JSContext* context, JSValueConst value) : context_(context), text_(JS_ToCStringLen(context, &size_, value)) {
  if (text_ == nullptr) return;
  // The text is this call's own copy, or pure ASCII.
  auto* bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(text_));
  if (std::memchr(bytes, 0xED, size_) == nullptr) return;
  for (size_t index = 0; index + 2 < size_; ++index) {
    if (bytes[index] != 0xED || bytes[index + 1] < 0xA0) continue;
    bytes[index] = 0xEF;
    bytes[index + 1] = 0xBF;
    bytes[index + 2] = 0xBD;
  }
}

Utf8::~Utf8() {
  if (text_ != nullptr) JS_FreeCString(context_, text_);
}

JSValue DefineGlobals(JSContext* context) {
  JSValue global = JS_GetGlobalObject(context);
  JSValue process = Process(context);
  Set(context, global, "process", JS_DupValue(context, process), kHidden);
  DefineClass(context, global, "TextEncoder", NewPlain, 0, {{"encode", Encode}, {"encodeInto", EncodeInto}});
  DefineClass(context, global, "TextDecoder", NewDecoder, 2, {{"decode", Decode}});
  JS_FreeValue(context, global);
  return process;
}

void SetProcess(JSContext* context, JSValueConst process, int argc, char** argv, char** environment, int inherited_fds) {
  JSValue arguments = JS_NewArray(context);
  JSValue path = OwnPath(context, argc > 0 ? argv[0] : "");
  // As for a script: the engine, the script, then the caller's arguments.
  JS_SetPropertyUint32(context, arguments, 0, JS_DupValue(context, path));
  JS_SetPropertyUint32(context, arguments, 1, JS_DupValue(context, path));
  for (int index = 1; index < argc; ++index) {
    JS_SetPropertyUint32(context, arguments, static_cast<uint32_t>(index + 1), Text(context, argv[index]));
  }
  Set(context, process, "argv", arguments);
  Set(context, process, "title", Text(context, argc > 0 ? argv[0] : ""));
  Set(context, process, "execPath", path);
  Set(context, process, "env", Variables(context, environment, inherited_fds));
  Set(context, process, "pid", JS_NewInt32(context, getpid()));
}

}  // namespace runt::engine
