// SPDX-License-Identifier: Apache-2.0
/** Blobs as streams: decompressed, counted and checked on the way. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { PassThrough, type Readable, Transform, type TransformCallback } from "node:stream";
import * as zlib from "node:zlib";
import { Decompress } from "fzstd";
import { invalid } from "./failure.ts";

/** Read at once; larger pieces make fewer turns. */
const CHUNK = 256 << 10;
const GZIP = [0x1f, 0x8b];
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd];

/** A part of a file. */
export interface Blob {
  readonly path: string;
  readonly start: number;
  readonly size: number;
}

/** Adds the data that passes through to a digest. */
export class Digesting extends Transform {
  readonly #hash: Hash = createHash("sha256");
  #digest: string | undefined;

  constructor() {
    super({ readableHighWaterMark: CHUNK, writableHighWaterMark: CHUNK });
  }

  override _transform(chunk: Uint8Array, _encoding: string, done: TransformCallback): void {
    this.#hash.update(chunk);
    done(null, chunk);
  }

  /** `sha256:` and digits, once all has gone through. */
  get digest(): string {
    return (this.#digest ??= `sha256:${this.#hash.digest("hex")}`);
  }
}

/** Refuses data beyond the rest of the common limit. */
export class Counting extends Transform {
  readonly #spend: (size: number) => void;

  /** @param spend throws where the limit is exceeded */
  constructor(spend: (size: number) => void) {
    super({ readableHighWaterMark: CHUNK, writableHighWaterMark: CHUNK });
    this.#spend = spend;
  }

  override _transform(chunk: Uint8Array, _encoding: string, done: TransformCallback): void {
    try {
      this.#spend(chunk.length);
    } catch (error) {
      return done(error as Error);
    }
    done(null, chunk);
  }
}

/** zstd for Node.js before 22.15, which has none. */
class Unzstd extends Transform {
  readonly #decompress = new Decompress((chunk) => void this.push(chunk));

  override _transform(chunk: Uint8Array, _encoding: string, done: TransformCallback): void {
    this.#do(() => this.#decompress.push(chunk), done);
  }

  override _flush(done: TransformCallback): void {
    this.#do(() => this.#decompress.push(new Uint8Array(0), true), done);
  }

  #do(work: () => void, done: TransformCallback): void {
    try {
      work();
      done();
    } catch (error) {
      done(invalid(`zstd: ${error instanceof Error ? error.message : String(error)}`));
    }
  }
}

/** The bytes of a blob. */
export function bytesOf({ path, start, size }: Blob): Readable {
  if (size === 0) return new PassThrough().end();
  return createReadStream(path, { start, end: start + size - 1, highWaterMark: CHUNK });
}

export type Compression = "gzip" | "zstd" | "none";

/** The compression of a blob, by its first bytes: media types are sometimes wrong. */
export async function compressionOf({ path, start, size }: Blob): Promise<Compression> {
  const file = await open(path, "r");
  try {
    const head = new Uint8Array(Math.min(4, size));
    await file.read(head, 0, head.length, start);
    const begins = (magic: readonly number[]): boolean => magic.every((byte, at) => head[at] === byte);
    return begins(GZIP) ? "gzip" : begins(ZSTD) ? "zstd" : "none";
  } finally {
    await file.close();
  }
}

/** A stream that decompresses. */
export function decompressor(compression: Compression): Transform | undefined {
  if (compression === "none") return undefined;
  if (compression === "gzip") return zlib.createGunzip({ chunkSize: CHUNK });
  const { createZstdDecompress } = zlib as {
    readonly createZstdDecompress?: (options: { readonly chunkSize: number }) => Transform;
  };
  return createZstdDecompress === undefined ? new Unzstd() : createZstdDecompress({ chunkSize: CHUNK });
}
