// SPDX-License-Identifier: Apache-2.0
/**
 * The wire format of protocol buffers, as far as the messages beside this file use it.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import { RuntimeError } from "../../errors.ts";

/** A count of 64 bits: a bigint where a number could not hold it exactly. */
export type Count = number | bigint;

/** The source of a message to write: a field that is left out has its default, as on the wire. */
export type Draft<T> = T extends string | number | bigint | boolean | Uint8Array | undefined
  ? T
  : T extends readonly (infer Each)[]
    ? readonly Draft<Each>[]
    : { readonly [Name in keyof T]?: Draft<T[Name]> | undefined };

export const NO_BYTES: Uint8Array = new Uint8Array(0);

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
/** Bits of a varint that a number adds up without loss. */
const SAFE_FACTOR = 2 ** 42;

/** QuickJS's asUintN makes -1n of the highest number of 64 bits, so that masks stand in its place. */
const TOO_LARGE = 1n << 64n;
const HIGHEST = (1n << 63n) - 1n;
const LOW_32 = 0xffffffffn;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

function broken(what: string): RuntimeError {
  return new RuntimeError("USAGE", `the message is no protocol buffer: ${what}`);
}

/** Walks the fields of a message. @throws RuntimeError USAGE in all methods, for bytes that are none */
export class Reader {
  /** Number of the field that {@link next} has found. */
  field = 0;
  readonly #bytes: Uint8Array;
  #at = 0;
  #wire = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Goes to the next field; `false` at the end. */
  next(): boolean {
    if (this.#at >= this.#bytes.length) return false;
    const tag = Number(this.#varint());
    this.field = Math.floor(tag / 8);
    this.#wire = tag % 8;
    if (this.field === 0) throw broken("a field has the number 0");
    return true;
  }

  /** Skips an unknown field. */
  skip(): void {
    if (this.#wire === VARINT) this.#varint();
    else if (this.#wire === LENGTH) this.#take(this.#length());
    else if (this.#wire === FIXED64) this.#take(8);
    else if (this.#wire === FIXED32) this.#take(4);
    else throw broken(`wire type ${this.#wire}`);
  }

  bytes(): Uint8Array {
    this.#expect(LENGTH);
    return this.#take(this.#length());
  }

  string(): string {
    const bytes = this.bytes();
    try {
      return decoder.decode(bytes);
    } catch {
      throw broken(`field ${this.field} is not UTF-8`);
    }
  }

  bool(): boolean {
    return this.uint64() !== 0;
  }

  uint32(): number {
    return Number(BigInt(this.uint64()) & LOW_32);
  }

  int32(): number {
    return this.uint32() | 0;
  }

  /** For times: a value that a number cannot hold exactly is rounded. */
  int64(): number {
    const value = this.uint64();
    if (typeof value === "number") return value;
    return Number(value > HIGHEST ? value - TOO_LARGE : value);
  }

  uint64(): Count {
    this.#expect(VARINT);
    return this.#varint();
  }

  double(): number {
    this.#expect(FIXED64);
    const bytes = this.#take(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
  }

  /** Reads a field of numbers, which may be in one piece. */
  packed(read: () => void): void {
    if (this.#wire !== LENGTH) {
      read();
      return;
    }
    const end = this.#length() + this.#at;
    if (end > this.#bytes.length) throw broken(`field ${this.field} is cut short`);
    this.#wire = VARINT;
    while (this.#at < end) read();
  }

  #expect(wire: number): void {
    if (this.#wire !== wire) throw broken(`field ${this.field} has wire type ${this.#wire}`);
  }

  #length(): number {
    return Number(this.#varint());
  }

  #take(size: number): Uint8Array {
    if (size > this.#bytes.length - this.#at) throw broken(`field ${this.field} is cut short`);
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  #varint(): Count {
    let value = 0;
    let factor = 1;
    const start = this.#at;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw broken(`field ${this.field} is cut short`);
      // The following bits do not fit into a number.
      if (factor > SAFE_FACTOR) return this.#large(start);
      this.#at++;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  }

  #large(start: number): Count {
    let value = 0n;
    for (let at = start, shift = 0n; ; at++, shift += 7n) {
      const byte = this.#bytes[at];
      if (byte === undefined || shift > 63n) throw broken(`field ${this.field} is cut short, or too long`);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      this.#at = at + 1;
      const cut = value & (TOO_LARGE - 1n);
      return cut <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(cut) : cut;
    }
  }
}

/** Writes the fields of a message; a default is left out. */
export class Writer {
  #bytes: Uint8Array = new Uint8Array(64);
  #size = 0;

  /** The bytes that have been written. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  uint(field: number, value: Count | undefined): void {
    if (value === undefined || value === 0 || value === 0n) return;
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  /** A negative number is one of 64 bits. */
  int(field: number, value: number | undefined): void {
    this.uint(field, value !== undefined && value < 0 ? BigInt(value) + TOO_LARGE : value);
  }

  bool(field: number, value: boolean | undefined): void {
    if (value === true) this.uint(field, 1);
  }

  double(field: number, value: number | undefined): void {
    if (value === undefined || value === 0) return;
    this.#tag(field, FIXED64);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.#append(bytes);
  }

  string(field: number, value: string | undefined): void {
    if (value !== undefined && value !== "") this.text(field, value);
  }

  /** Writes one of several texts, also an empty one. */
  text(field: number, value: string): void {
    this.message(field, encoder.encode(value));
  }

  bytes(field: number, value: Uint8Array | undefined): void {
    if (value !== undefined && value.length > 0) this.message(field, value);
  }

  /** Writes a message within the message, also an empty one. */
  message(field: number, bytes: Uint8Array): void {
    this.#tag(field, LENGTH);
    this.#varint(bytes.length);
    this.#append(bytes);
  }

  packed(field: number, values: readonly Count[] | undefined): void {
    if (values === undefined || values.length === 0) return;
    const inner = new Writer();
    for (const value of values) inner.#varint(value);
    this.message(field, inner.finish());
  }

  #tag(field: number, wire: number): void {
    this.#varint(field * 8 + wire);
  }

  #varint(value: Count): void {
    const bytes: number[] = [];
    if (typeof value === "bigint") {
      let rest = value;
      for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
      bytes.push(Number(rest));
    } else {
      let rest = value;
      for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
      bytes.push(rest);
    }
    this.#append(Uint8Array.from(bytes));
  }

  #append(bytes: Uint8Array): void {
    const size = this.#size + bytes.length;
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(size, this.#bytes.length * 2));
      larger.set(this.finish());
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#size);
    this.#size = size;
  }
}
