import { type Json, MAX_DEPTH, parseExact } from "./json_exact.ts";
import type { Problem } from "../errors.ts";

export type { Json } from "./json_exact.ts";

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
 * equal names, so its result is tested for both, and the slower exact parser runs only when a test fires.
 */
export function parseJson(text: string): ParsedJson {
  const value = parseQuickly(text);
  return value === undefined ? parseExact(text, false) : { value, complete: true, problems: [] };
}

/** The engine's result if it is certain to be exact, else `undefined`. */
function parseQuickly(text: string): Json | undefined {
  // A surrogate or a colon that is written as an escape would spoil the tests below.
  if (text.includes("\\ud") || text.includes("\\uD")) return undefined;
  if (text.includes("\\u003a") || text.includes("\\u003A")) return undefined;
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  if (!isExact(value, 0)) return undefined;
  // Each member has one colon and colons in strings are kept as they are, so a text that has lost a member
  // (the earlier of two with one name) has fewer of them when it is written again.
  const again = JSON.stringify(value);
  return countColons(text) === countColons(again) && !again.includes("\\ud") ? value : undefined;
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
  for (const name in value) {
    const member = (value as { readonly [name: string]: Json })[name] as Json;
    if (typeof member !== "string" && !isExact(member, depth + 1)) return false;
  }
  return true;
}

function countColons(text: string): number {
  let count = 0;
  for (let at = text.indexOf(":"); at >= 0; at = text.indexOf(":", at + 1)) count++;
  return count;
}
