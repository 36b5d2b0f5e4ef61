// SPDX-License-Identifier: Apache-2.0
/**
 * The -ENOSYS answer for system calls that are newer than a profile.
 *
 * A C library that tries a new system call falls back to an older one at ENOSYS, not at the EPERM that most profiles
 * answer by default. A profile was written when its newest system call was there: a call with a higher number did not
 * exist for its author, so the filter says so. As in runc; pure.
 */
import { AUDIT_ARCH_S390, AUDIT_ARCH_S390X, AUDIT_ARCH_X86_64, TOKEN_X32, X32_BIT } from "./constants.ts";

/** The highest number of a profile on one architecture. */
export interface Newest {
  /** Token of libseccomp. */
  readonly architecture: number;
  readonly syscall: number;
}

/** One instruction of classic BPF: struct sock_filter. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP = 0x05; // BPF_JMP | BPF_JA
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_SET = 0x45;
const RETURN = 0x06;
/** Offsets in struct seccomp_data. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const ERRNO_ENOSYS = 0x00050000 + 38;

const at = (code: number, k: number, jt = 0, jf = 0): Instruction => ({ code, jt, jf, k });

/**
 * The instructions before a filter; a call that is not newer than the profile falls through to the filter. Empty where
 * there is nothing to compare with.
 */
export function enosysPrologue(newest: readonly Newest[]): readonly Instruction[] {
  const blocks: (readonly Instruction[])[] = [];
  const x86: { wide?: number; x32?: number } = {};
  for (const { architecture, syscall } of newest) {
    if (architecture === AUDIT_ARCH_X86_64) x86.wide = syscall;
    else if (architecture === TOKEN_X32) x86.x32 = syscall;
    else blocks.push(block(architecture, ordinary(architecture, syscall)));
  }
  if (x86.wide !== undefined || x86.x32 !== undefined) {
    blocks.push(block(AUDIT_ARCH_X86_64, mixed(x86.wide, x86.x32)));
  }
  if (blocks.length === 0) return [];
  const program = [at(LOAD, ARCHITECTURE)];
  let left = blocks.reduce((sum, { length }) => sum + length, 0);
  for (const each of blocks) {
    left -= each.length;
    // The last of a block leads to the filter, over the blocks behind it.
    program.push(...each.slice(0, -1), at(JUMP, left));
  }
  return program;
}

/** `body` ends where its last instruction, a jump, goes to the filter. */
function block(architecture: number, body: readonly Instruction[]): readonly Instruction[] {
  const inside = [at(LOAD, NUMBER), ...body, at(JUMP, 0)];
  return [at(JUMP_EQUAL, architecture, 0, inside.length), ...inside];
}

function ordinary(architecture: number, newest: number): readonly Instruction[] {
  const above = [at(JUMP_GREATER, newest, 0, 1), at(RETURN, ERRNO_ENOSYS)];
  if (architecture !== AUDIT_ARCH_S390 && architecture !== AUDIT_ARCH_S390X) return above;
  // Numbers that this kernel does not know arrive as 0 there: setup(2), which no program has called for decades.
  return [at(JUMP_EQUAL, 0, 0, 1), at(RETURN, ERRNO_ENOSYS), ...above];
}

/** x86_64 and x32 are one architecture for the kernel; a mode that the profile does not have is left to the filter. */
function mixed(wide: number | undefined, x32: number | undefined): readonly Instruction[] {
  const above = (newest: number | undefined): readonly Instruction[] =>
    newest === undefined ? [] : [at(JUMP_GREATER, newest, 0, 1), at(RETURN, ERRNO_ENOSYS)];
  const [narrow, ordinaryCalls] = [above(x32), above(wide)];
  // After the part of x32 comes a jump over the other part.
  const first = [...narrow, at(JUMP, ordinaryCalls.length)];
  return [at(JUMP_SET, X32_BIT, 0, first.length), ...first, ...ordinaryCalls];
}

/** Instructions as seccomp(2) takes them. */
export function encodeInstructions(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  instructions.forEach(({ code, jt, jf, k }, index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k, true);
  });
  return bytes;
}
