// SPDX-License-Identifier: Apache-2.0
/** What one profile allows and another does not. */
import type { LinuxSeccomp, LinuxSeccompArg } from "../spec/types.ts";
import { isAllowing } from "./profile.ts";
import { allCalls, blocksOf, conditionsText, judgeOf, type Judge } from "./verdict.ts";

/** A call that one profile allows, and the other does not, or not always. */
export interface SeccompDifference {
  readonly call: string;
  /** The arguments with which it is allowed; "" with any. */
  readonly conditions: string;
}

/** The differences of two profiles. */
export interface SeccompDiff {
  /** What the first one allows and the second one does not. */
  readonly first: readonly SeccompDifference[];
  readonly second: readonly SeccompDifference[];
  /** Architectures that one of them alone lists, besides the machine's own. */
  readonly architectures: { readonly first: readonly string[]; readonly second: readonly string[] };
}

/** More combinations of arguments than these are not tried. */
const MOST_SAMPLES = 4096;
const OTHER_ARGUMENTS = "with arguments that the other refuses";
const FULL = 0xffffffffffffffffn;

/**
 * Compares two profiles by what their filters decide: each system call of this machine, with the arguments that either of them
 * looks at.
 * @throws CONFIG_INVALID, NOT_SUPPORTED, HOST_UNABLE for a profile that cannot be compiled
 */
export function seccompDiff(first: LinuxSeccomp, second: LinuxSeccomp): SeccompDiff {
  const [one, other] = [judgeOf(first), judgeOf(second)];
  const names = [...allCalls()].sort();
  const extra = (of: LinuxSeccomp, than: LinuxSeccomp): readonly string[] => {
    return (of.architectures ?? []).filter((name) => !(than.architectures ?? []).includes(name)).sort();
  };
  return {
    first: names.flatMap((name) => allowedBy(one, other, name)),
    second: names.flatMap((name) => allowedBy(other, one, name)),
    architectures: { first: extra(first, second), second: extra(second, first) },
  };
}

/** What `one` allows of a call and `other` does not. */
function allowedBy(one: Judge, other: Judge, name: string): readonly SeccompDifference[] {
  const conditional = [one, other].flatMap(({ profile }) => blocksOf(profile, name).map(({ block }) => block.args ?? []));
  const samples = samplesOf(conditional.flat());
  const allows = (judge: Judge, values: readonly bigint[]): boolean => {
    const verdict = judge.judge(name, values);
    return verdict !== undefined && isAllowing(verdict.action);
  };
  const differing = samples.filter((values) => allows(one, values) && !allows(other, values));
  if (differing.length === 0) return [];
  if (differing.length === samples.length) return [{ call: name, conditions: "" }];
  return conditionsOf(one, name, differing).map((conditions) => ({ call: name, conditions }));
}

/** The rules by which a profile allows these, or in words what is common to them. */
function conditionsOf({ profile }: Judge, name: string, differing: readonly (readonly bigint[])[]): readonly string[] {
  const texts = new Set<string>();
  const rules = blocksOf(profile, name).filter(({ block }) => isAllowing(block.action) && (block.args?.length ?? 0) > 0);
  for (const values of differing) {
    const rule = rules.find(({ block }) => (block.args ?? []).every((arg) => isSampleOf(arg, values)));
    texts.add(rule === undefined ? OTHER_ARGUMENTS : conditionsText(rule.block.args ?? []));
  }
  return texts.size > 1 && texts.has(OTHER_ARGUMENTS) ? [...texts].filter((text) => text !== OTHER_ARGUMENTS) : [...texts];
}

function isSampleOf({ index, op, value, valueTwo = 0 }: LinuxSeccompArg, values: readonly bigint[]): boolean {
  const found = values[index] ?? 0n;
  const wanted = BigInt.asUintN(64, BigInt(value));
  if (op === "SCMP_CMP_EQ") return found === wanted;
  if (op === "SCMP_CMP_MASKED_EQ") return (found & wanted) === (BigInt.asUintN(64, BigInt(valueTwo)) & wanted);
  return true;
}

/**
 * Arguments at which the verdict can change: for each argument that a condition looks at its values, those beside them, and one
 * that no condition names.
 */
function samplesOf(args: readonly LinuxSeccompArg[]): readonly (readonly bigint[])[] {
  const wanted = new Map<number, Set<bigint>>();
  for (const { index, op, value, valueTwo = 0 } of args) {
    const values = wanted.get(index) ?? new Set<bigint>([0n, 0x5bd1e995_12345678n]);
    const [a, b] = [BigInt.asUintN(64, BigInt(value)), BigInt.asUintN(64, BigInt(valueTwo))];
    if (op === "SCMP_CMP_MASKED_EQ")
      for (const each of [b & a, b | (~a & FULL), (b & a) ^ (a & -a)]) values.add(BigInt.asUintN(64, each));
    else for (const each of [a - 1n, a, a + 1n]) values.add(BigInt.asUintN(64, each));
    wanted.set(index, values);
  }
  let samples: (readonly bigint[])[] = [[0n, 0n, 0n, 0n, 0n, 0n]];
  for (const [index, values] of wanted) {
    if (samples.length * values.size > MOST_SAMPLES) break;
    samples = samples.flatMap((sample) => [...values].map((value) => sample.map((each, at) => (at === index ? value : each))));
  }
  return samples;
}
