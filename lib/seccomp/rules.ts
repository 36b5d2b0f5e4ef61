// SPDX-License-Identifier: Apache-2.0
/** `linux.seccomp.syscalls` as the rules that libseccomp takes. Pure. */
import type { LinuxSeccomp, LinuxSeccompArg } from "../spec/types.ts";
import { actionValue, OPERATORS } from "./constants.ts";

/** One rule for one system call. All its conditions have to hold. */
export interface Rule {
  readonly name: string;
  /** The filter's return value. */
  readonly action: number;
  readonly args: readonly LinuxSeccompArg[];
  /** Index in `syscalls` of config.json. */
  readonly entry: number;
}

const RULE_SIZE = 16;
const CONDITION_SIZE = 24;

/**
 * The rules in order, one a name, without those that repeat the default action (libseccomp refuses them).
 *
 * Conditions on one and the same argument are alternatives, each a rule of its own: libseccomp takes one condition an
 * argument, and profiles rely on runc's treatment of them.
 */
export function profileRules(seccomp: LinuxSeccomp): readonly Rule[] {
  const usual = actionValue(seccomp.defaultAction, seccomp.defaultErrnoRet);
  const rules: Rule[] = [];
  const { syscalls = [] } = seccomp;
  for (let entry = 0; entry < syscalls.length; entry++) {
    const block = syscalls[entry];
    if (block === undefined) continue;
    const action = actionValue(block.action, block.errnoRet);
    if (action === usual) continue;
    const args = block.args ?? [];
    const alternatives = sharesArgument(args) ? args.map((each) => [each]) : [args];
    for (const name of block.names) {
      for (const each of alternatives) rules.push({ name, action, args: each, entry });
    }
  }
  return rules;
}

function sharesArgument(args: readonly LinuxSeccompArg[]): boolean {
  return new Set(args.map(({ index }) => index)).size !== args.length;
}

/**
 * Rules as the addon reads them (struct Rule and struct Condition of native/seccomp/exports.cc).
 * @param numbers the system call of each rule
 */
export function encodeRules(rules: readonly Rule[], numbers: readonly number[]): Uint8Array {
  let size = 0;
  for (const { args } of rules) size += RULE_SIZE + args.length * CONDITION_SIZE;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  rules.forEach(({ action, args }, index) => {
    view.setInt32(at, numbers[index] ?? -1, true);
    view.setUint32(at + 4, action, true);
    view.setUint32(at + 8, args.length, true);
    at += RULE_SIZE;
    for (const { index: argument, op, value, valueTwo } of args) {
      view.setUint32(at, argument, true);
      view.setUint32(at + 4, OPERATORS[op], true);
      view.setBigUint64(at + 8, BigInt.asUintN(64, BigInt(value)), true);
      view.setBigUint64(at + 16, BigInt.asUintN(64, BigInt(valueTwo ?? 0)), true);
      at += CONDITION_SIZE;
    }
  });
  return bytes;
}
