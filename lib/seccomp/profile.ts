// SPDX-License-Identifier: Apache-2.0
/** Profiles out of recorded system calls, and the union of two. Pure. */
import type { LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSyscall } from "../spec/types.ts";
import { actionValue } from "./constants.ts";
import type { Masks, Policies } from "./policies.ts";

const ALL = 0xffffffffffffffffn;
const EPERM = 1;

/** A system call that was made. */
export interface RecordedCall {
  /** `SCMP_ARCH_*`. */
  readonly architecture: string;
  readonly name: string;
  /** The arguments under the masks of the policies. */
  readonly values: readonly bigint[];
}

/** What a profile is made from. */
export interface Recording {
  readonly calls: readonly RecordedCall[];
  /** `SCMP_ARCH_*` of the machine. */
  readonly architecture: string;
  readonly policies: Policies;
  /** The profile of the container. Absent: it had none. */
  readonly own?: LinuxSeccomp | undefined;
  /** Names of calls that the runtime needs besides, which may not have been made. */
  readonly needed: readonly string[];
}

/** Actions after which a call is not made. */
const REFUSALS: readonly LinuxSeccompAction[] = [
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRAP",
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_KILL_PROCESS",
];

/** Whether a call is made after this action. */
export function isAllowing(action: LinuxSeccompAction): boolean {
  return action === "SCMP_ACT_ALLOW" || action === "SCMP_ACT_LOG";
}

/**
 * The smallest profile under which the recorded calls are made. What the container's own profile refused is refused in the
 * same way: a program may rely on the error, as C libraries do on the ENOSYS of clone3.
 */
export function recordedProfile(recording: Recording): LinuxSeccomp {
  const { calls, architecture, policies, own, needed } = recording;
  const plain = new Set(needed);
  const conditional = new Map<string, Map<string, readonly LinuxSeccompArg[]>>();
  const others = new Set<string>();
  for (const { name, values, architecture: where } of calls) {
    if (where !== architecture) others.add(where);
    const masks = policies.get(name);
    if (masks === undefined) plain.add(name);
    else addConditions(conditional, name, conditions(masks, values));
  }
  for (const name of plain) conditional.delete(name);
  const refuses = own !== undefined && REFUSALS.includes(own.defaultAction);
  const defaultAction = refuses ? own.defaultAction : "SCMP_ACT_ERRNO";
  const errno = (refuses ? own.defaultErrnoRet : undefined) ?? EPERM;
  const usual = actionValue(defaultAction, errno);
  return {
    defaultAction,
    ...(defaultAction === "SCMP_ACT_ERRNO" ? { defaultErrnoRet: errno } : {}),
    architectures: [architecture, ...[...others].sort()],
    ...(own?.flags === undefined ? {} : { flags: own.flags }),
    syscalls: [...allowing(plain, conditional), ...refusals(own, usual, plain, conditional)],
  };
}

function conditions(masks: Masks, values: readonly bigint[]): readonly LinuxSeccompArg[] {
  const args: LinuxSeccompArg[] = [];
  for (const [index, mask] of [...masks].sort(([one], [other]) => one - other)) {
    const value = values[index] ?? 0n;
    if (mask === ALL) args.push({ index, value: number(value), op: "SCMP_CMP_EQ" });
    else args.push({ index, value: number(mask), valueTwo: number(value), op: "SCMP_CMP_MASKED_EQ" });
  }
  return args;
}

function addConditions(
  conditional: Map<string, Map<string, readonly LinuxSeccompArg[]>>,
  name: string,
  args: readonly LinuxSeccompArg[],
): void {
  const alternatives = conditional.get(name) ?? new Map<string, readonly LinuxSeccompArg[]>();
  alternatives.set(argsKey(args), args);
  conditional.set(name, alternatives);
}

/** A number where it is exact, as the JSON reader gives it. */
function number(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

function argsKey(args: readonly LinuxSeccompArg[]): string {
  return args.map(({ index, op, value, valueTwo = 0 }) => `${index} ${op} ${value} ${valueTwo}`).join(", ");
}

/** One block for the calls without conditions, then one for each set of conditions. */
function allowing(
  plain: ReadonlySet<string>,
  conditional: ReadonlyMap<string, ReadonlyMap<string, readonly LinuxSeccompArg[]>>,
): LinuxSyscall[] {
  const blocks: LinuxSyscall[] = [];
  if (plain.size > 0) blocks.push({ names: [...plain].sort(), action: "SCMP_ACT_ALLOW" });
  for (const [name, alternatives] of sorted(conditional)) {
    for (const args of [...alternatives.values()].sort(byValues)) blocks.push({ names: [name], action: "SCMP_ACT_ALLOW", args });
  }
  return blocks;
}

function sorted<Value>(map: ReadonlyMap<string, Value>): readonly (readonly [string, Value])[] {
  return [...map].sort(([one], [other]) => (one < other ? -1 : 1));
}

function byValues(one: readonly LinuxSeccompArg[], other: readonly LinuxSeccompArg[]): number {
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    const [a, b] = [one[index], other[index]];
    if (a === undefined || b === undefined) return one.length - other.length;
    const [x, y] = [sortValue(a), sortValue(b)];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

function sortValue({ op, value, valueTwo = 0 }: LinuxSeccompArg): bigint {
  return BigInt(op === "SCMP_CMP_MASKED_EQ" ? valueTwo : value);
}

/** The refusals of the container's own profile, unless they are as the default, or of a call that is always allowed. */
function refusals(
  own: LinuxSeccomp | undefined,
  usual: number,
  plain: ReadonlySet<string>,
  conditional: ReadonlyMap<string, unknown>,
): LinuxSyscall[] {
  const blocks: LinuxSyscall[] = [];
  for (const block of own?.syscalls ?? []) {
    if (!REFUSALS.includes(block.action) || actionValue(block.action, block.errnoRet) === usual) continue;
    const isConditional = (block.args?.length ?? 0) > 0;
    // A refusal of every call would contradict the conditions of one that was allowed.
    const names = block.names.filter((name) => !plain.has(name) && (isConditional || !conditional.has(name)));
    if (names.length > 0) blocks.push({ ...block, names });
  }
  return blocks;
}

/** A rule for some calls, perhaps with properties of docker's. */
type Block = LinuxSyscall & { readonly includes?: unknown; readonly excludes?: unknown };

/** The profile under which all is allowed that either of two allows; the default action is the first one's. */
export function united(first: LinuxSeccomp, second: LinuxSeccomp): LinuxSeccomp {
  const blocks: readonly Block[] = [...(first.syscalls ?? []), ...(second.syscalls ?? [])];
  const plain = new Set<string>();
  for (const block of blocks)
    if (isAllowing(block.action) && isUnconditional(block)) for (const name of block.names) plain.add(name);
  const conditional = new Map<string, Map<string, readonly LinuxSeccompArg[]>>();
  const rest: Block[] = [];
  for (const block of blocks) {
    if (isAllowing(block.action) && isUnconditional(block)) continue;
    const names = block.names.filter((name) => !plain.has(name));
    const { args } = block;
    if (isAllowing(block.action) && args !== undefined && args.length > 0 && !isForeign(block)) {
      for (const name of names) addConditions(conditional, name, args);
    } else if (names.length > 0) rest.push({ ...block, names });
  }
  const refused = rest
    .map((block) => {
      if (isAllowing(block.action) || (block.args?.length ?? 0) > 0) return block;
      return { ...block, names: block.names.filter((name) => !conditional.has(name)) };
    })
    .filter((block, index, all) => block.names.length > 0 && all.findIndex((each) => isSameBlock(each, block)) === index);
  const architectures = [...new Set([...(first.architectures ?? []), ...(second.architectures ?? [])])];
  return { ...first, architectures, syscalls: [...allowing(plain, conditional), ...refused] };
}

function isUnconditional(block: Block): boolean {
  return (block.args?.length ?? 0) === 0 && !isForeign(block);
}

/** It holds under conditions that docker knows. */
function isForeign({ includes, excludes }: Block): boolean {
  const isSome = (value: unknown): boolean => typeof value === "object" && value !== null && Object.keys(value).length > 0;
  return isSome(includes) || isSome(excludes);
}

function isSameBlock(one: Block, other: Block): boolean {
  const key = ({ names, action, errnoRet = EPERM, args = [], includes, excludes }: Block): string =>
    `${names.join(" ")} ${action} ${errnoRet} ${argsKey(args)} ${JSON.stringify([includes, excludes])}`;
  return key(one) === key(other);
}
