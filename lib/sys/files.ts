// SPDX-License-Identifier: Apache-2.0
/** Files through the addon: checked calls, and the few flags that go with them. */

import { RuntimeError, type ErrorFacts } from "../errors.ts";
import { Errno, errnoText } from "../kernel/errno.ts";
import { AT_FDCWD } from "../kernel/open_flags.ts";
import { native } from "./native.ts";

export * from "../kernel/open_flags.ts";

/** Enough for every file of procfs, sysfs and cgroupfs that runt reads; in bytes. */
export const SMALL_FILE = 1 << 20;

/**
 * The error of a failed system call: `open /x: no such file or directory`.
 *
 * @param errno positive
 * @param what the call and its subject, such as `open /x`
 */
export function syscallError(errno: number, what: string, facts: ErrorFacts = {}): RuntimeError {
  return new RuntimeError("SYSCALL", `${what}: ${errnoText(errno)}`, { ...facts, errno });
}

/**
 * `result`, if it is not negative.
 *
 * @param result the result of a function of the addon: `-errno` is a failure
 * @param what the call and its subject, such as `open /x`
 * @throws RuntimeError `SYSCALL`, with the errno in its facts
 */
export function check(result: number, what: string, facts: ErrorFacts = {}): number {
  if (result < 0) throw syscallError(-result, what, facts);
  return result;
}

/** As {@link check}, for functions of the addon that return a value, or `-errno` as a number. */
export function checkValue<T>(result: T | number, what: string, facts: ErrorFacts = {}): Exclude<T, number> {
  if (typeof result === "number") throw syscallError(-result, what, facts);
  return result as Exclude<T, number>;
}

/**
 * The text of a file.
 *
 * @param limit bytes that it may have at most; default 1 MiB
 * @throws RuntimeError `SYSCALL`
 */
export function readText(path: string, limit: number = SMALL_FILE): string {
  return checkValue(native.readFile(AT_FDCWD, path, limit), `open ${path}`, { path });
}

/** As {@link readText}, but `undefined` if the file does not exist. */
export function readTextIfExists(path: string, limit: number = SMALL_FILE): string | undefined {
  const text = native.readFile(AT_FDCWD, path, limit);
  if (text === -Errno.ENOENT) return undefined;
  return checkValue(text, `open ${path}`, { path });
}

/** Whether a file exists at `path` (a symbolic link is followed). */
export function exists(path: string): boolean {
  return native.access(AT_FDCWD, path, 0) === 0;
}
