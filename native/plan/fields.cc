// SPDX-License-Identifier: Apache-2.0
#include "fields.h"

namespace runt {

namespace {

constexpr std::size_t kAlignment = 8;

}  // namespace

bool FieldReader::Take(std::uint64_t size, const unsigned char** out) {
  if (size > size_) return false;
  const std::size_t padded = (static_cast<std::size_t>(size) + kAlignment - 1) & ~(kAlignment - 1);
  if (padded > size_) return false;
  for (std::size_t i = static_cast<std::size_t>(size); i < padded; ++i) {
    if (data_[i] != 0) return false;
  }
  *out = data_;
  data_ += padded;
  size_ -= padded;
  return true;
}

bool FieldReader::Read(std::uint64_t* out) {
  const unsigned char* bytes = nullptr;
  if (!Take(sizeof *out, &bytes)) return false;
  *out = *reinterpret_cast<const std::uint64_t*>(bytes);
  return true;
}

bool FieldReader::Read(std::int64_t* out) {
  std::uint64_t bits = 0;
  if (!Read(&bits)) return false;
  *out = static_cast<std::int64_t>(bits);
  return true;
}

bool FieldReader::Read(std::uint32_t* out) {
  std::uint64_t wide = 0;
  if (!Read(&wide) || wide > UINT32_MAX) return false;
  *out = static_cast<std::uint32_t>(wide);
  return true;
}

bool FieldReader::ReadBytes(std::string_view* out) {
  std::uint64_t length = 0;
  const unsigned char* bytes = nullptr;
  if (!Read(&length) || !Take(length, &bytes)) return false;
  *out = {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length)};
  return true;
}

bool FieldReader::ReadText(std::string_view* out) {
  std::uint64_t length = 0;
  const unsigned char* bytes = nullptr;
  if (!Read(&length) || length >= size_ || !Take(length + 1, &bytes)) return false;
  const auto size = static_cast<std::size_t>(length);
  for (std::size_t i = 0; i < size; ++i) {
    if (bytes[i] == 0) return false;
  }
  if (bytes[size] != 0) return false;
  *out = {reinterpret_cast<const char*>(bytes), size};
  return true;
}

bool FieldReader::Read(Strings* out) {
  std::uint64_t count = 0;
  std::uint64_t length = 0;
  const unsigned char* bytes = nullptr;
  if (!Read(&count) || !Read(&length) || !Take(length, &bytes)) return false;
  std::uint64_t terminators = 0;
  for (std::size_t i = 0; i < length; ++i) terminators += bytes[i] == 0 ? 1 : 0;
  if (terminators != count || (length > 0 && bytes[length - 1] != 0)) return false;
  *out = Strings(static_cast<std::size_t>(count), {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length)});
  return true;
}

bool FieldReader::Read(Numbers* out) {
  std::uint64_t count = 0;
  const unsigned char* bytes = nullptr;
  if (!Read(&count) || count > size_ / sizeof(std::uint32_t)) return false;
  if (!Take(count * sizeof(std::uint32_t), &bytes)) return false;
  *out = Numbers(reinterpret_cast<const std::uint32_t*>(bytes), static_cast<std::size_t>(count));
  return true;
}

}  // namespace runt
