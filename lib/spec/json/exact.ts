// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "../../errors.ts";
import { pointerStep } from "./pointer.ts";

/** A value of a JSON document; integers beyond 2^53-1 are `bigint`. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | { readonly [name: string]: Json };

/** The result of {@link parseExact}. */
export interface ExactJson {
  /** The document, of equal names the last; `null` after a syntax error. */
  readonly value: Json;
  /** False after a syntax error. */
  readonly complete: boolean;
  /** Problems in the order of the text; a syntax error is the last. */
  readonly problems: readonly Problem[];
  /** Offset in the text of each value by its JSON Pointer; empty unless asked for. */
  readonly places: ReadonlyMap<string, number>;
}

/** Levels of nesting beyond which a text is refused. */
export const MAX_DEPTH = 200;

/** Longer integers are refused rather than computed with; 2^64 has 20 digits. */
const MAX_DIGITS = 64;

/** A place in a text: 1-based line, and column in UTF-16 units. */
interface Place {
  readonly line: number;
  readonly column: number;
}

/** The place of an offset in `text`. */
export function lineAndColumn(text: string, offset: number): Place {
  return lineCounter(text)(offset);
}

/** {@link lineAndColumn} for many offsets in ascending order: `text` is read once. */
export function lineCounter(text: string): (offset: number) => Place {
  let line = 1;
  let start = 0;
  let end = text.indexOf("\n");
  return (offset) => {
    while (end >= 0 && end < offset) {
      line++;
      start = end + 1;
      end = text.indexOf("\n", start);
    }
    return { line, column: offset - start + 1 };
  };
}

/**
 * A JSON parser (RFC 8259) that keeps integers exact and records the place of each value.
 *
 * @param withPlaces whether `places` is filled in
 */
export function parseExact(text: string, withPlaces: boolean): ExactJson {
  return new Parser(text, withPlaces).document();
}

/** Whether no surrogate stands alone. TypeScript lists the method from ES2024; Node 20 and Bun have it. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** Ends the parse; the problem has been kept. */
class SyntaxStop {}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

class Parser {
  private readonly text: string;
  private readonly places: Map<string, number> | undefined;
  private readonly problems: Problem[] = [];
  private at = 0;

  constructor(text: string, withPlaces: boolean) {
    this.text = text;
    this.places = withPlaces ? new Map() : undefined;
  }

  document(): ExactJson {
    let value: Json = null;
    let complete = true;
    try {
      this.space();
      value = this.value("", 0);
      this.space();
      if (this.at < this.text.length) this.stop(`${this.found()} after the end of the document`);
    } catch (stopped) {
      if (!(stopped instanceof SyntaxStop)) throw stopped;
      value = null;
      complete = false;
    }
    return { value, complete, problems: this.problems, places: this.places ?? new Map() };
  }

  private report(pointer: string, offset: number, message: string): void {
    this.problems.push({ pointer, ...lineAndColumn(this.text, offset), message });
  }

  private stop(message: string, offset = this.at): never {
    this.report("", offset, `not valid JSON: ${message}`);
    // oxlint-disable-next-line typescript/only-throw-error -- it never leaves this file
    throw new SyntaxStop();
  }

  /** The text at the current place, for a message. */
  private found(): string {
    const code = this.text.codePointAt(this.at);
    if (code === undefined) return "end of file";
    if (code === 0xfeff) return "a byte order mark";
    if (code < 0x20 || code === 0x7f) return `control character 0x${code.toString(16).padStart(2, "0")}`;
    return `"${String.fromCodePoint(code)}"`;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private value(pointer: string, depth: number): Json {
    this.places?.set(pointer, this.at);
    if (depth > MAX_DEPTH) this.stop(`more than ${MAX_DEPTH} levels`);
    switch (this.text[this.at]) {
      case "{":
        return this.object(pointer, depth);
      case "[":
        return this.array(pointer, depth);
      case '"':
        return this.string(pointer);
      case "t":
        return this.word("true", true);
      case "f":
        return this.word("false", false);
      case "n":
        return this.word("null", null);
      default:
        return this.number(pointer);
    }
  }

  private word(word: string, value: Json): Json {
    if (!this.text.startsWith(word, this.at)) this.stop(`${this.found()} where a value is expected`);
    this.at += word.length;
    return value;
  }

  private object(pointer: string, depth: number): Json {
    const members = new Map<string, Json>();
    this.at++;
    this.space();
    if (this.text[this.at] === "}") {
      this.at++;
      return {};
    }
    for (;;) {
      if (this.text[this.at] !== '"') this.stop(`${this.found()} where a name in quotes is expected`);
      const offset = this.at;
      const name = this.string(pointer);
      const inner = pointer + pointerStep(name);
      if (members.has(name)) {
        this.report(inner, offset, `the name ${JSON.stringify(name)} stands twice in one object`);
        this.forget(inner);
      }
      this.space();
      if (this.text[this.at] !== ":") this.stop(`${this.found()} where ":" is expected`);
      this.at++;
      this.space();
      members.set(name, this.value(inner, depth + 1));
      this.space();
      const separator = this.text[this.at];
      if (separator === "}") break;
      if (separator !== ",") this.stop(`${this.found()} where "," or "}" is expected`);
      this.at++;
      this.space();
    }
    this.at++;
    // Not by assignment: that would set the prototype if the name is __proto__.
    return Object.fromEntries(members);
  }

  /** Removes the places inside a value that another one of the same name replaces. */
  private forget(pointer: string): void {
    for (const place of this.places?.keys() ?? []) {
      if (place.startsWith(`${pointer}/`)) this.places?.delete(place);
    }
  }

  private array(pointer: string, depth: number): Json {
    const items: Json[] = [];
    this.at++;
    this.space();
    if (this.text[this.at] === "]") {
      this.at++;
      return items;
    }
    for (;;) {
      items.push(this.value(`${pointer}/${items.length}`, depth + 1));
      this.space();
      const separator = this.text[this.at];
      if (separator === "]") break;
      if (separator !== ",") this.stop(`${this.found()} where "," or "]" is expected`);
      this.at++;
      this.space();
    }
    this.at++;
    return items;
  }

  private string(pointer: string): string {
    const start = this.at;
    const result = this.quickString() ?? this.slowString();
    if (!isWellFormed(result)) {
      this.report(pointer, start, "the string has half of a surrogate pair, which is not a character");
    }
    return result;
  }

  /** A string without escapes, checked by the engine's parser, which is native. */
  private quickString(): string | undefined {
    const end = this.text.indexOf('"', this.at + 1);
    const token = this.text.slice(this.at, end + 1);
    if (end < 0 || token.includes("\\")) return undefined;
    try {
      const result = JSON.parse(token) as string;
      this.at = end + 1;
      return result;
    } catch {
      return undefined;
    }
  }

  private slowString(): string {
    const start = this.at++;
    let result = "";
    for (;;) {
      const from = this.at;
      for (;;) {
        const code = this.text.charCodeAt(this.at);
        if (code === 0x22 || code === 0x5c) break;
        if (Number.isNaN(code)) this.stop("the string is not closed", start);
        if (code < 0x20) this.stop(`${this.found()} in a string; write it as an escape`);
        this.at++;
      }
      result += this.text.slice(from, this.at);
      if (this.text[this.at++] === '"') return result;
      result += this.escape();
    }
  }

  private escape(): string {
    const letter = this.text[this.at] ?? "";
    const simple = ESCAPES[letter];
    if (simple !== undefined && Object.hasOwn(ESCAPES, letter)) {
      this.at++;
      return simple;
    }
    if (letter !== "u") this.stop(`${this.found()} after "\\" in a string`);
    const digits = this.text.slice(this.at + 1, this.at + 5);
    if (!/^[0-9A-Fa-f]{4}$/.test(digits)) this.stop('"\\u" must be followed by four hexadecimal digits');
    this.at += 5;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  private number(pointer: string): number | bigint {
    const pattern = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match === null) this.stop(`${this.found()} where a value is expected`);
    const [token, fraction, exponent] = match;
    const offset = this.at;
    this.at += token.length;
    const number = Number(token);
    if (fraction !== undefined || exponent !== undefined) return number;
    if (Number.isSafeInteger(number)) return number;
    if (token.length > MAX_DIGITS) {
      this.report(pointer, offset, `an integer of ${token.length} digits; 64 bits hold at most 20`);
      return number;
    }
    return BigInt(token);
  }
}
