// SPDX-License-Identifier: Apache-2.0
/**
 * `linux.resources.devices` as an eBPF program for cgroup v2 (BPF_PROG_TYPE_CGROUP_DEVICE). Pure.
 *
 * The kernel asks the program at each open and mknod: type, numbers, and which accesses are wanted. For each access the
 * last rule that fits decides, so the program looks at the rules from the last to the first, and keeps the accesses that
 * none has decided yet. That is exact for all rules, also those that cgroup v1 cannot express.
 */

import { accessBits, ALWAYS_ALLOWED, MKNOD, READ, WRITE } from "../v1/devices.ts";
import type { LinuxDeviceCgroup } from "../../spec/types.ts";

/** One rule; later ones win. */
export interface DeviceRule {
  readonly allow: boolean;
  readonly type: "b" | "c";
  /** Absent: every number. */
  readonly major?: number;
  readonly minor?: number;
  /** {@link READ}, {@link WRITE}, {@link MKNOD}; never 0. */
  readonly access: number;
}

/** The default for a device that no rule fits, and the rules in order. */
export interface DeviceRules {
  readonly defaultAllow: boolean;
  readonly rules: readonly DeviceRule[];
}

const POINTER = "/linux/resources/devices";
const ALL = READ | WRITE | MKNOD;
const NUMBERS = 2 ** 32;

/** Values of `struct bpf_cgroup_dev_ctx`. */
const DEVICE = { b: 1, c: 2 } as const;
const BPF_MKNOD = 1;
const BPF_READ = 2;
const BPF_WRITE = 4;

/**
 * The rules of a container: nothing is allowed, then the config's rules in order, then the devices of every container.
 *
 * A rule without a type replaces all before it, whatever its numbers and access: so does the kernel on cgroup v1.
 *
 * @param devicePaths `path` of each entry of `linux.devices`
 * @throws RuntimeError `CONFIG_INVALID` for a rule without access
 */
export function deviceRules(given: readonly LinuxDeviceCgroup[], devicePaths: readonly string[]): DeviceRules {
  let defaultAllow = false;
  let rules: DeviceRule[] = [];
  given.forEach((rule, index) => {
    if (rule.type === undefined || rule.type === "" || rule.type === "a") {
      defaultAllow = rule.allow;
      rules = [];
      return;
    }
    const access = accessBits(rule.access, `${POINTER}/${index}`);
    const found = withNumbers({ allow: rule.allow, type: rule.type, access }, rule.major, rule.minor);
    if (found !== undefined) rules.push(found);
  });
  // A device that the default allows needs no rule as long as none denies it.
  if (defaultAllow && !rules.some(({ allow }) => !allow)) return { defaultAllow, rules: [] };
  for (const [path, type, major, minor, access] of ALWAYS_ALLOWED) {
    if (path !== "" && devicePaths.includes(path)) continue;
    const found = withNumbers({ allow: true, type, access }, numberOf(major), numberOf(minor));
    if (found !== undefined) rules.push(found);
  }
  return { defaultAllow, rules };
}

function numberOf(text: string): number {
  return text === "*" ? -1 : Number(text);
}

/** `undefined` for numbers that no device can have. */
function withNumbers(rule: DeviceRule, major: number | bigint = -1, minor: number | bigint = -1): DeviceRule | undefined {
  if (major >= NUMBERS || minor >= NUMBERS) return undefined;
  return { ...rule, ...(major >= 0 && { major: Number(major) }), ...(minor >= 0 && { minor: Number(minor) }) };
}

/** A rule in the notation of devices.allow, such as `allow c 1:3 rwm`. */
export function ruleText({ allow, type, major, minor, access }: DeviceRule): string {
  const letters = `${access & READ ? "r" : ""}${access & WRITE ? "w" : ""}${access & MKNOD ? "m" : ""}`;
  return `${allow ? "allow" : "deny"} ${type} ${major ?? "*"}:${minor ?? "*"} ${letters}`;
}

/** Operation codes: class, size or operation, source. */
const LOAD_WORD = 0x61;
const MOVE = 0xbf;
const SET = 0xb7;
const AND = 0x57;
const AND_32 = 0x54;
const SHIFT_RIGHT = 0x77;
const JUMP = 0x05;
const JUMP_NOT_EQUAL_32 = 0x56;
const JUMP_IF_BITS_32 = 0x46;
const EXIT = 0x95;

const RESULT = 0;
const CONTEXT = 1;
const TYPE = 2;
/** Accesses that no rule has decided yet. */
const LEFT = 3;
const MAJOR = 4;
const MINOR = 5;

/** The program as `struct bpf_insn` one after another. Its result is 1 to allow, 0 to deny. */
export function deviceProgram({ defaultAllow, rules }: DeviceRules): Uint8Array {
  const code: Instruction[] = [
    // access_type: type in the lower half, access in the upper.
    [LOAD_WORD, TYPE, CONTEXT, 0, 0],
    [MOVE, LEFT, TYPE, 0, 0],
    [AND, TYPE, 0, 0, 0xffff],
    [SHIFT_RIGHT, LEFT, 0, 0, 16],
    [LOAD_WORD, MAJOR, CONTEXT, 4, 0],
    [LOAD_WORD, MINOR, CONTEXT, 8, 0],
  ];
  for (let index = rules.length - 1; index >= 0; index--) code.push(...ruleCode(rules[index] as DeviceRule));
  code.push(...answer(defaultAllow));
  const bytes = new Uint8Array(code.length * 8);
  const view = new DataView(bytes.buffer);
  code.forEach(([operation, target, source, offset, value], index) => {
    const at = index * 8;
    view.setUint8(at, operation);
    view.setUint8(at + 1, (source << 4) | target);
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, value | 0, true);
  });
  return bytes;
}

/** Operation, target and source register, offset of a jump or a load, value. */
type Instruction = readonly [number, number, number, number, number];

function answer(allow: boolean): Instruction[] {
  return [
    [SET, RESULT, 0, 0, allow ? 1 : 0],
    [EXIT, 0, 0, 0, 0],
  ];
}

function ruleCode({ allow, type, major, minor, access }: DeviceRule): Instruction[] {
  const decision: Instruction[] = [];
  const bits = bpfAccess(access);
  // After the decision come its two instructions, which are left out where it is not final.
  if (access !== ALL && allow) {
    decision.push([AND_32, LEFT, 0, 0, ~bits], [JUMP_NOT_EQUAL_32, LEFT, 0, 2, 0]);
  } else if (access !== ALL) {
    decision.push([JUMP_IF_BITS_32, LEFT, 0, 1, bits], [JUMP, 0, 0, 2, 0]);
  }
  decision.push(...answer(allow));
  const tests: (readonly [number, number])[] = [[TYPE, DEVICE[type]]];
  if (major !== undefined) tests.push([MAJOR, major]);
  if (minor !== undefined) tests.push([MINOR, minor]);
  const code: Instruction[] = [];
  tests.forEach(([register, value], index) => {
    const rest = tests.length - index - 1 + decision.length;
    code.push([JUMP_NOT_EQUAL_32, register, 0, rest, value]);
  });
  return [...code, ...decision];
}

function bpfAccess(access: number): number {
  let bits = 0;
  if ((access & READ) !== 0) bits |= BPF_READ;
  if ((access & WRITE) !== 0) bits |= BPF_WRITE;
  if ((access & MKNOD) !== 0) bits |= BPF_MKNOD;
  return bits;
}
