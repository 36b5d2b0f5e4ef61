// SPDX-License-Identifier: Apache-2.0
/** Runs a filter as the kernel does: classic BPF on struct seccomp_data. Pure. */

/** A system call as a filter sees it. */
export interface FilteredCall {
  /** AUDIT_ARCH_*. */
  readonly arch: number;
  readonly nr: number;
  /** Up to six arguments; the others are 0. */
  readonly args?: readonly bigint[];
}

const DATA_SIZE = 64;
const ARGUMENTS = 16;
const INSTRUCTION_POINTER = 8;
const MEMORY_WORDS = 16;

/** The instructions that seccomp(2) takes and libseccomp writes. */
const Op = {
  LOAD: 0x20,
  LOAD_MEMORY: 0x60,
  STORE: 0x02,
  AND: 0x54,
  TO_INDEX: 0x07,
  FROM_INDEX: 0x87,
  JUMP: 0x05,
  JUMP_EQUAL: 0x15,
  JUMP_GREATER: 0x25,
  JUMP_AT_LEAST: 0x35,
  JUMP_SET: 0x45,
  RETURN: 0x06,
} as const;

/** What the filter returns: SECCOMP_RET_* and its data. @throws Error for a program that is none */
export function interpret(program: Uint8Array, call: FilteredCall): number {
  return execute(program, call, DATA_SIZE) ?? 0;
}

/** As `interpret`; undefined where the program looks at more than the call's number and architecture. */
export function interpretBlind(program: Uint8Array, { arch, nr }: FilteredCall): number | undefined {
  return execute(program, { arch, nr }, INSTRUCTION_POINTER);
}

/** @param end the program may load what lies before this offset; else the result is undefined */
function execute(program: Uint8Array, { arch, nr, args = [] }: FilteredCall, end: number): number | undefined {
  const data = new DataView(new ArrayBuffer(DATA_SIZE));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  for (let index = 0; index < 6; index++) data.setBigUint64(ARGUMENTS + 8 * index, args[index] ?? 0n, true);
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const memory = new Uint32Array(MEMORY_WORDS);
  let [accumulator, index] = [0, 0];
  for (let pc = 0; ; pc++) {
    const at = pc * 8;
    const k = code.getUint32(at + 4, true);
    const jump = (condition: boolean): void => void (pc += code.getUint8(condition ? at + 2 : at + 3));
    const op = code.getUint16(at, true);
    if (op === Op.RETURN) return k;
    else if (op === Op.LOAD) {
      if (k >= end) return undefined;
      accumulator = data.getUint32(k, true);
    } else if (op === Op.LOAD_MEMORY) accumulator = memory[k] ?? 0;
    else if (op === Op.STORE) memory[k] = accumulator;
    else if (op === Op.AND) accumulator = (accumulator & k) >>> 0;
    else if (op === Op.TO_INDEX) index = accumulator;
    else if (op === Op.FROM_INDEX) accumulator = index;
    else if (op === Op.JUMP) pc += k;
    else if (op === Op.JUMP_EQUAL) jump(accumulator === k);
    else if (op === Op.JUMP_GREATER) jump(accumulator > k);
    else if (op === Op.JUMP_AT_LEAST) jump(accumulator >= k);
    else if (op === Op.JUMP_SET) jump((accumulator & k) !== 0);
    else throw new Error(`instruction ${pc}: unknown code 0x${op.toString(16)}`);
  }
}
