// SPDX-License-Identifier: Apache-2.0
/**
 * Messages of D-Bus: their bytes. Pure.
 *
 * @see https://dbus.freedesktop.org/doc/dbus-specification.html#message-protocol
 */
import { RuntimeError } from "../errors.ts";
import { alignmentOf, typesOf } from "./signature.ts";
import type { BusValue } from "./values.ts";

/** Kinds of messages. */
export const MessageKind = { CALL: 1, REPLY: 2, ERROR: 3, SIGNAL: 4 } as const;

/** The method that is called. */
export interface Call {
  /** Absent if the other end is systemd itself and not a bus. */
  readonly destination?: string;
  readonly path: string;
  readonly interfaceName: string;
  readonly member: string;
  /** Of all the values together. */
  readonly signature: string;
  readonly values: readonly BusValue[];
}

/** A message that was received; absent fields are "", 0 or empty. */
export interface Message {
  readonly kind: number;
  readonly path: string;
  readonly interfaceName: string;
  readonly member: string;
  /** Of an error. */
  readonly errorName: string;
  /** Serial of the call that this answers. */
  readonly replyTo: number;
  readonly values: readonly BusValue[];
}

const LITTLE_ENDIAN = 0x6c;
const VERSION = 1;
/** Bytes before the array of header fields has begun. */
const FIXED = 12;
/** A longer message is not for this client: systemd's answers have a few hundred bytes. */
const LONGEST = 1 << 20;
/** Numbers of header fields. */
const PATH = 1,
  INTERFACE = 2,
  MEMBER = 3,
  ERROR_NAME = 4,
  REPLY_SERIAL = 5,
  DESTINATION = 6,
  SIGNATURE = 8;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The bytes of a call. @throws RuntimeError INTERNAL for a value that does not fit its type */
export function encodeCall(call: Call, serial: number): Uint8Array {
  const fields: [number, BusValue][] = [
    [PATH, ["o", call.path]],
    [INTERFACE, ["s", call.interfaceName]],
    [MEMBER, ["s", call.member]],
  ];
  if (call.destination !== undefined) fields.push([DESTINATION, ["s", call.destination]]);
  return encodeMessage(MessageKind.CALL, serial, fields, call.signature, call.values);
}

/**
 * The bytes of any message.
 * @param fields of its header, each with its value in a variant; the signature's field is added
 * @throws RuntimeError INTERNAL for a value that does not fit its type
 */
export function encodeMessage(
  kind: number,
  serial: number,
  fields: readonly (readonly [number, BusValue])[],
  signature: string,
  values: readonly BusValue[],
): Uint8Array {
  const body = new Writer();
  body.all(signature, values);
  const all = signature === "" ? fields : [...fields, [SIGNATURE, ["g", signature]] as const];
  const head = new Writer();
  head.all("yyyyuua(yv)", [LITTLE_ENDIAN, kind, 0, VERSION, body.length, serial, all]);
  head.align(8);
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head.bytes());
  bytes.set(body.bytes(), head.length);
  return bytes;
}

/**
 * The length of the message at the start of `bytes`.
 * @returns 0 if there are too few bytes to tell
 * @throws RuntimeError CGROUP for bytes that are not a message
 */
export function messageLength(bytes: Uint8Array): number {
  if (bytes.length < FIXED + 4) return 0;
  if (bytes[0] !== LITTLE_ENDIAN || bytes[3] !== VERSION) throw nonsense("it does not begin as one");
  const reader = new Reader(bytes);
  const [, , , , body, , fields] = reader.all("yyyyuuu") as number[];
  const total = ((FIXED + 4 + (fields ?? 0) + 7) & ~7) + (body ?? 0);
  if ((fields ?? 0) > LONGEST || (body ?? 0) > LONGEST) throw nonsense(`it has ${total} bytes`);
  return total;
}

/** The message that `bytes` are. @throws RuntimeError CGROUP */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new Reader(bytes);
  const [, kind, , , , , fields] = reader.all("yyyyuua(yv)");
  const found = new Map<number, BusValue>();
  for (const field of fields as readonly (readonly [number, readonly [string, BusValue]])[]) found.set(field[0], field[1][1]);
  reader.align(8);
  const text = (field: number): string => {
    const value = found.get(field);
    return typeof value === "string" ? value : "";
  };
  return {
    kind: Number(kind),
    path: text(PATH),
    interfaceName: text(INTERFACE),
    member: text(MEMBER),
    errorName: text(ERROR_NAME),
    replyTo: Number(found.get(REPLY_SERIAL) ?? 0),
    values: reader.all(text(SIGNATURE)),
  };
}

function nonsense(why: string): RuntimeError {
  return new RuntimeError("CGROUP", `systemd: the answer over D-Bus is not a message: ${why}`);
}

/** Texts must not hold a NUL; whole numbers must be in range. */
const RANGES: Readonly<Record<string, readonly [number, number, number]>> = {
  y: [1, 0, 0xff],
  n: [2, -0x8000, 0x7fff],
  q: [2, 0, 0xffff],
  i: [4, -0x8000_0000, 0x7fff_ffff],
  u: [4, 0, 0xffff_ffff],
};
const LOW_HALF = 0xffff_ffffn;

class Writer {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  align(to: number): void {
    while (this.#bytes.length % to !== 0) this.#bytes.push(0);
  }

  all(signature: string, values: readonly BusValue[]): void {
    const types = typesOf(signature);
    if (types === undefined || types.length !== values.length) throw misfit(signature, values);
    for (let index = 0; index < types.length; index++) this.#value(types[index] ?? "", values[index] ?? "");
  }

  #value(type: string, value: BusValue): void {
    const letter = type[0] ?? "";
    this.align(alignmentOf(letter));
    const range = RANGES[letter];
    if (range !== undefined) this.#whole(type, value, range);
    else if (letter === "b" && typeof value === "boolean") this.#u32(value ? 1 : 0);
    else if ((letter === "x" || letter === "t") && typeof value === "bigint") this.#long(letter, value);
    else if (letter === "d" && typeof value === "number") this.#push(new Uint8Array(new Float64Array([value]).buffer));
    else if ((letter === "s" || letter === "o" || letter === "g") && typeof value === "string") this.#text(letter, value);
    else if (letter === "v" && isList(value) && typeof value[0] === "string" && value[1] !== undefined)
      this.#variant(value[0], value[1]);
    else if (letter === "(" && isList(value)) this.all(type.slice(1, -1), value);
    else if (letter === "a" && (isList(value) || value instanceof Uint8Array)) this.#array(type.slice(1), value);
    else throw misfit(type, value);
  }

  #whole(type: string, value: BusValue, [size, least, most]: readonly [number, number, number]): void {
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) throw misfit(type, value);
    for (let index = 0; index < size; index++) this.#bytes.push((value >> (8 * index)) & 0xff);
  }

  #u32(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.#bytes.push((value >>> shift) & 0xff);
  }

  #long(type: string, value: bigint): void {
    const [least, most] = type === "t" ? [0n, 0xffff_ffff_ffff_ffffn] : [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn];
    if (value < least || value > most) throw misfit(type, value);
    const whole = value < 0n ? value + 0x1_0000_0000_0000_0000n : value;
    this.#u32(Number(whole & LOW_HALF));
    this.#u32(Number(whole >> 32n));
  }

  #text(type: string, value: string): void {
    const bytes = encoder.encode(value);
    if (bytes.includes(0)) throw misfit(type, value);
    if (type === "g") this.#bytes.push(bytes.length);
    else this.#u32(bytes.length);
    this.#push(bytes);
    this.#bytes.push(0);
  }

  #variant(signature: string, value: BusValue): void {
    this.#text("g", signature);
    this.all(signature, [value]);
  }

  /** The padding before the first element does not count as part of the array. */
  #array(type: string, items: readonly BusValue[] | Uint8Array): void {
    const at = this.#bytes.length;
    this.#u32(0);
    this.align(alignmentOf(type[0] ?? ""));
    const start = this.#bytes.length;
    if (items instanceof Uint8Array) {
      if (type !== "y") throw misfit(`a${type}`, items);
      this.#push(items);
    } else {
      for (const item of items) {
        if (type[0] !== "{") this.#value(type, item);
        else if (isList(item)) {
          this.align(8);
          this.all(type.slice(1, -1), item);
        } else throw misfit(type, item);
      }
    }
    const size = this.#bytes.length - start;
    for (let index = 0; index < 4; index++) this.#bytes[at + index] = (size >>> (8 * index)) & 0xff;
  }

  #push(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  align(to: number): void {
    this.#at = Math.ceil(this.#at / to) * to;
  }

  all(signature: string): BusValue[] {
    const types = typesOf(signature);
    if (types === undefined) throw nonsense(`${JSON.stringify(signature)} is not a signature`);
    return types.map((type) => this.#value(type));
  }

  #value(type: string): BusValue {
    const letter = type[0] ?? "";
    this.align(alignmentOf(letter));
    const range = RANGES[letter];
    if (range !== undefined) {
      const value = this.#whole(range[0]);
      return value > range[2] ? value - 2 ** (8 * range[0]) : value;
    }
    switch (letter) {
      case "b":
        return this.#whole(4) !== 0;
      case "x":
      case "t": {
        const low = BigInt(this.#whole(4));
        const value = (BigInt(this.#whole(4)) << 32n) + low;
        return letter === "x" && value >= 0x8000_0000_0000_0000n ? value - 0x1_0000_0000_0000_0000n : value;
      }
      case "d":
        return new Float64Array(this.#take(8).slice().buffer)[0] ?? 0;
      case "s":
      case "o":
        return this.#text(this.#whole(4));
      case "g":
        return this.#text(this.#whole(1));
      case "v": {
        const inner = this.#text(this.#whole(1));
        const [value] = this.all(inner);
        if (value === undefined) throw nonsense("a variant is empty");
        return [inner, value];
      }
      case "(":
        return this.all(type.slice(1, -1));
      default:
        return this.#array(type.slice(1));
    }
  }

  #array(type: string): BusValue[] {
    const size = this.#whole(4);
    this.align(alignmentOf(type[0] ?? ""));
    const end = this.#at + size;
    if (end > this.#bytes.length) throw nonsense("it ends too early");
    const items: BusValue[] = [];
    while (this.#at < end) {
      if (type[0] === "{") {
        this.align(8);
        items.push(this.all(type.slice(1, -1)));
      } else items.push(this.#value(type));
    }
    return items;
  }

  #text(size: number): string {
    const text = decoder.decode(this.#take(size));
    this.#take(1);
    return text;
  }

  #whole(size: number): number {
    let value = 0;
    const bytes = this.#take(size);
    for (let index = size - 1; index >= 0; index--) value = value * 256 + (bytes[index] ?? 0);
    return value;
  }

  #take(size: number): Uint8Array {
    const end = this.#at + size;
    if (end > this.#bytes.length) throw nonsense("it ends too early");
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}

function isList(value: BusValue): value is readonly BusValue[] {
  return Array.isArray(value);
}

function misfit(type: string, value: BusValue | readonly BusValue[]): RuntimeError {
  return new RuntimeError("INTERNAL", `D-Bus: ${String(value)} is not a value of the type ${type}`);
}
