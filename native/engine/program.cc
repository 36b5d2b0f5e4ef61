// The bytecode of the program, as the build has made it, in read-only memory.

#include "engine.h"

asm(".section .rodata.runt_program, \"a\"\n"
    ".balign 16\n"
    ".globl runt_program\n"
    "runt_program:\n"
    ".incbin \"" RUNT_PROGRAM "\"\n"
    ".globl runt_program_end\n"
    "runt_program_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" const char runt_program[];
extern "C" const char runt_program_end[];

std::string_view runt::engine::Program() {
  return {runt_program, static_cast<std::size_t>(runt_program_end - runt_program)};
}
