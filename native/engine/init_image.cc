// SPDX-License-Identifier: Apache-2.0
// The executable `init` within the program, for sealedInit of the addon: the program works wherever it is copied to.
asm(R"(
  .section .rodata.runt_init,"a",@progbits
  .balign 4096
  .global runt_init_begin, runt_init_end
  .hidden runt_init_begin, runt_init_end
runt_init_begin:
  .incbin ")" RUNT_INIT_FILE R"("
runt_init_end:
  .previous
)");
