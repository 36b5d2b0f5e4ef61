// SPDX-License-Identifier: Apache-2.0
/**
 * Functions that the generated validator calls: the leaf types of `schemas/definitions.schema.json`, and the record
 * of a failure. They are functions because the same inline code at 250 properties would treble the size of a module
 * that is loaded whenever a container is made, and because a range of 64 bits cannot be written as a comparison of
 * doubles.
 */

/** One failure as the generated validator reports it. */
export interface SchemaFailure {
  /** JSON Pointer of the value that was checked. */
  readonly pointer: string;
  /** Keyword of JSON Schema, or `is` (a leaf type) and `name` (one of a list of strings). */
  readonly keyword: string;
  /** The keyword's argument; its form depends on the keyword. */
  readonly allowed: unknown;
}

/** Adds a failure to the list that the validator carries along, which is `null` while there is none. */
export function fail(failures: SchemaFailure[] | null, pointer: string, keyword: string, allowed: unknown): SchemaFailure[] {
  const failure = { pointer, keyword, allowed };
  if (failures === null) return [failure];
  failures.push(failure);
  return failures;
}

function isUnsigned(value: unknown, max: number): boolean {
  return typeof value === "number" && value >= 0 && value <= max && value % 1 === 0;
}

/** Checks of leaf types; a 64-bit integer is a safe `number` or a `bigint` in range. */
export const is = {
  string(value: unknown): boolean {
    return typeof value === "string";
  },
  boolean(value: unknown): boolean {
    return typeof value === "boolean";
  },
  uint16(value: unknown): boolean {
    return isUnsigned(value, 0xffff);
  },
  uint32(value: unknown): boolean {
    return isUnsigned(value, 0xffffffff);
  },
  int32(value: unknown): boolean {
    return typeof value === "number" && (value | 0) === value;
  },
  int64(value: unknown): boolean {
    if (typeof value === "number") return Number.isSafeInteger(value);
    return typeof value === "bigint" && value >= -0x8000_0000_0000_0000n && value < 0x8000_0000_0000_0000n;
  },
  uint64(value: unknown): boolean {
    if (typeof value === "number") return value >= 0 && Number.isSafeInteger(value);
    // Not BigInt.asUintN, which is wrong for 2^64-1 in QuickJS 2025-04-26.
    return typeof value === "bigint" && value >= 0n && value <= 0xffff_ffff_ffff_ffffn;
  },
  strings(value: unknown): boolean {
    if (!Array.isArray(value)) return false;
    for (let i = 0; i < value.length; i++) if (typeof value[i] !== "string") return false;
    return true;
  },
  stringMap(value: unknown): boolean {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    for (const name in value) {
      if (typeof (value as Record<string, unknown>)[name] !== "string") return false;
    }
    return true;
  },
};
