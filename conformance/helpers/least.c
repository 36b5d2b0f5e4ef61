/* SPDX-License-Identifier: Apache-2.0 */
// A program of few system calls that nobody else makes: it makes the link /tmp/made and ends, or with an argument waits to be
// killed. Without libc.
//
//     gcc -static -nostdlib -O1 -o least least.c
__asm__(
    ".globl _start\n"
    "_start:\n"
#if defined(__x86_64__)
    "  cmpq $1, (%rsp)\n"
    "  jne 1f\n"
    "  lea name(%rip), %rdi\n"
    "  mov %rdi, %rsi\n"
    "  mov $88, %eax\n"
    "  syscall\n"
    "  xor %edi, %edi\n"
    "  mov $231, %eax\n"
    "  syscall\n"
    "1: mov $34, %eax\n"
    "  syscall\n"
    "  jmp 1b\n"
    "name: .asciz \"/tmp/made\"\n"
#else
#error "written for x86_64"
#endif
);
