// SPDX-License-Identifier: Apache-2.0
/** Unpacks an image into the directories of its layers. Each layer is stored once, however many images have it. */
import { mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Transform } from "node:stream";
import { asRuntimeError, RuntimeError } from "../../errors.ts";
import { invalid, type ImageLimits } from "./failure.ts";
import { unpackLayer, type Spent } from "./layer.ts";
import { findImage, type FoundLayer } from "./manifest.ts";
import type { ImageDefaults } from "./defaults.ts";
import { archiveSource, blobOf, damaged, directorySource, type Source } from "./source.ts";
import { bytesOf, compressionOf, Counting, decompressor, Digesting } from "./streams.ts";

/** The request to a thread to unpack an image; it can be copied. */
export interface UnpackRequest extends ImageLimits {
  /** Directory or archive; absolute. */
  readonly path: string;
  /** The directory of layers; absolute. */
  readonly store: string;
  /** A directory in the store that goes when the work is done. */
  readonly temporary: string;
  readonly reference?: string | undefined;
  readonly architecture: string;
}

/** The result of unpacking. */
export interface Unpacked {
  /** Topmost first. */
  readonly layers: readonly string[];
  readonly digest: string;
  readonly defaults: ImageDefaults;
}

/** The number of digits of a digest that name a directory: overlayfs has little room for many names. */
const NAME_LENGTH = 32;

/** @throws IMAGE_INVALID, SYSCALL */
export async function unpack(request: UnpackRequest): Promise<Unpacked> {
  const source = await sourceOf(request);
  const image = await findImage(source, request);
  const spent: Spent & { bytes: number } = { files: 0, maxFiles: request.maxFiles, bytes: 0 };
  const layers: string[] = [];
  for (const layer of image.layers) {
    const directory = join(request.store, layer.diffId.slice("sha256:".length).slice(0, NAME_LENGTH));
    layers.unshift(directory);
    if ((await stat(directory).catch(() => undefined)) !== undefined) continue;
    await unpackOne(request, source, layer, directory, spent);
  }
  return { layers: [...new Set(layers)], digest: image.digest, defaults: image.defaults };
}

async function sourceOf(request: UnpackRequest): Promise<Source> {
  const { path, temporary } = request;
  const found = await stat(path).catch((error: unknown) => {
    throw new RuntimeError("USAGE", `fromImage: ${path}: ${asRuntimeError(error).message}`, { path });
  });
  return found.isDirectory() ? directorySource(path) : archiveSource(path, temporary, request);
}

async function unpackOne(
  { maxSize, temporary }: UnpackRequest,
  source: Source,
  layer: FoundLayer,
  directory: string,
  spent: Spent & { bytes: number },
): Promise<void> {
  const what = `${source.name}: ${layer.name}`;
  const blob = await blobOf(source, layer.name);
  const place = join(temporary, "layer");
  await mkdir(place, { mode: 0o755 });
  const packed = new Digesting();
  const plain = new Digesting();
  const counting = new Counting((size) => {
    spent.bytes += size;
    if (spent.bytes > maxSize) throw invalid(`${what}: the image has more than ${maxSize} bytes (maxSize)`);
  });
  const stages: Transform[] = [];
  const compression = decompressor(await compressionOf(blob));
  // Uncompressed, it is one and the same digest.
  if (compression !== undefined) stages.push(packed, compression);
  stages.push(counting, plain);
  const bytes = bytesOf(blob);
  let last: NodeJS.ReadableStream = bytes;
  for (const stage of stages) {
    // An error ends all later stages; the earlier ones stay, and end with the thread.
    last.on("error", (error) => stage.destroy(error as Error));
    last = last.pipe(stage);
  }
  // The reader of this stream reports the error; it destroys this stream with its own error.
  plain.on("error", () => undefined);
  try {
    await unpackLayer(plain, place, spent);
  } catch (error) {
    throw damaged(what, error);
  } finally {
    bytes.destroy();
    for (const stage of stages) stage.destroy();
  }
  const packedDigest = compression === undefined ? plain.digest : packed.digest;
  if (layer.digest !== undefined && layer.digest !== packedDigest)
    throw invalid(`${what} has the digest ${packedDigest}: it was changed`);
  if (layer.diffId !== plain.digest)
    throw invalid(`${what}: unpacked it has the digest ${plain.digest}, and its config says ${layer.diffId}`);
  await rename(place, directory).catch((error: unknown) => {
    // Another process was faster: its layer is the same.
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY" && (error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  });
}
