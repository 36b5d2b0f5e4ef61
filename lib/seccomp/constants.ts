// SPDX-License-Identifier: Apache-2.0
/** Numbers of seccomp: the kernel's (linux/seccomp.h) and libseccomp's (seccomp.h), by the names of config.json. */

import type { LinuxSeccompAction, LinuxSeccompOperator } from "../spec/types.ts";

/** SECCOMP_RET_*; the lower 16 bits are free for an errno. */
export const ACTIONS: Readonly<Record<LinuxSeccompAction, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_ALLOW: 0x7fff0000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
};

/** enum scmp_compare. */
export const OPERATORS: Readonly<Record<LinuxSeccompOperator, number>> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

/** SECCOMP_FILTER_FLAG_* for seccomp(2). */
export const FLAGS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};
export const FLAG_SPEC_ALLOW = 4;
export const FLAG_NEW_LISTENER = 8;
export const FLAG_WAIT_KILLABLE_RECV = 32;

/** Values of `linux.seccomp.architectures`. */
export const ARCHITECTURES: readonly string[] = [
  "SCMP_ARCH_X86",
  "SCMP_ARCH_X86_64",
  "SCMP_ARCH_X32",
  "SCMP_ARCH_ARM",
  "SCMP_ARCH_AARCH64",
  "SCMP_ARCH_MIPS",
  "SCMP_ARCH_MIPS64",
  "SCMP_ARCH_MIPS64N32",
  "SCMP_ARCH_MIPSEL",
  "SCMP_ARCH_MIPSEL64",
  "SCMP_ARCH_MIPSEL64N32",
  "SCMP_ARCH_PPC",
  "SCMP_ARCH_PPC64",
  "SCMP_ARCH_PPC64LE",
  "SCMP_ARCH_S390",
  "SCMP_ARCH_S390X",
  "SCMP_ARCH_PARISC",
  "SCMP_ARCH_PARISC64",
  "SCMP_ARCH_RISCV64",
  "SCMP_ARCH_LOONGARCH64",
  "SCMP_ARCH_M68K",
  "SCMP_ARCH_SH",
  "SCMP_ARCH_SHEB",
];

/** libseccomp's tokens are the kernel's AUDIT_ARCH_*, except that x32 has one of its own. */
export const AUDIT_ARCH_X86_64 = 0xc000003e;
export const TOKEN_X32 = 0x4000003e;
export const AUDIT_ARCH_S390 = 0x16;
export const AUDIT_ARCH_S390X = 0x80000016;
/** Set in the number of every system call of x32. */
export const X32_BIT = 0x40000000;

const EPERM = 1;

/** The return value of a filter for an action. `errnoRet` counts for ERRNO and TRACE only; EPERM where it is absent. */
export function actionValue(action: LinuxSeccompAction, errnoRet: number | undefined): number {
  const base = ACTIONS[action];
  const carries = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
  return carries ? base + ((errnoRet ?? EPERM) & 0xffff) : base;
}
