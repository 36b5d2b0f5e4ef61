// SPDX-License-Identifier: Apache-2.0
/**
 * A plan as bytes, which `init` maps and walks. The format is described in `native/README.md`; this module walks
 * {@link OPS}, so it knows no single operation.
 */
import { RuntimeError } from "../errors.ts";
import { OPS, PLAN_MAGIC, PLAN_VERSION, type FieldType, type OpName, type Step } from "./steps.ts";

/** An operation as the encoder goes through it. */
interface Layout {
  readonly number: number;
  readonly names: readonly string[];
  readonly types: readonly FieldType[];
}

const LAYOUTS: Readonly<Record<OpName, Layout>> = layouts();
const encoder = new TextEncoder();

function layouts(): Record<OpName, Layout> {
  const found: Partial<Record<OpName, Layout>> = {};
  for (const [number, [op, fields]] of Object.entries(OPS).entries()) {
    found[op as OpName] = { number, names: Object.keys(fields), types: Object.values(fields) };
  }
  return found as Record<OpName, Layout>;
}

/**
 * Encodes `steps`.
 * @throws INTERNAL where a string holds a NUL byte, which validation should have refused
 */
export function encodePlan(steps: readonly Step[]): Uint8Array {
  const writer = new Writer();
  writer.pair(PLAN_MAGIC, PLAN_VERSION);
  const head = writer.skip();
  for (const step of steps) {
    const { number, names, types } = LAYOUTS[step.op];
    const fields: Readonly<Record<string, unknown>> = step.fields;
    const start = writer.skip();
    for (let index = 0; index < names.length; index++) {
      writer.field(types[index] as FieldType, fields[names[index] as string]);
    }
    writer.patch(start, number, writer.position - start);
  }
  writer.patch(head, writer.position, steps.length);
  return writer.bytes();
}

/** All is written in pairs of u32, and texts and bytes are padded to that. The hosts of runt are little-endian. */
class Writer {
  /** In bytes; a multiple of 8. */
  position = 0;
  #words = new Uint32Array(4096);
  #bytes = new Uint8Array(this.#words.buffer);

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.position);
  }

  pair(low: number, high: number): void {
    this.#room(8);
    this.patch(this.position, low, high);
    this.position += 8;
  }

  /** Leaves room for a pair that is {@link patch}ed later; its place. */
  skip(): number {
    this.#room(8);
    this.position += 8;
    return this.position - 8;
  }

  patch(at: number, low: number, high: number): void {
    const words = this.#words;
    words[at >>> 2] = low;
    words[(at >>> 2) + 1] = high;
  }

  field(type: FieldType, value: unknown): void {
    switch (type) {
      case "u32":
        return this.pair(value as number, 0);
      case "str":
        return this.#string(value as string);
      case "strs":
        this.pair((value as readonly string[]).length, 0);
        return this.#strings(value as readonly string[]);
      case "u64":
      case "i64": {
        this.#room(8);
        // Not asUintN, which is wrong for 2^64-1 in QuickJS 2025-04-26.
        new DataView(this.#words.buffer).setBigInt64(this.position, BigInt.asIntN(64, value as bigint), true);
        this.position += 8;
        return;
      }
      case "u32s": {
        const list = value as readonly number[];
        this.pair(list.length, 0);
        for (let index = 0; index < list.length; index += 2) this.pair(list[index] ?? 0, list[index + 1] ?? 0);
        return;
      }
      case "bytes": {
        const data = value as Uint8Array;
        this.pair(data.length, 0);
        this.#room(data.length);
        this.#bytes.set(data, this.position);
        this.#advance(data.length);
        return;
      }
    }
  }

  #string(text: string): void {
    const lengthAt = this.skip();
    const size = this.#text(text, 0);
    this.patch(lengthAt, size, 0);
    this.#advance(size + 1);
  }

  #strings(list: readonly string[]): void {
    const lengthAt = this.skip();
    let size = 0;
    for (let index = 0; index < list.length; index++) size += this.#text(list[index] ?? "", size) + 1;
    this.patch(lengthAt, size, 0);
    this.#advance(size);
  }

  /** Writes `text` and a NUL behind {@link position}, `after` bytes further on; the bytes without the NUL. */
  #text(text: string, after: number): number {
    // The kernel would cut the string at the NUL, so a check of the whole string would have checked another.
    if (text.includes("\0")) throw new RuntimeError("INTERNAL", "a string of the plan holds a NUL byte");
    this.#room(after + text.length * 3 + 1);
    const bytes = this.#bytes;
    const start = this.position + after;
    // Most texts are ASCII and short: a loop is over before an encoder has made its result.
    let at = start;
    if (text.length < 8) {
      for (let index = 0; index < text.length; index++) {
        const code = text.charCodeAt(index);
        if (code > 127) {
          at = start;
          break;
        }
        bytes[at++] = code;
      }
    }
    if (at === start && text !== "") at += encoder.encodeInto(text, bytes.subarray(start)).written;
    bytes[at] = 0;
    return at - start;
  }

  /** Moves past the data that was written, to the next multiple of 8. */
  #advance(size: number): void {
    const rest = (this.position + size) & 7;
    this.#room(size + 8);
    this.position += rest === 0 ? size : size + 8 - rest;
  }

  #room(size: number): void {
    if (this.position + size <= this.#bytes.length) return;
    let length = this.#bytes.length * 2;
    while (length < this.position + size) length *= 2;
    const grown = new Uint8Array(length);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#words = new Uint32Array(grown.buffer);
  }
}
