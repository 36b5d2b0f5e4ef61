// SPDX-License-Identifier: Apache-2.0
#ifndef RUNT_BASE_PAGES_H_
#define RUNT_BASE_PAGES_H_

#include <cstddef>
#include <utility>

#include "kernel.h"
#include "syscall.h"

namespace runt {

// Zeroed memory of its own pages, for the few tables whose size the plan decides; empty if there is
// none.
class Pages {
 public:
  explicit Pages(std::size_t size) : size_(size == 0 ? 1 : size) {
    const long address = Syscall(__NR_mmap, nullptr, size_, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous, -1, 0);
    if (address > 0) data_ = reinterpret_cast<void*>(address);
  }
  Pages(Pages&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  Pages& operator=(Pages&&) = delete;
  ~Pages() {
    if (data_ != nullptr) Syscall(__NR_munmap, data_, size_);
  }

  void* data() const { return data_; }
  // They stay until the process ends.
  void* Release() { return std::exchange(data_, nullptr); }

 private:
  void* data_ = nullptr;
  std::size_t size_;
};

}  // namespace runt

#endif  // RUNT_BASE_PAGES_H_
