// SPDX-License-Identifier: Apache-2.0
/** The entries of a tar archive, with names and attributes as the bytes that they are. */
import { extract, type Extract, type Header } from "tar-stream";
import { invalid } from "./failure.ts";

/** An entry, whatever form its header has. */
export interface Entry {
  readonly type: string;
  readonly path: string;
  readonly target: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: { readonly seconds: number; readonly nanoseconds: number };
  readonly major: number;
  readonly minor: number;
  /** Extended attributes by name; the values are bytes. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** The offset of its data in the archive. */
  readonly offset: number;
}

/** A name in a private encoding of the addon: bytes that are no UTF-8 are lone surrogates. */
export function textOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  if (!text.includes("\ufffd")) return text;
  let decoded = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceAt(bytes, at);
    if (length === 0) decoded += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
    else decoded += Buffer.from(bytes.subarray(at, at + length)).toString("utf8");
    at += Math.max(1, length);
  }
  return decoded;
}

/** The number of bytes of the UTF-8 character that begins there; 0 where none begins. */
function sequenceAt(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4; length++) {
    const text = Buffer.from(bytes.subarray(at, at + length)).toString("utf8");
    if (text !== "" && !text.includes("\ufffd")) return length;
  }
  return 0;
}

const XATTR = "SCHILY.xattr.";

/** Records of a pax header: "LENGTH NAME=VALUE\n" each. @throws IMAGE_INVALID */
export function paxRecords(bytes: Uint8Array): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  for (let at = 0; at < bytes.length;) {
    let size = 0;
    let digits = at;
    for (; bytes[digits] !== 0x20; digits++) {
      const digit = (bytes[digits] ?? 0) - 0x30;
      if (digit < 0 || digit > 9 || digits - at > 8) throw invalid("a pax header has a record without a length");
      size = size * 10 + digit;
    }
    const end = at + size;
    const equals = bytes.indexOf(0x3d, digits);
    if (size === 0 || end > bytes.length || bytes[end - 1] !== 0x0a || equals < 0 || equals >= end) {
      throw invalid("a pax header has a record of a wrong length");
    }
    records.set(textOf(bytes.subarray(digits + 1, equals)), bytes.slice(equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** The part of tar-stream's parser that reads the bytes of long headers. It decodes them as text; a capability is binary. */
interface Parser {
  _decodeLongHeader(bytes: Uint8Array): void;
  readonly _header: { readonly type: string };
}

/** Decodes each byte of a name as one character: the types do not know the option. */
const BYTES: NonNullable<Parameters<typeof extract>[0]> & { readonly filenameEncoding: string } = { filenameEncoding: "latin1" };

/** An archive's parser that keeps the contents of its headers. */
export class Entries {
  readonly parser: Extract = extract(BYTES);
  #global = new Map<string, Uint8Array>();
  #own = new Map<string, Uint8Array>();
  #path: Uint8Array | undefined;
  #target: Uint8Array | undefined;

  constructor() {
    const parser = this.parser as unknown as Parser;
    const decode = parser._decodeLongHeader.bind(parser);
    parser._decodeLongHeader = (bytes) => {
      const { type } = parser._header;
      if (type === "pax-header") this.#own = paxRecords(bytes);
      else if (type === "pax-global-header") for (const [name, value] of paxRecords(bytes)) this.#global.set(name, value);
      else if (type === "gnu-long-path") this.#path = untilNul(bytes);
      else if (type === "gnu-long-link-path") this.#target = untilNul(bytes);
      decode(bytes);
    };
  }

  /** The entry of a header. @throws IMAGE_INVALID */
  entry(header: Header): Entry {
    const records = new Map([...this.#global, ...this.#own]);
    const path = records.get("path") ?? this.#path ?? Buffer.from(header.name, "latin1");
    const target = records.get("linkpath") ?? this.#target ?? Buffer.from(header.linkname ?? "", "latin1");
    this.#own = new Map();
    this.#path = this.#target = undefined;
    const number = (name: string, otherwise: number | undefined): number => {
      const given = records.get(name);
      const value = given === undefined ? (otherwise ?? 0) : Number(textOf(given));
      if (!Number.isFinite(value)) throw invalid(`${JSON.stringify(textOf(path))}: its ${name} is no number`);
      return value;
    };
    const xattrs = new Map<string, Uint8Array>();
    for (const [name, value] of records) {
      if (name.startsWith(XATTR)) xattrs.set(name.slice(XATTR.length), value);
      else if (name.startsWith("GNU.sparse."))
        throw invalid(`${JSON.stringify(textOf(path))}: a sparse file, which layers must not have`);
    }
    const time = number("mtime", (header.mtime?.getTime() ?? 0) / 1000);
    const seconds = Math.floor(time);
    return {
      type: header.type ?? "unknown",
      path: textOf(path),
      target: textOf(target),
      size: header.size ?? 0,
      mode: (header.mode ?? 0) & 0o7777,
      uid: number("uid", header.uid),
      gid: number("gid", header.gid),
      mtime: { seconds, nanoseconds: Math.floor((time - seconds) * 1e9) },
      major: header.devmajor ?? 0,
      minor: header.devminor ?? 0,
      xattrs,
      offset: (header as { readonly byteOffset?: number }).byteOffset ?? 0,
    };
  }
}

function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return bytes.slice(0, end < 0 ? bytes.length : end);
}
