// SPDX-License-Identifier: Apache-2.0
// Raw system calls, without libc: the same in the freestanding executables and in hosted tests.
// Every call returns what the kernel returned, so a failure is -errno and there is no global errno.

#ifndef RUNT_BASE_SYSCALL_H_
#define RUNT_BASE_SYSCALL_H_

#include <asm/errno.h>
#include <asm/unistd.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace runt {

namespace internal {

#if defined(__x86_64__)

inline long Raw(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

inline long Raw(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
  return x0;
}

#else
#error "runt knows the system calls of x86_64 and aarch64 only"
#endif

template <typename T>
inline long Word(T value) {
  if constexpr (std::is_null_pointer_v<T>) {
    return 0;
  } else if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<long>(value);
  } else {
    return static_cast<long>(value);
  }
}

}  // namespace internal

// System call `number` (__NR_*), with up to six arguments: integers or pointers.
template <typename... Args>
inline long Syscall(long number, Args... args) {
  static_assert(sizeof...(Args) <= 6);
  long words[6] = {internal::Word(args)...};
  return internal::Raw(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

// Whether a call is unavailable: the kernel lacks it, or a seccomp filter around this process
// refuses it. If the call itself can return EPERM, the caller must tell the two apart.
inline bool IsMissing(long result) { return result == -ENOSYS || result == -EPERM; }

[[noreturn]] inline void ExitProcess(int status) {
  Syscall(__NR_exit_group, status);
  // A seccomp filter has refused even that; it cannot refuse a fault.
  __builtin_trap();
}

}  // namespace runt

#endif  // RUNT_BASE_SYSCALL_H_
