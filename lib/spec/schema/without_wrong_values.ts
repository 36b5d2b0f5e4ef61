// SPDX-License-Identifier: Apache-2.0
/** A config.json without its wrong values, so that the rules can judge the others all the same. */
import { pointerNames } from "../json/pointer.ts";
import type { Finding } from "./messages.ts";

/**
 * A document of which each value, at any depth, may be `undefined`, because it is wrong. A valid document is one
 * too.
 */
export type WithoutWrongValues<T> = T extends readonly (infer Item)[]
  ? readonly (WithoutWrongValues<Item> | undefined)[]
  : T extends object
    ? { readonly [Name in keyof T]?: WithoutWrongValues<T[Name]> | undefined }
    : T;

/**
 * Takes a finding: its place, the value, and the values that are allowed.
 *
 * @param reads JSON Pointers of every value without which the finding would be a guess; `*` stands for each name or
 *   index. Default: `pointer`. A value that is there counts as read only if it could be wrong: a rule that
 *   compares two values and does nothing where one is `undefined` needs none.
 */
export type Report = (pointer: string, message: string, reads?: readonly string[]) => void;

/** Findings of `run` that do not rest on a value in `wrong` (JSON Pointers), nor on one inside such a value. */
export function collect(wrong: readonly string[], run: (report: Report) => void): Finding[] {
  const found: Finding[] = [];
  const isWrong = reader(wrong);
  run((pointer, message, reads = [pointer]) => {
    for (const read of reads) if (isWrong(read)) return;
    found.push({ pointer, message });
  });
  return found;
}

/** Makes a function that tells whether a property is wrong. There may be thousands of wrong values, and as many findings. */
function reader(wrong: readonly string[]): (read: string) => boolean {
  if (wrong.length === 0) return () => false;
  const known = new Set(wrong);
  const patterns = new Map<string, boolean>();
  return (read) => {
    if (read.includes("*")) {
      let found = patterns.get(read);
      if (found === undefined) {
        found = wrong.some((at) => contains(at, read));
        patterns.set(read, found);
      }
      return found;
    }
    for (let end = read.length; end >= 0; end = end === 0 ? -1 : read.lastIndexOf("/", end - 1)) {
      if (known.has(read.slice(0, end))) return true;
    }
    return false;
  };
}

/** Whether `pattern`, a JSON Pointer that may have `*`, can lead to `pointer` or into it. */
function contains(pointer: string, pattern: string): boolean {
  const steps = pointer.split("/");
  const read = pattern.split("/");
  return steps.length <= read.length && steps.every((step, i) => step === read[i] || read[i] === "*");
}

/**
 * Replaces the values of `document` at `wrong` (JSON Pointers) by `undefined`. Names and indices stay, so the length of
 * a list and the names of an object are still known.
 */
export function takeOut(document: unknown, wrong: readonly string[]): void {
  for (const pointer of wrong) {
    const names = pointerNames(pointer);
    const name = names.pop();
    let at = document;
    for (const step of names) at = own(at, step);
    if (name !== undefined && own(at, name) !== undefined) (at as Record<string, unknown>)[name] = undefined;
  }
}

/** An own member of an object or a list, not an inherited one. */
function own(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
