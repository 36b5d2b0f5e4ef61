// SPDX-License-Identifier: Apache-2.0
// The start of the program, in the place of the C library's own.
//
// glibc asks the processor 41 times what it can do (cpuid), before main() and for each program anew. In a virtual machine
// each answer comes from the hypervisor: 6 to 10 us on the machine where it was measured, 0.4 ms for a start, as much as the
// interpreter needs until it runs a command. glibc chooses string functions by the answers. Nothing here copies enough to
// notice the choice, so this start does not ask: where glibc knows nothing of a processor, it takes what every x86_64 has.
//
// All else is what csu/libc-start.c does, in its order, but for its look at the standard descriptors of a set-user-ID
// program: main() looks at them always. These functions are glibc's own affair and change with its releases, so other
// releases than those named below keep their own start, and other architectures, where nothing has to be asked.
#include <features.h>

#if defined(RUNT_OWN_START) && defined(__x86_64__) && defined(__GLIBC__) && __GLIBC__ == 2 && \
    (__GLIBC_MINOR__ == 36 || __GLIBC_MINOR__ == 41)

#include <elf.h>

#include <cstdint>
#include <cstdlib>

extern "C" {

extern char** __environ;
extern void* __libc_stack_end;
extern const std::uint64_t* _dl_random;  // AT_RANDOM: 16 bytes

void _dl_aux_init(Elf64_auxv_t* vector);
void __tunables_init(char** environment);
void __libc_setup_tls();
void __libc_early_init(bool is_initial);
void __libc_init_first(int argc, char** argv, char** environment);
void _init();
void _fini();

using Initializer = void (*)(int argc, char** argv, char** environment);
extern const Initializer __preinit_array_start[], __preinit_array_end[];
extern const Initializer __init_array_start[], __init_array_end[];
using Finisher = void (*)();
extern const Finisher __fini_array_start[], __fini_array_end[];
// What the linker leaves to do in a program without an interpreter: each addend is a function that chooses one.
[[gnu::weak]] extern const Elf64_Rela __rela_iplt_start[], __rela_iplt_end[];

// What the string functions know of the caches, in bytes: glibc's own defaults, and for the last the one that it computes
// from them. Its start would set them, and defines them.
long __x86_data_cache_size_half = 32 * 1024 / 2;
long __x86_data_cache_size = 32 * 1024;
long __x86_shared_cache_size_half = 1024 * 1024 / 2;
long __x86_shared_cache_size = 1024 * 1024;
long __x86_rep_movsb_threshold = 2048;
long __x86_rep_stosb_threshold = 2048;
long __x86_rep_movsb_stop_threshold = 1024 * 1024 * 3 / 4;
long __x86_shared_non_temporal_threshold = 1024 * 1024 * 3 / 4;
long __x86_memset_non_temporal_threshold = 1024 * 1024 * 3 / 4;
int __x86_string_control = 0;

// The engine that counts for the compiler writes down its counts here.
static void Finish() {
  for (const Finisher* each = __fini_array_end; each > __fini_array_start;) (*--each)();
  _fini();
}

[[noreturn]] __attribute__((no_stack_protector)) int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv,
                                                                       void (*)(), void (*)(), void (*)(), void* stack_end) {
  char** const environment = argv + argc + 1;
  __environ = environment;
  __libc_stack_end = stack_end;
  char** end = environment;
  while (*end != nullptr) end++;
  _dl_aux_init(reinterpret_cast<Elf64_auxv_t*>(end + 1));
  __tunables_init(environment);
  for (const Elf64_Rela* each = __rela_iplt_start; each < __rela_iplt_end; each++) {
    const auto choose = reinterpret_cast<std::uintptr_t (*)()>(each->r_addend);
    *reinterpret_cast<std::uintptr_t*>(each->r_offset) = choose();
  }
  __libc_setup_tls();
  // What the compiler's stack protector and longjmp(3) compare with, at the thread's own address. A zero byte comes first, so
  // that no string that is copied too far can hold it.
  const std::uint64_t guard = _dl_random[0] & ~std::uint64_t{0xFF};
  asm volatile("mov %0, %%fs:0x28\n\tmov %1, %%fs:0x30" : : "r"(guard), "r"(_dl_random[1]) : "memory");
  __libc_early_init(true);
  __libc_init_first(argc, argv, environment);
  std::atexit(Finish);
  for (const Initializer* each = __preinit_array_start; each < __preinit_array_end; each++) (*each)(argc, argv, environment);
  _init();
  for (const Initializer* each = __init_array_start; each < __init_array_end; each++) (*each)(argc, argv, environment);
  std::exit(main(argc, argv, environment));
}

}  // extern "C"

#endif
