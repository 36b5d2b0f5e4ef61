// SPDX-License-Identifier: Apache-2.0
/**
 * Values in the text format of GVariant, which `org.systemd.property.*` annotations have. Pure.
 *
 * @see https://docs.gtk.org/glib/gvariant-text-format.html
 */
import { isType, typeEnd } from "./signature.ts";
import type { BusValue } from "./values.ts";

/** A value and its type. */
export interface Typed {
  readonly signature: string;
  readonly value: BusValue;
}

/** The reason that a text is not a value; the caller adds the place of the text. */
export class GVariantError extends Error {
  override readonly name = "GVariantError";
}

/** A value before its type is known. */
type Node =
  | { readonly kind: "bool" | "number" | "text" | "bytes"; readonly text: string }
  | { readonly kind: "array" | "tuple"; readonly items: readonly Node[] }
  | { readonly kind: "dict"; readonly entries: readonly (readonly [Node, Node])[] }
  | { readonly kind: "variant"; readonly item: Node }
  | { readonly kind: "typed"; readonly signature: string; readonly item: Node };

const KEYWORDS: Readonly<Record<string, string>> = {
  boolean: "b",
  byte: "y",
  int16: "n",
  uint16: "q",
  int32: "i",
  uint32: "u",
  int64: "x",
  uint64: "t",
  double: "d",
  string: "s",
  objectpath: "o",
  signature: "g",
};
const RANGES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  y: [0n, 255n],
  n: [-32768n, 32767n],
  q: [0n, 65535n],
  i: [-(2n ** 31n), 2n ** 31n - 1n],
  u: [0n, 2n ** 32n - 1n],
  x: [-(2n ** 63n), 2n ** 63n - 1n],
  t: [0n, 2n ** 64n - 1n],
};
const ESCAPES: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };
/** As D-Bus has it. */
const DEEPEST = 32;

/**
 * Reads one value. A number without a type is an int32, or a double if it has a point or an exponent.
 * @throws GVariantError
 */
export function parseGVariant(source: string): Typed {
  const reader = new Reader(source);
  const node = reader.value(0);
  reader.end();
  const signature = typeOf(node);
  if (signature === undefined) throw new GVariantError("an empty array needs a type, such as @as []");
  return { signature, value: valueOf(node, signature) };
}

class Reader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  end(): void {
    this.#space();
    if (this.#at < this.#source.length) throw this.#unexpected();
  }

  value(depth: number): Node {
    if (depth > DEEPEST) throw new GVariantError("it is nested too deeply");
    this.#space();
    if (this.#take("[")) return { kind: "array", items: this.#list("]", depth) };
    if (this.#take("(")) return { kind: "tuple", items: this.#list(")", depth) };
    if (this.#take("{")) return { kind: "dict", entries: this.#entries(depth) };
    if (this.#take("<")) {
      const item = this.value(depth + 1);
      this.#expect(">");
      return { kind: "variant", item };
    }
    if (this.#take("@")) {
      const signature = this.#match(/[a-z(){}]+/y);
      if (!isType(signature)) throw new GVariantError(`${JSON.stringify(signature)} is not a type of D-Bus`);
      return { kind: "typed", signature, item: this.value(depth + 1) };
    }
    const next = this.#source[this.#at] ?? "";
    if (next === "b" && /["']/.test(this.#source[this.#at + 1] ?? "")) {
      this.#at += 1;
      return { kind: "bytes", text: this.#text() };
    }
    if (next === "'" || next === '"') return { kind: "text", text: this.#text() };
    if (/[-+.0-9]/.test(next)) return { kind: "number", text: this.#match(/[-+]?[.0-9a-zA-Z]+([eE][-+][0-9]+)?/y) };
    const word = this.#match(/[a-z0-9]+/y);
    if (word === "true" || word === "false") return { kind: "bool", text: word };
    const signature = KEYWORDS[word];
    if (signature === undefined) throw new GVariantError(`unknown word ${JSON.stringify(word)}`);
    return { kind: "typed", signature, item: this.value(depth + 1) };
  }

  #list(close: string, depth: number): Node[] {
    const items: Node[] = [];
    this.#space();
    while (!this.#take(close)) {
      items.push(this.value(depth + 1));
      this.#space();
      if (this.#source[this.#at] !== close) this.#expect(",");
      this.#space();
    }
    return items;
  }

  #entries(depth: number): [Node, Node][] {
    const entries: [Node, Node][] = [];
    this.#space();
    while (!this.#take("}")) {
      const key = this.value(depth + 1);
      this.#space();
      this.#expect(":");
      entries.push([key, this.value(depth + 1)]);
      this.#space();
      if (this.#source[this.#at] !== "}") this.#expect(",");
      this.#space();
    }
    return entries;
  }

  #text(): string {
    const quote = this.#source[this.#at];
    let text = "";
    for (this.#at += 1; this.#at < this.#source.length; this.#at += 1) {
      const letter = this.#source[this.#at] ?? "";
      if (letter === quote) {
        this.#at += 1;
        return text;
      }
      if (letter !== "\\") text += letter;
      else text += this.#escape();
    }
    throw new GVariantError("a text is not closed");
  }

  #escape(): string {
    this.#at += 1;
    const letter = this.#source[this.#at] ?? "";
    const digits = letter === "u" ? 4 : letter === "U" ? 8 : 0;
    if (digits === 0) return ESCAPES[letter] ?? letter;
    const code = this.#source.slice(this.#at + 1, this.#at + 1 + digits);
    if (!/^[0-9a-fA-F]+$/.test(code) || code.length !== digits || Number.parseInt(code, 16) > 0x10ffff) {
      throw new GVariantError(`\\${letter} needs ${digits} hexadecimal digits of a character`);
    }
    this.#at += digits;
    return String.fromCodePoint(Number.parseInt(code, 16));
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found === undefined) throw this.#unexpected();
    this.#at += found.length;
    return found;
  }

  #take(letter: string): boolean {
    if (this.#source[this.#at] !== letter) return false;
    this.#at += 1;
    return true;
  }

  #expect(letter: string): void {
    this.#space();
    if (!this.#take(letter)) throw this.#unexpected();
  }

  #space(): void {
    while (/\s/.test(this.#source[this.#at] ?? "")) this.#at += 1;
  }

  #unexpected(): GVariantError {
    const found = this.#source[this.#at];
    return new GVariantError(
      found === undefined ? "it ends too early" : `unexpected ${JSON.stringify(found)} at character ${this.#at + 1}`,
    );
  }
}

/** The type that a node has by itself; `undefined` for an array whose elements do not give one. */
function typeOf(node: Node): string | undefined {
  switch (node.kind) {
    case "bool":
      return "b";
    case "text":
      return "s";
    case "bytes":
      return "ay";
    case "number":
      return isWhole(node.text) ? "i" : "d";
    case "variant":
      return "v";
    case "typed":
      return node.signature;
    case "array": {
      const item = commonType(node.items);
      return item === undefined ? undefined : `a${item}`;
    }
    case "tuple": {
      const types = node.items.map(typeOf);
      return types.includes(undefined) || types.length === 0 ? undefined : `(${types.join("")})`;
    }
    case "dict": {
      const key = commonType(node.entries.map(([one]) => one));
      const value = commonType(node.entries.map(([, one]) => one));
      return key === undefined || value === undefined ? undefined : `a{${key}${value}}`;
    }
  }
}

/** The first explicit type counts for the other nodes, too. */
function commonType(nodes: readonly Node[]): string | undefined {
  const typed = nodes.find((node) => node.kind === "typed");
  if (typed !== undefined) return typeOf(typed);
  const types = nodes.map(typeOf).filter((type) => type !== undefined);
  return types.includes("d") && types.every((type) => type === "d" || type === "i") ? "d" : types[0];
}

function valueOf(node: Node, signature: string): BusValue {
  const wrong = (): GVariantError => new GVariantError(`a ${node.kind} is not a value of the type ${signature}`);
  switch (node.kind) {
    case "typed":
      if (node.signature !== signature)
        throw new GVariantError(`a value of the type ${node.signature} where one of ${signature} is needed`);
      return valueOf(node.item, signature);
    case "bool":
      if (signature !== "b") throw wrong();
      return node.text === "true";
    case "number":
      return numberOf(node.text, signature);
    case "text":
      if (!["s", "o", "g"].includes(signature)) throw wrong();
      return node.text;
    case "bytes":
      if (signature !== "ay") throw wrong();
      return new TextEncoder().encode(`${node.text}\0`);
    case "variant": {
      const inner = typeOf(node.item);
      if (signature !== "v" || inner === undefined) throw wrong();
      return [inner, valueOf(node.item, inner)];
    }
    case "array":
      if (!signature.startsWith("a") || signature[1] === "{") {
        throw wrong();
      }
      return node.items.map((item) => valueOf(item, signature.slice(1)));
    case "dict": {
      const key = signature[2];
      if (!signature.startsWith("a{") || key === undefined) throw wrong();
      return node.entries.map(([one, other]) => [valueOf(one, key), valueOf(other, signature.slice(3, -1))]);
    }
    case "tuple": {
      const types: string[] = [];
      if (!signature.startsWith("(")) throw wrong();
      for (let at = 1; at < signature.length - 1;) {
        const end = typeEnd(signature, at);
        types.push(signature.slice(at, end));
        at = end;
      }
      if (types.length !== node.items.length) throw wrong();
      return node.items.map((item, index) => valueOf(item, types[index] ?? ""));
    }
  }
}

function isWhole(text: string): boolean {
  return /^[-+]?(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(text);
}

function numberOf(text: string, signature: string): BusValue {
  if (signature === "d") {
    const value = Number(text);
    if (!Number.isFinite(value)) throw new GVariantError(`${JSON.stringify(text)} is not a number`);
    return value;
  }
  const range = RANGES[signature];
  if (range === undefined || !isWhole(text))
    throw new GVariantError(`${JSON.stringify(text)} is not a value of the type ${signature}`);
  const sign = text.startsWith("-") ? -1n : 1n;
  const digits = text.replace(/^[-+]/, "");
  // A leading 0 means base 8, as in C and GVariant.
  const value = sign * BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  if (value < range[0] || value > range[1]) {
    throw new GVariantError(`${text} is out of range: must be from ${range[0]} to ${range[1]}`);
  }
  return signature === "x" || signature === "t" ? value : Number(value);
}
