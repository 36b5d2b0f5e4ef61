// SPDX-License-Identifier: Apache-2.0
#ifndef RUNT_BASE_UNIQUE_FD_H_
#define RUNT_BASE_UNIQUE_FD_H_

#include <utility>

#include "result.h"

namespace runt {

// Owns one descriptor; moving leaves -1 behind.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset() {
    if (fd_ >= 0) Close();
  }

 private:
  void Close();

  int fd_ = -1;
};

// The descriptor that a raw system call returned.
Result<UniqueFd> CheckedFd(long returned, Call call, std::string_view subject);

}  // namespace runt

#endif  // RUNT_BASE_UNIQUE_FD_H_
