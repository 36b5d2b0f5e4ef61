// SPDX-License-Identifier: Apache-2.0
import { type Json, MAX_DEPTH, parseExact } from "./exact.ts";
import type { Problem } from "../../errors.ts";

export type { Json } from "./exact.ts";

/** A parsed text. */
export interface ParsedJson {
  /** The document, of equal names the last; `null` after a syntax error. */
  readonly value: Json;
  /** False after a syntax error. */
  readonly complete: boolean;
  readonly problems: readonly Problem[];
}

/**
 * Parses a JSON text exactly: integers keep their value, an object that has a name twice is an error
 * (the specification's glossary forbids it), and so is half of a surrogate pair, which UTF-8 cannot hold.
 *
 * The engine's own parser does the work, since it is native; it rounds big integers and keeps the last of
 * equal names, so its result is tested for both, and the slower exact parser runs only when a test fires. The engine of the
 * program (QuickJS) also takes texts that are not JSON: other escapes in strings, and numbers that end in a point.
 */
export function parseJson(text: string): ParsedJson {
  const value = parseQuickly(text);
  return value === undefined ? parseExact(text, false) : { value, complete: true, problems: [] };
}

/** The engine's result if it is certain to be exact, else `undefined`. */
function parseQuickly(text: string): Json | undefined {
  if (!hasPlainEscapes(text)) return undefined;
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  if (!isExact(value, 0)) return undefined;
  // Each member has one colon and colons in strings are kept as they are, so a text that has lost a member
  // (the earlier of two with one name) has fewer of them when it is written again. So it is with the point of "1.".
  const again = JSON.stringify(value);
  const isSame = count(":", text) === count(":", again) && count(".", text) === count(".", again);
  return isSame && !again.includes("\\ud") ? value : undefined;
}

/** Whether every escape is one of JSON, and none stands for a surrogate or for a character that {@link count} counts. */
function hasPlainEscapes(text: string): boolean {
  for (let at = text.indexOf("\\"); at >= 0; at = text.indexOf("\\", at + 2)) {
    const letter = text.charAt(at + 1);
    if (letter !== "u") {
      if (letter === "" || !'"\\/bfnrt'.includes(letter)) return false;
      continue;
    }
    const digits = text.slice(at + 2, at + 6).toLowerCase();
    if (digits.length < 4 || digits.startsWith("d") || digits === "003a" || digits === "002e") return false;
    for (let index = 0; index < 4; index++) if (!"0123456789abcdef".includes(digits.charAt(index))) return false;
  }
  return true;
}

/** Whether no number was rounded and no nesting is too deep. */
function isExact(value: Json, depth: number): boolean {
  if (typeof value === "number") {
    return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
  }
  if (typeof value !== "object" || value === null) return true;
  if (depth >= MAX_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item = value[i] as Json;
      if (typeof item !== "string" && !isExact(item, depth + 1)) return false;
    }
    return true;
  }
  // oxlint-disable-next-line typescript/no-for-in-array -- an array has returned above
  for (const name in value) {
    const member = (value as { readonly [name: string]: Json })[name] as Json;
    if (typeof member !== "string" && !isExact(member, depth + 1)) return false;
  }
  return true;
}

function count(mark: string, text: string): number {
  let found = 0;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) found++;
  return found;
}
