// SPDX-License-Identifier: Apache-2.0
// A plan as bytes (native/README.md has the format). It is no system call: the same walk in JavaScript took a seventh of the time
// that `run` needs until init can go on.

#include <cstdint>
#include <cstring>
#include <vector>

#include "addon.h"

namespace runt::addon {
namespace {

// The kinds of fields, by their places in FIELD_TYPES of lib/plan/encode.ts.
enum class Kind : uint32_t { kU32, kU64, kI64, kString, kStrings, kU32s, kBytes };

constexpr size_t kAlignment = 8;
// A plan without long texts fits.
constexpr size_t kUsual = 16 << 10;
// What a text gets before its length is known.
constexpr size_t kTextRoom = 256;

// The order of bytes is the host's, as in the mapping that init reads.
class Writer {
 public:
  explicit Writer(napi_env env) : env_(env) { bytes_.reserve(kUsual); }

  [[nodiscard]] size_t position() const { return bytes_.size(); }
  [[nodiscard]] const std::vector<uint8_t>& bytes() const { return bytes_; }

  void Pair(uint32_t low, uint32_t high) {
    const size_t at = Skip();
    Patch(at, low, high);
  }

  // Leaves room for a pair; its place.
  size_t Skip() {
    bytes_.resize(bytes_.size() + kAlignment);
    return bytes_.size() - kAlignment;
  }

  void Patch(size_t at, uint32_t low, uint32_t high) {
    const uint32_t pair[] = {low, high};
    std::memcpy(bytes_.data() + at, pair, sizeof pair);
  }

  // False for a value of another kind, for a text with a NUL, and after an exception.
  [[nodiscard]] bool Field(Kind kind, napi_value value) {
    switch (kind) {
      case Kind::kU32: {
        uint32_t number = 0;
        if (napi_get_value_uint32(env_, value, &number) != napi_ok) return false;
        Pair(number, 0);
        return true;
      }
      // Both have the same 64 bits; the compiler of TypeScript tells them apart.
      case Kind::kU64:
      case Kind::kI64: {
        uint64_t number = 0;
        bool is_lossless = false;
        if (napi_get_value_bigint_uint64(env_, value, &number, &is_lossless) != napi_ok) return false;
        const size_t at = Skip();
        std::memcpy(bytes_.data() + at, &number, sizeof number);
        return true;
      }
      case Kind::kString: {
        const size_t at = Skip();
        if (!Text(value)) return false;
        Patch(at, static_cast<uint32_t>(position() - at - kAlignment - 1), 0);
        Align();
        return true;
      }
      case Kind::kStrings:
        return Strings(value);
      case Kind::kU32s:
        return Numbers(value);
      case Kind::kBytes:
        return Raw(value);
    }
    return false;
  }

 private:
  void Align() { bytes_.resize((bytes_.size() + kAlignment - 1) / kAlignment * kAlignment); }

  // The text as UTF-8 and a NUL.
  [[nodiscard]] bool Text(napi_value value) {
    const size_t start = bytes_.size();
    size_t room = kTextRoom;
    size_t size = 0;
    for (;;) {
      bytes_.resize(start + room);
      if (napi_get_value_string_utf8(env_, value, reinterpret_cast<char*>(bytes_.data() + start), room, &size) != napi_ok)
        return false;
      // A text that does not fit is cut between two characters of up to four bytes.
      if (size + 4 < room) break;
      if (napi_get_value_string_utf8(env_, value, nullptr, 0, &size) != napi_ok) return false;
      room = size + 5;
    }
    bytes_.resize(start + size + 1);
    // The kernel would cut the text at the NUL, so a check of the whole text would have checked another.
    return std::memchr(bytes_.data() + start, 0, size) == nullptr;
  }

  [[nodiscard]] bool Strings(napi_value value) {
    uint32_t count = 0;
    if (napi_get_array_length(env_, value, &count) != napi_ok) return false;
    Pair(count, 0);
    const size_t at = Skip();
    for (uint32_t index = 0; index < count; ++index) {
      napi_value each = nullptr;
      if (napi_get_element(env_, value, index, &each) != napi_ok || !Text(each)) return false;
    }
    Patch(at, static_cast<uint32_t>(position() - at - kAlignment), 0);
    Align();
    return true;
  }

  [[nodiscard]] bool Numbers(napi_value value) {
    uint32_t count = 0;
    if (napi_get_array_length(env_, value, &count) != napi_ok) return false;
    Pair(count, 0);
    for (uint32_t index = 0; index < count; index += 2) {
      uint32_t pair[2] = {};
      for (uint32_t half = 0; half < 2 && index + half < count; ++half) {
        napi_value each = nullptr;
        if (napi_get_element(env_, value, index + half, &each) != napi_ok) return false;
        if (napi_get_value_uint32(env_, each, &pair[half]) != napi_ok) return false;
      }
      Pair(pair[0], pair[1]);
    }
    return true;
  }

  [[nodiscard]] bool Raw(napi_value value) {
    Buffer data;
    if (ReadArgument(Napi::Value(env_, value), data) != 0) return false;
    Pair(static_cast<uint32_t>(data.size), 0);
    const size_t start = bytes_.size();
    bytes_.resize(start + data.size);
    if (data.size > 0) std::memcpy(bytes_.data() + start, data.data, data.size);
    Align();
    return true;
  }

  napi_env env_;
  std::vector<uint8_t> bytes_;
};

napi_value Member(napi_env env, napi_value object, const char* name) {
  napi_value value = nullptr;
  return napi_get_named_property(env, object, name, &value) == napi_ok ? value : nullptr;
}

bool Member(napi_env env, napi_value object, const char* name, uint32_t& out) {
  napi_value value = Member(env, object, name);
  return value != nullptr && napi_get_value_uint32(env, value, &out) == napi_ok;
}

// A step: the number of its operation, its size, and its fields in the order of the layout.
bool Step(napi_env env, Writer& writer, napi_value step, napi_value layouts) {
  napi_value operation = Member(env, step, "op");
  napi_value fields = Member(env, step, "fields");
  napi_value layout = nullptr;
  if (operation == nullptr || fields == nullptr || napi_get_property(env, layouts, operation, &layout) != napi_ok) return false;
  uint32_t number = 0;
  napi_value names = Member(env, layout, "names");
  napi_value kinds = Member(env, layout, "kinds");
  uint32_t count = 0;
  if (!Member(env, layout, "number", number) || names == nullptr || kinds == nullptr) return false;
  if (napi_get_array_length(env, names, &count) != napi_ok) return false;
  const size_t start = writer.Skip();
  for (uint32_t index = 0; index < count; ++index) {
    napi_value name = nullptr;
    napi_value kind = nullptr;
    napi_value value = nullptr;
    uint32_t known = 0;
    if (napi_get_element(env, names, index, &name) != napi_ok || napi_get_element(env, kinds, index, &kind) != napi_ok)
      return false;
    if (napi_get_value_uint32(env, kind, &known) != napi_ok || napi_get_property(env, fields, name, &value) != napi_ok)
      return false;
    if (!writer.Field(static_cast<Kind>(known), value)) return false;
  }
  writer.Patch(start, number, static_cast<uint32_t>(writer.position() - start));
  return true;
}

}  // namespace

Napi::Value EncodePlan(Napi::Env env, const Napi::Object& steps, const Napi::Object& layouts, uint32_t magic, uint32_t version) {
  uint32_t count = 0;
  if (napi_get_array_length(env, steps, &count) != napi_ok) return env.Null();
  Writer writer(env);
  writer.Pair(magic, version);
  const size_t head = writer.Skip();
  for (uint32_t index = 0; index < count; ++index) {
    // What a step has needed is let go with it.
    const Napi::HandleScope scope(env);
    napi_value step = nullptr;
    if (napi_get_element(env, steps, index, &step) != napi_ok || !Step(env, writer, step, layouts)) return env.Null();
  }
  writer.Patch(head, static_cast<uint32_t>(writer.position()), count);
  auto result = Napi::Uint8Array::New(env, writer.position());
  std::memcpy(result.Data(), writer.bytes().data(), writer.position());
  return result;
}

}  // namespace runt::addon
