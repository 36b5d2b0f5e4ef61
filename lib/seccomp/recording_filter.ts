// SPDX-License-Identifier: Apache-2.0
/** The filter of a process whose system calls are recorded: what the profile allows is reported first. Pure. */
import { RuntimeError } from "../errors.ts";
import { ACTIONS, FLAG_NEW_LISTENER } from "./constants.ts";
import { encodeInstructions, type Instruction } from "./enosys.ts";
import type { UnreportedCalls } from "./unreported.ts";

/** Instructions that the kernel takes (BPF_MAXINSNS), of 8 bytes each. */
const MAX_INSTRUCTIONS = 4096;
const SIZE = 8;
const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP = 0x05; // BPF_JMP | BPF_JA
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;
/** Returns the accumulator: what that is only the run shows. */
const RETURN_ACCUMULATOR = 0x16;
const ACTION_MASK = 0xffff0000;
/** Offsets in struct seccomp_data. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const ARGUMENTS = 16;

/** The last two arguments of the calls that pass unreported. */
export interface Marks {
  readonly fifth: bigint;
  readonly sixth: bigint;
}

/**
 * A filter that reports what `filter` allows, and refuses what it refuses.
 *
 * @param filter a compiled profile; without one everything is allowed
 * @param marks random: init, which alone knows them, gives the listener away by calls with these arguments. The kernel does not
 *   look at arguments that a call does not have
 * @param unreported calls that `filter` allows whatever their arguments are, and that are not to be reported
 * @throws CONFIG_INVALID where the filter has a listener already, or cannot be read
 */
export function recordingFilter(filter: Uint8Array | undefined, marks: Marks, unreported?: UnreportedCalls): Uint8Array {
  const before = encodeInstructions([...passMarked(marks), ...pass(unreported)]);
  const body = filter === undefined ? encodeInstructions([instruction(RETURN, ACTIONS.SCMP_ACT_NOTIFY)]) : reporting(filter);
  const program = new Uint8Array(before.length + body.length);
  program.set(before);
  program.set(body, before.length);
  if (program.length > MAX_INSTRUCTIONS * SIZE) {
    throw refused(`the filter has ${body.length / SIZE} instructions, which leaves no room for those of the recording`);
  }
  return program;
}

function passMarked({ fifth, sixth }: Marks): readonly Instruction[] {
  const words = [fifth & 0xffffffffn, fifth >> 32n, sixth & 0xffffffffn, sixth >> 32n].map(Number);
  const program: Instruction[] = [];
  words.forEach((word, index) => {
    // The distance to the end of these instructions, behind their return.
    const left = 2 * (words.length - index) - 1;
    program.push(instruction(LOAD, ARGUMENTS + 4 * 8 + 4 * index), { code: JUMP_EQUAL, jt: 0, jf: left, k: word });
  });
  return [...program, instruction(RETURN, ACTIONS.SCMP_ACT_ALLOW)];
}

function pass(unreported: UnreportedCalls | undefined): readonly Instruction[] {
  if (unreported === undefined || unreported.calls.length === 0) return [];
  const { architecture, calls } = unreported;
  const count = calls.length;
  return [
    instruction(LOAD, ARCHITECTURE),
    { code: JUMP_EQUAL, jt: 0, jf: count + 3, k: architecture },
    instruction(LOAD, NUMBER),
    ...calls.map(({ number }, index) => ({ code: JUMP_EQUAL, jt: count - index, jf: 0, k: number })),
    // Over the return.
    instruction(JUMP, 1),
    instruction(RETURN, ACTIONS.SCMP_ACT_ALLOW),
  ];
}

function instruction(code: number, k: number): Instruction {
  return { code, jt: 0, jf: 0, k };
}

function reporting(filter: Uint8Array): Uint8Array {
  const program = filter.slice();
  const view = new DataView(program.buffer);
  for (let at = 0; at < program.length; at += SIZE) {
    const code = view.getUint16(at, true);
    if (code === RETURN_ACCUMULATOR) throw refused("its program computes what it returns");
    if (code !== RETURN) continue;
    const action = (view.getUint32(at + 4, true) & ACTION_MASK) >>> 0;
    if (action === ACTIONS.SCMP_ACT_NOTIFY) {
      throw refused("it notifies an agent (SCMP_ACT_NOTIFY), and the kernel gives a process one listener only");
    }
    // LOG allows, too.
    if (action === ACTIONS.SCMP_ACT_ALLOW || action === ACTIONS.SCMP_ACT_LOG)
      view.setUint32(at + 4, ACTIONS.SCMP_ACT_NOTIFY, true);
  }
  return program;
}

function refused(why: string): RuntimeError {
  return new RuntimeError("CONFIG_INVALID", `linux.seccomp: its system calls cannot be recorded: ${why}`, {
    pointer: "/linux/seccomp",
  });
}

/** The flags of seccomp(2) for it. @param flags those of the profile */
export function recordingFlags(flags: number, more: number): number {
  return flags | FLAG_NEW_LISTENER | more;
}
