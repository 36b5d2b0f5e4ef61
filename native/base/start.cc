// SPDX-License-Identifier: Apache-2.0
#include "start.h"

#if !__STDC_HOSTED__

#include <elf.h>
#include <linux/auxvec.h>

#include <cstddef>
#include <cstdint>

#include "syscall.h"

// The kernel enters with the stack pointer at argc; nothing is set up yet.
#if defined(__x86_64__)
__asm__(
    ".section .text._start,\"ax\",@progbits\n"
    ".globl _start\n"
    ".type _start,@function\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call RuntStart\n"
    "  hlt\n"
    ".size _start,.-_start\n"
    ".text\n");
#elif defined(__aarch64__)
__asm__(
    ".section .text._start,\"ax\",%progbits\n"
    ".globl _start\n"
    ".type _start,%function\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  mov x0, sp\n"
    "  and sp, x0, #-16\n"
    "  bl RuntStart\n"
    "  brk #1\n"
    ".size _start,.-_start\n"
    ".text\n");
#endif

extern "C" {

// The value that the compiler's stack protector (-mstack-protector-guard=global) compares with, and
// the function that it calls.
std::uintptr_t __stack_chk_guard = 0;

[[noreturn]] void __stack_chk_fail() { __builtin_trap(); }

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));
// Not weak: that would be a load from the global offset table, which is not relocated yet.
extern Elf64_Dyn _DYNAMIC[] __attribute__((visibility("hidden")));

[[noreturn]] void RuntStart(std::uintptr_t* stack) __attribute__((used, no_stack_protector));
}

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kRelative = R_X86_64_RELATIVE;
#elif defined(__aarch64__)
constexpr std::uint32_t kRelative = R_AARCH64_RELATIVE;
#endif

// A static-pie has relative relocations only; anything else would need a dynamic linker.
__attribute__((no_stack_protector)) void Relocate(std::uintptr_t base) {
  const Elf64_Rela* table = nullptr;
  std::size_t size = 0;
  for (const Elf64_Dyn* entry = _DYNAMIC; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_RELA) table = reinterpret_cast<Elf64_Rela*>(base + entry->d_un.d_ptr);
    if (entry->d_tag == DT_RELASZ) size = entry->d_un.d_val;
  }
  for (std::size_t i = 0; i < size / sizeof(Elf64_Rela); ++i) {
    if (ELF64_R_TYPE(table[i].r_info) != kRelative) __builtin_trap();
    *reinterpret_cast<std::uintptr_t*>(base + table[i].r_offset) = base + static_cast<std::uintptr_t>(table[i].r_addend);
  }
}

// Without a dynamic linker this program itself makes the relocated read-only data read-only.
__attribute__((no_stack_protector)) void ProtectRelocated(std::uintptr_t base) {
  const auto* header = reinterpret_cast<const Elf64_Phdr*>(base + __ehdr_start.e_phoff);
  for (int i = 0; i < __ehdr_start.e_phnum; ++i) {
    if (header[i].p_type != PT_GNU_RELRO) continue;
    constexpr std::uintptr_t kPage = 4096;
    const std::uintptr_t start = (base + header[i].p_vaddr) & ~(kPage - 1);
    const std::uintptr_t end = (base + header[i].p_vaddr + header[i].p_memsz) & ~(kPage - 1);
    if (end > start) runt::Syscall(__NR_mprotect, start, end - start, 1 /* PROT_READ */);
  }
}

}  // namespace

void RuntStart(std::uintptr_t* stack) {
  const auto base = reinterpret_cast<std::uintptr_t>(&__ehdr_start);
  if (__ehdr_start.e_type == ET_DYN) {
    Relocate(base);
    ProtectRelocated(base);
  }
  const int argc = static_cast<int>(stack[0]);
  auto* argv = reinterpret_cast<char**>(stack + 1);
  char** environment = argv + argc + 1;
  char** end = environment;
  while (*end != nullptr) ++end;
  for (auto* entry = reinterpret_cast<Elf64_auxv_t*>(end + 1); entry->a_type != AT_NULL; ++entry) {
    if (entry->a_type == AT_RANDOM) {
      __builtin_memcpy(&__stack_chk_guard, reinterpret_cast<void*>(entry->a_un.a_val), sizeof __stack_chk_guard);
    }
  }
  // A NUL byte in the guard stops string overflows from forging it.
  __stack_chk_guard &= ~static_cast<std::uintptr_t>(0xff);
  runt::ExitProcess(runt::Main(argc, argv, environment));
}

#endif  // !__STDC_HOSTED__
