// SPDX-License-Identifier: Apache-2.0
/** Sizes as people write them. Pure. */
import { RuntimeError } from "../../errors.ts";
import { show, type Kind } from "../options/kinds.ts";

/** Bytes, or a number with a unit of powers of 1024, such as `"64m"`, `"1.5g"` or `"512MiB"`. */
export type Size = number | string;

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const FORM = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i;

function parse(size: unknown): number | undefined {
  if (typeof size === "number") return Number.isSafeInteger(size) && size > 0 ? size : undefined;
  const found = typeof size === "string" ? FORM.exec(size.trim()) : null;
  if (found === null) return undefined;
  const bytes = Math.floor(Number(found[1]) * (UNITS[(found[2] ?? "").toLowerCase()] ?? NaN));
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

export const size: Kind = (value, at) =>
  parse(value) === undefined
    ? `${at}: found ${show(value)}, it must be a number of bytes above 0, or a text such as "64m" or "1.5g"`
    : undefined;

/** @throws USAGE */
export function bytesOf(value: Size, at: string): number {
  const bytes = parse(value);
  if (bytes === undefined) throw new RuntimeError("USAGE", size(value, at) ?? at);
  return bytes;
}
