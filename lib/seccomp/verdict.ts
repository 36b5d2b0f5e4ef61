// SPDX-License-Identifier: Apache-2.0
/** A profile as it decides: its filter is compiled, and asked. */
import { RuntimeError } from "../errors.ts";
import { silentLog } from "../log.ts";
import type { LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSyscall } from "../spec/types.ts";
import { compileProfile } from "./compile.ts";
import { actionValue, ACTIONS, AUDIT_ARCH_X86_64, TOKEN_X32 } from "./constants.ts";
import { interpret } from "./interpret.ts";
import { seccompNative } from "./native.ts";
import { ownArchitecture } from "./policies.ts";

const ACTION_MASK = 0xffff0000;
const NUMBERS = 1024;

/** What happens to a call. */
export interface Verdict {
  readonly action: LinuxSeccompAction;
  /** The error that the call returns, with SCMP_ACT_ERRNO. */
  readonly errno?: number;
}

/** A compiled profile. */
export interface Judge {
  readonly profile: LinuxSeccomp;
  /** `SCMP_ARCH_*` of the calls; by default the machine's own. */
  judge(name: string, args: readonly bigint[], architecture?: string): Verdict | undefined;
}

/** Compiles a profile. Listeners and flags do not matter. @throws CONFIG_INVALID, NOT_SUPPORTED, HOST_UNABLE */
export function judgeOf(profile: LinuxSeccomp): Judge {
  const program = compileProfile(profile, silentLog);
  return {
    profile,
    judge(name, args, architecture = ownArchitecture()) {
      const call = numberOf(name, architecture);
      return call === undefined ? undefined : verdictOf(interpret(program, { ...call, args }));
    },
  };
}

/** @returns undefined where the architecture has no call of the name @throws USAGE for an unknown architecture */
function numberOf(name: string, architecture: string): { readonly arch: number; readonly nr: number } | undefined {
  const native = seccompNative();
  const token = native.architecture(architecture.replace(/^SCMP_ARCH_/, "").toLowerCase());
  if (token === 0) throw new RuntimeError("USAGE", `unknown architecture ${architecture}: it is SCMP_ARCH_X86_64 and the like`);
  const nr = native.resolve([name], token)[0] ?? -1;
  return nr < 0 ? undefined : { arch: token === TOKEN_X32 ? AUDIT_ARCH_X86_64 : token, nr };
}

function verdictOf(value: number): Verdict {
  const base = (value & ACTION_MASK) >>> 0;
  const action = (Object.keys(ACTIONS) as LinuxSeccompAction[]).find((name) => ACTIONS[name] === base) ?? "SCMP_ACT_KILL_PROCESS";
  return action === "SCMP_ACT_ERRNO" ? { action, errno: value & 0xffff } : { action };
}

/** Every call that this machine's own architecture has, in the order of the numbers. */
export function allCalls(): readonly string[] {
  const native = seccompNative();
  const token = native.nativeArchitecture();
  const numbers = new Int32Array(NUMBERS).map((_, index) => index);
  return native.names(numbers, token).filter((name) => name !== "");
}

/** Whether conditions hold. Pure. */
export function holds(args: readonly LinuxSeccompArg[], values: readonly bigint[]): boolean {
  return isEach(args) ? args.every((arg) => isTrue(arg, values)) : args.some((arg) => isTrue(arg, values));
}

/** Conditions on one argument are alternatives, as `profileRules` has it. */
function isEach(args: readonly LinuxSeccompArg[]): boolean {
  return new Set(args.map(({ index }) => index)).size === args.length;
}

function isTrue({ index, op, value, valueTwo = 0 }: LinuxSeccompArg, values: readonly bigint[]): boolean {
  const found = BigInt.asUintN(64, values[index] ?? 0n);
  const [wanted, second] = [BigInt.asUintN(64, BigInt(value)), BigInt.asUintN(64, BigInt(valueTwo))];
  switch (op) {
    case "SCMP_CMP_NE":
      return found !== wanted;
    case "SCMP_CMP_LT":
      return found < wanted;
    case "SCMP_CMP_LE":
      return found <= wanted;
    case "SCMP_CMP_EQ":
      return found === wanted;
    case "SCMP_CMP_GE":
      return found >= wanted;
    case "SCMP_CMP_GT":
      return found > wanted;
    case "SCMP_CMP_MASKED_EQ":
      return (found & wanted) === (second & wanted);
  }
}

const WORDS = {
  SCMP_CMP_NE: "is not",
  SCMP_CMP_LT: "is less than",
  SCMP_CMP_LE: "is at most",
  SCMP_CMP_EQ: "is",
  SCMP_CMP_GE: "is at least",
  SCMP_CMP_GT: "is more than",
} as const;

/** Conditions for a person: `argument 0 is 2, and argument 1 & 0x7 is 0x1`. Pure. */
export function conditionsText(args: readonly LinuxSeccompArg[]): string {
  const texts = args.map(({ index, op, value, valueTwo = 0 }) => {
    if (op === "SCMP_CMP_MASKED_EQ") return `argument ${index} & ${hex(value)} is ${hex(valueTwo)}`;
    return `argument ${index} ${WORDS[op]} ${value}`;
  });
  return texts.join(isEach(args) ? ", and " : ", or ");
}

function hex(value: number | bigint): string {
  return `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
}

/** A block of `syscalls`, and its place. */
export interface PlacedBlock {
  readonly index: number;
  readonly block: LinuxSyscall;
}

/** The blocks that name a call. Pure. */
export function blocksOf({ syscalls = [] }: LinuxSeccomp, name: string): readonly PlacedBlock[] {
  return syscalls.map((block, index) => ({ index, block })).filter(({ block }) => block.names.includes(name));
}

/** Whether a block's action is a verdict. Pure. */
export function isVerdict({ action, errnoRet }: LinuxSyscall, verdict: Verdict): boolean {
  const value = actionValue(action, errnoRet);
  return value === actionValue(verdict.action, verdict.errno ?? (verdict.action === "SCMP_ACT_TRACE" ? errnoRet : undefined));
}
