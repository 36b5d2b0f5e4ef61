// SPDX-License-Identifier: Apache-2.0
/** Loads `seccomp.node`, which holds libseccomp. Only code that compiles a profile needs it. */
import { RuntimeError } from "../errors.ts";
import { nativeDirectory, wayToWhole } from "../sys/native.ts";

/** The functions of native/seccomp; errno values are positive. */
export interface SeccompNative {
  /**
   * A filter of libseccomp, as BPF.
   * @param defaultAction as {@link actionValue} gives it
   * @param architectures tokens of {@link SeccompNative.architecture}; the native one is always there
   * @param rules encoded by `encodeRules`
   * @param binaryTree the filter finds a system call by halving, instead of one after another
   * @returns the program; or the refused place, and the reason: [index of a rule | -1 before the rules | -2 after them, errno]
   */
  compile(
    defaultAction: number,
    architectures: readonly number[],
    rules: Uint8Array,
    binaryTree: boolean,
  ): Uint8Array | readonly [step: number, errno: number];
  /**
   * Numbers of system calls: -1 for one that libseccomp does not know, another negative number for one that this
   * architecture does not have.
   * @param architecture a token; 0 is the native one
   */
  resolve(names: readonly string[], architecture: number): Int32Array;
  /** Names of system calls; "" for a number that libseccomp does not know. */
  names(numbers: Int32Array, architecture: number): readonly string[];
  /** The token of an architecture such as "x86_64"; 0 where libseccomp does not know it. */
  architecture(name: string): number;
  nativeArchitecture(): number;
  /** The version of libseccomp, such as "2.5.4". */
  version(): string;
  /** Whether this kernel's seccomp(2) knows one SECCOMP_FILTER_FLAG_*. */
  hasFlag(flag: number): boolean;
  /** Whether this kernel knows a SECCOMP_RET_*. */
  hasAction(action: number): boolean;
}

let loaded: SeccompNative | undefined;

/** Absolute path of the file that libseccomp is linked into: the addon, or the program. */
export function seccompAddon(): string {
  return process.env["RUNT_COMPILED"] === "1" ? process.execPath : `${nativeDirectory()}/seccomp.node`;
}

/** The addon; loaded at the first call. @throws INTERNAL where it cannot be loaded */
export function seccompNative(): SeccompNative {
  if (loaded !== undefined) return loaded;
  const module = { exports: {} };
  try {
    process.dlopen(module, process.env["RUNT_COMPILED"] === "1" ? "seccomp.node" : seccompAddon());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const text = `cannot load ${seccompAddon()}: ${why}: ${wayToWhole()}`;
    throw new RuntimeError("INTERNAL", text, { path: seccompAddon() }, error);
  }
  loaded = module.exports as SeccompNative;
  return loaded;
}
