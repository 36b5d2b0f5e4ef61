// SPDX-License-Identifier: Apache-2.0
/** Which arguments of which system calls a recording notes, and the numbers and names of calls by architecture. */
import { RuntimeError } from "../errors.ts";
import type { LinuxSeccomp } from "../spec/types.ts";
import { AUDIT_ARCH_X86_64, TOKEN_X32, X32_BIT } from "./constants.ts";
import { seccompNative } from "./native.ts";
import { type CallNumber, MAX_POLICIES, type NumberPolicy } from "./notes.ts";

const ALL = 0xffffffffffffffffn;
/** The kernel looks at an int; C libraries widen one in two ways. */
const INT = 0xffffffffn;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: which namespaces are made is what matters of the flags. */
const NAMESPACES = 0x7e020000n;

/** Masks by argument; an argument that is missing is not noted. */
export type Masks = ReadonlyMap<number, bigint>;

/** By the name of the call. */
export type Policies = ReadonlyMap<string, Masks>;

const ALWAYS: readonly (readonly [name: string, argument: number, mask: bigint])[] = [
  ["clone", 0, NAMESPACES],
  ["unshare", 0, ALL],
  ["socket", 0, ALL],
  ["personality", 0, ALL],
];
/** Those that are noted where they are asked for. */
const ON_REQUEST = { ioctl: [1, INT], prctl: [0, ALL] } as const satisfies Record<
  string,
  readonly [argument: number, mask: bigint]
>;

/** A call whose arguments are noted on request. */
export type RequestedCall = keyof typeof ON_REQUEST;

/** Their names. */
export const REQUESTED_CALLS = Object.keys(ON_REQUEST) as readonly RequestedCall[];

/**
 * The arguments that a recording notes: those that matter, those that were asked for, and those that the container's own profile
 * looks at, so that what it refuses stays refused. Pure.
 */
export function policiesFor(own: LinuxSeccomp | undefined, requested: readonly RequestedCall[]): Policies {
  const policies = new Map<string, Map<number, bigint>>();
  const add = (name: string, argument: number, mask: bigint): void => {
    const masks = policies.get(name) ?? new Map<number, bigint>();
    masks.set(argument, (masks.get(argument) ?? 0n) | mask);
    policies.set(name, masks);
  };
  for (const [name, argument, mask] of ALWAYS) add(name, argument, mask);
  for (const name of requested) add(name, ON_REQUEST[name][0], ON_REQUEST[name][1]);
  for (const { names, args = [] } of own?.syscalls ?? []) {
    for (const { index, op, value } of args) {
      const mask = op === "SCMP_CMP_MASKED_EQ" ? BigInt.asUintN(64, BigInt(value)) : ALL;
      for (const name of names) add(name, index, mask);
    }
  }
  return policies;
}

/** The policies by numbers, for each architecture whose programs this machine can run. @throws CONFIG_INVALID for too many */
export function numberPolicies(policies: Policies): readonly NumberPolicy[] {
  const found: NumberPolicy[] = [];
  const names = [...policies.keys()];
  for (const token of tokens()) {
    const numbers = seccompNative().resolve(names, token);
    names.forEach((name, index) => {
      const call = numbers[index] ?? -1;
      if (call < 0) return;
      const masks = [0, 1, 2, 3, 4, 5].map((argument) => policies.get(name)?.get(argument) ?? 0n);
      found.push({ architecture: token === TOKEN_X32 ? AUDIT_ARCH_X86_64 : token, call, masks });
    });
  }
  if (found.length > MAX_POLICIES) {
    const text = `linux.seccomp.syscalls: too many system calls with args (${names.length}) for a recording`;
    throw new RuntimeError("CONFIG_INVALID", text, { pointer: "/linux/seccomp/syscalls" });
  }
  return found;
}

/** libseccomp's names for the architectures of one machine, the native one first. */
const FAMILIES: readonly (readonly string[])[] = [
  ["x86_64", "x86", "x32"],
  ["aarch64", "arm"],
];

/** Their tokens, the native one first. */
function tokens(): readonly number[] {
  return architectureNames().map((name) => seccompNative().architecture(name));
}

function architectureNames(): readonly string[] {
  const native = seccompNative();
  const own = native.nativeArchitecture();
  return FAMILIES.find(([first = ""]) => native.architecture(first) === own) ?? [];
}

/** `SCMP_ARCH_*` of this machine's own architecture. */
export function ownArchitecture(): string {
  return specName(architectureNames()[0] ?? "");
}

function specName(name: string): string {
  return `SCMP_ARCH_${name.toUpperCase()}`;
}

/** `SCMP_ARCH_*` of a call, and its name; "" where there is none. */
export function nameCall({ architecture, call }: CallNumber): { readonly architecture: string; readonly name: string } {
  const native = seccompNative();
  const isX32 = architecture === AUDIT_ARCH_X86_64 && (call & X32_BIT) !== 0;
  const token = isX32 ? TOKEN_X32 : architecture;
  const found = architectureNames().find((each) => native.architecture(each) === token);
  if (found === undefined) return { architecture: "", name: "" };
  const [name = ""] = native.names(new Int32Array([call]), token);
  return { architecture: specName(found), name: name === "" ? (COMMON.get(isX32 ? call - X32_BIT : call) ?? "") : name };
}

/** Calls that are newer than libseccomp; since Linux 5.1 a new call has one number everywhere. */
const COMMON: ReadonlyMap<number, string> = new Map([
  [463, "setxattrat"],
  [464, "getxattrat"],
  [465, "listxattrat"],
  [466, "removexattrat"],
  [467, "open_tree_attr"],
  [468, "file_getattr"],
  [469, "file_setattr"],
  [470, "listns"],
]);
