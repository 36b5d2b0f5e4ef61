// SPDX-License-Identifier: Apache-2.0
import { type Json, MAX_DEPTH, parseExact } from "./exact.ts";
import type { Problem } from "../../errors.ts";
import { isPlainJson } from "../../sys/pure.ts";

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
 * The engine's own parser does the work, since it is native; it rounds big integers and keeps the last of equal names, and that of
 * the program (QuickJS) also takes texts that are not JSON. So it gets only a text that is known to be plain; any other one goes to
 * the slower exact parser.
 */
export function parseJson(text: string): ParsedJson {
  if (isPlainJson(text, MAX_DEPTH)) return { value: JSON.parse(text) as Json, complete: true, problems: [] };
  return parseExact(text, false);
}
