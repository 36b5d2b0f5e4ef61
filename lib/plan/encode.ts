/**
 * A plan as bytes: what `init` maps and walks. The format is described in `native/README.md`; this walks
 * {@link OPS}, so it knows no single operation.
 */
import { RuntimeError } from "../errors.ts";
import { OPS, PLAN_MAGIC, PLAN_VERSION, type FieldType, type OpName, type Step } from "./ops.ts";

/**
 * Encodes `steps`.
 * @throws INTERNAL where a string holds a NUL byte, which validation should have refused
 */
export function encodePlan(steps: readonly Step[]): Uint8Array {
  const writer = new Writer();
  writer.u32(PLAN_MAGIC);
  writer.u32(PLAN_VERSION);
  const totalAt = writer.skip(4);
  writer.u32(steps.length);
  const numbers = opNumbers();
  for (const step of steps) {
    const start = writer.position;
    writer.u32(numbers[step.op]);
    const sizeAt = writer.skip(4);
    const types: Readonly<Record<string, FieldType>> = OPS[step.op];
    const fields: Readonly<Record<string, unknown>> = step.fields;
    for (const name in types) writer.field(types[name] as FieldType, fields[name]);
    writer.patch(sizeAt, writer.position - start);
  }
  writer.patch(totalAt, writer.position);
  return writer.bytes();
}

let cachedNumbers: Record<OpName, number> | undefined;

function opNumbers(): Record<OpName, number> {
  if (cachedNumbers === undefined) {
    const numbers: Partial<Record<OpName, number>> = {};
    let next = 0;
    for (const name in OPS) numbers[name as OpName] = next++;
    cachedNumbers = numbers as Record<OpName, number>;
  }
  return cachedNumbers;
}

const encoder = new TextEncoder();

class Writer {
  position = 0;
  #buffer = new Uint8Array(8192);
  #view = new DataView(this.#buffer.buffer);

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.position);
  }

  u32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.position, value, true);
    this.position += 4;
  }

  /** Leaves room for a u32 that is {@link patch}ed later. */
  skip(size: number): number {
    this.#room(size);
    const at = this.position;
    this.position += size;
    return at;
  }

  patch(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  field(type: FieldType, value: unknown): void {
    switch (type) {
      case "u32":
        return this.#count(value as number);
      case "u64":
      case "i64":
        this.#room(8);
        this.#view.setBigInt64(this.position, BigInt.asIntN(64, value as bigint), true);
        this.position += 8;
        return;
      case "str":
        return this.#string(value as string);
      case "strs":
        return this.#strings(value as readonly string[]);
      case "u32s": {
        const list = value as readonly number[];
        this.#count(list.length);
        for (const item of list) this.u32(item);
        return this.#pad();
      }
      case "bytes": {
        const data = value as Uint8Array;
        this.#count(data.length);
        this.#room(data.length);
        this.#buffer.set(data, this.position);
        this.position += data.length;
        return this.#pad();
      }
    }
  }

  #count(value: number): void {
    this.#room(8);
    this.#view.setUint32(this.position, value, true);
    this.#view.setUint32(this.position + 4, 0, true);
    this.position += 8;
  }

  #string(text: string): void {
    const lengthAt = this.skip(8);
    // Before `#view` is looked at: writing the text may put another buffer in its place.
    const length = this.#text(text);
    this.#view.setUint32(lengthAt, length, true);
    this.#pad();
  }

  #strings(list: readonly string[]): void {
    this.#count(list.length);
    const lengthAt = this.skip(8);
    const start = this.position;
    for (const text of list) this.#text(text);
    this.#view.setUint32(lengthAt, this.position - start, true);
    this.#pad();
  }

  /** Writes `text` and a NUL; returns the bytes without the NUL. */
  #text(text: string): number {
    // The kernel would cut the string at the NUL, so a check of the whole string would have checked another.
    if (text.includes("\0")) throw new RuntimeError("INTERNAL", "a string of the plan holds a NUL byte");
    this.#room(text.length * 3 + 1);
    const start = this.position;
    const { written } = encoder.encodeInto(text, this.#buffer.subarray(start));
    this.position = start + written + 1;
    this.#buffer[start + written] = 0;
    return written;
  }

  #pad(): void {
    const rest = this.position & 7;
    if (rest === 0) return;
    this.#room(8 - rest);
    this.position += 8 - rest;
  }

  #room(size: number): void {
    if (this.position + size <= this.#buffer.length) return;
    let length = this.#buffer.length * 2;
    while (length < this.position + size) length *= 2;
    const grown = new Uint8Array(length);
    grown.set(this.#buffer);
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }
}
