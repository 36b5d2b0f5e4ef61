// SPDX-License-Identifier: Apache-2.0
/** Which rule of a profile decides on a system call. */
import { RuntimeError } from "../errors.ts";
import type { LinuxSeccomp, LinuxSeccompAction } from "../spec/types.ts";
import { actionValue } from "./constants.ts";
import { isAllowing } from "./profile.ts";
import { blocksOf, conditionsText, holds, isVerdict, judgeOf, type PlacedBlock, type Verdict } from "./verdict.ts";

/** What decides. */
export type DecidedBy =
  /** A block of `syscalls`. */
  | "rule"
  /** `defaultAction`: no rule fits. */
  | "default"
  /** The call is newer than every one that the profile names: its author did not know it, so it is answered as by an older kernel. */
  | "newer"
  /** The profile does not list the architecture. */
  | "architecture";

/** A rule on a call. */
export interface RuleReport {
  /** Index in `syscalls`. */
  readonly index: number;
  readonly action: LinuxSeccompAction;
  readonly errnoRet?: number;
  /** The conditions for a person; "" where there are none. */
  readonly conditions: string;
}

/** The fate of a call. */
export interface SeccompExplanation {
  readonly call: string;
  /** Absent where the arguments decide, and were not given. */
  readonly action?: LinuxSeccompAction;
  /** The error that the call returns, with SCMP_ACT_ERRNO. */
  readonly errno?: number;
  /** The call is made. */
  readonly allowed?: boolean;
  readonly decidedBy?: DecidedBy;
  /** The rule that decides. */
  readonly rule?: RuleReport;
  /** Every rule on the call, in the order of the profile. */
  readonly rules: readonly RuleReport[];
}

/**
 * Explains what a profile does with a system call. The profile is compiled as for a container, and its filter decides.
 *
 * @param args the call's arguments; those that are missing are 0. Without any, the arguments decide only if no rule looks at them
 * @param architecture `SCMP_ARCH_*`. Default: the machine's own
 * @throws USAGE for a call that the architecture does not have; CONFIG_INVALID, NOT_SUPPORTED, HOST_UNABLE for the profile
 */
export function seccompExplain(
  profile: LinuxSeccomp,
  call: string,
  args?: readonly (number | bigint)[],
  architecture?: string,
): SeccompExplanation {
  const blocks = blocksOf(profile, call);
  const rules = blocks.map(report);
  const values = (args ?? []).map((value) => BigInt.asUintN(64, BigInt(value)));
  const verdict = judgeOf(profile).judge(call, values, architecture);
  if (verdict === undefined) {
    throw new RuntimeError(
      "USAGE",
      `${JSON.stringify(call)} is no system call${architecture === undefined ? "" : ` of ${architecture}`}`,
    );
  }
  const isOpen = args === undefined && blocks.some(({ block }) => (block.args?.length ?? 0) > 0);
  if (isOpen && !blocks.some(({ block }) => (block.args?.length ?? 0) === 0)) return { call, rules };
  const rule = blocks
    .filter(({ block }) => isVerdict(block, verdict))
    .find(({ block }) => {
      return (block.args?.length ?? 0) === 0 || holds(block.args ?? [], values);
    });
  return {
    call,
    ...verdict,
    allowed: isAllowing(verdict.action),
    decidedBy: rule === undefined ? otherwise(profile, verdict) : "rule",
    ...(rule !== undefined && { rule: report(rule) }),
    rules,
  };
}

function report({ index, block }: PlacedBlock): RuleReport {
  const { action, errnoRet, args = [] } = block;
  return { index, action, ...(errnoRet !== undefined && { errnoRet }), conditions: conditionsText(args) };
}

function otherwise({ defaultAction, defaultErrnoRet }: LinuxSeccomp, verdict: Verdict): DecidedBy {
  const usual = actionValue(defaultAction, defaultErrnoRet);
  if (usual === actionValue(verdict.action, verdict.errno)) return "default";
  return verdict.action === "SCMP_ACT_ERRNO" ? "newer" : "architecture";
}
