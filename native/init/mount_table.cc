// SPDX-License-Identifier: Apache-2.0
#include "mount_table.h"

#include "../base/file.h"
#include "../base/syscall.h"
#include "../plan/ops.gen.h"

namespace runt {

namespace {

std::string_view NextWord(std::string_view* rest) {
  std::size_t size = 0;
  while (size < rest->size() && (*rest)[size] != ' ') ++size;
  const std::string_view word(rest->data(), size);
  rest->remove_prefix(size < rest->size() ? size + 1 : size);
  return word;
}

// Space, tab, newline and backslash stand in mountinfo as a backslash and three octal digits.
Text<kPathMax> Unescape(std::string_view text) {
  Text<kPathMax> result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char byte = text[i];
    if (byte == '\\' && i + 3 < text.size()) {
      unsigned value = 0;
      for (std::size_t k = 1; k <= 3; ++k) {
        value = value * 8 + static_cast<unsigned>(text[i + k] - '0');
      }
      byte = static_cast<char>(value);
      i += 3;
    }
    result.Add({&byte, 1});
  }
  return result;
}

// The kernel shows these flags in front of the file system's own options.
std::uint64_t SuperblockFlags(std::string_view options) {
  std::uint64_t flags = 0;
  while (!options.empty()) {
    std::size_t size = 0;
    while (size < options.size() && options[size] != ',') ++size;
    const std::string_view option(options.data(), size);
    if (option == "ro") flags |= MS_RDONLY;
    if (option == "sync") flags |= MS_SYNCHRONOUS;
    if (option == "mand") flags |= MS_MANDLOCK;
    if (option == "lazytime") flags |= MS_LAZYTIME;
    options.remove_prefix(size < options.size() ? size + 1 : size);
  }
  return flags;
}

// MAJOR:MINOR
bool ParseDevice(std::string_view text, std::uint64_t* device) {
  std::size_t colon = 0;
  while (colon < text.size() && text[colon] != ':') ++colon;
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  if (colon == text.size() || !ParseNumber({text.data(), colon}, &major) ||
      !ParseNumber({text.data() + colon + 1, text.size() - colon - 1}, &minor)) {
    return false;
  }
  *device = major << 32 | minor;
  return true;
}

}  // namespace

bool ParseMountEntry(std::string_view line, MountEntry* entry) {
  if (!ParseNumber(NextWord(&line), &entry->id)) return false;
  if (!ParseNumber(NextWord(&line), &entry->parent)) return false;
  if (!ParseDevice(NextWord(&line), &entry->device)) return false;
  entry->whole = NextWord(&line) == "/";
  entry->path = Unescape(NextWord(&line));
  // Optional fields end with a lone hyphen.
  while (!line.empty() && NextWord(&line) != "-") {
  }
  entry->type = Text<64>(NextWord(&line));
  NextWord(&line);  // source
  entry->superblock = SuperblockFlags(NextWord(&line));
  return !entry->path.empty() && !entry->type.empty();
}

bool IsBelow(std::string_view path, std::string_view directory) {
  if (directory == "/") return true;
  if (path.size() < directory.size()) return false;
  if (std::string_view(path.data(), directory.size()) != directory) return false;
  return path.size() == directory.size() || path[directory.size()] == '/';
}

Result<bool> MountTable::NextLine(std::string_view* line) {
  for (;;) {
    for (std::size_t i = begin_; i < end_; ++i) {
      if (buffer_[i] != '\n') continue;
      *line = {buffer_ + begin_, i - begin_};
      begin_ = i + 1;
      if (!skipping_) return true;
      skipping_ = false;
      i = begin_ - 1;
    }
    for (std::size_t i = begin_; i < end_; ++i) buffer_[i - begin_] = buffer_[i];
    end_ -= begin_;
    begin_ = 0;
    if (end_ == sizeof buffer_) {
      end_ = 0;
      skipping_ = true;
    }
    const long got = TRY(Checked(ReadSome(fd_, buffer_ + end_, sizeof buffer_ - end_), Call::kRead, "self/mountinfo"));
    if (got == 0) return false;
    end_ += static_cast<std::size_t>(got);
  }
}

Result<bool> MountTable::Next(MountEntry* entry) {
  std::string_view line;
  while (TRY(NextLine(&line))) {
    if (ParseMountEntry(line, entry)) return true;
  }
  return false;
}

Status MountTable::Rewind() {
  begin_ = end_ = 0;
  skipping_ = false;
  return Check(Syscall(__NR_lseek, fd_, 0, 0), Call::kRead, "self/mountinfo");
}

}  // namespace runt
