// SPDX-License-Identifier: Apache-2.0
/** Unpacks an image into the directories of its layers. Each layer is stored once, however many images have it. */
import { createHash } from "node:crypto";
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
  /** The path as the caller has given it. */
  readonly given?: string | undefined;
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
  let bytes = 0;
  const spent: Spent = {
    files: 0,
    maxFiles: request.maxFiles,
    grow(size) {
      bytes += size;
      if (bytes > request.maxSize) throw invalid(`the image has more than ${request.maxSize} bytes (maxSize)`);
    },
  };
  const layers: string[] = [];
  let chain = "";
  for (const layer of image.layers) {
    chain = chain === "" ? layer.diffId : chainOf(chain, layer.diffId);
    // A layer that has something of the layers below it is one with those.
    const [alone, above] = [layer.diffId, chain].map((digest) => directoryOf(request.store, digest)) as [string, string];
    const there = (await exists(alone)) ? alone : (await exists(above)) ? above : undefined;
    layers.unshift(there ?? (await unpackOne(request, source, layer, { alone, above, below: [...new Set(layers)] }, spent)));
  }
  return { layers: [...new Set(layers)], digest: image.digest, defaults: image.defaults };
}

/** The image specification's ChainID. */
function chainOf(below: string, diffId: string): string {
  return `sha256:${createHash("sha256").update(`${below} ${diffId}`).digest("hex")}`;
}

function directoryOf(store: string, digest: string): string {
  return join(store, digest.slice("sha256:".length).slice(0, NAME_LENGTH));
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** The directories of a layer, whether it stands alone or not, and those below it, topmost first. */
interface Directories {
  readonly alone: string;
  readonly above: string;
  readonly below: readonly string[];
}

async function sourceOf(request: UnpackRequest): Promise<Source> {
  const { path, temporary } = request;
  const found = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      throw new RuntimeError("USAGE", `fromImage: ${path}: ${asRuntimeError(error).message}`, { path });
    // What looks like the name of an image in a registry.
    const name = request.given ?? "";
    const isName = /^[a-z0-9][\w./-]*(?::[\w.-]+)?$/.test(name) && !/\.(?:tar|tgz|gz|zst)$/.test(name);
    const remedy = isName
      ? `: if it is the name of an image, "skopeo copy docker://${name} oci-archive:image.tar" or "docker save -o image.tar ${name}" makes a file of it`
      : "";
    throw new RuntimeError("USAGE", `fromImage: there is no ${path}${remedy}`, { path });
  });
  return found.isDirectory() ? directorySource(path) : archiveSource(path, temporary, request);
}

/** @returns its directory */
async function unpackOne(
  { temporary }: UnpackRequest,
  source: Source,
  layer: FoundLayer,
  { alone, above, below }: Directories,
  spent: Spent,
): Promise<string> {
  const what = `${source.name}: ${layer.name}`;
  const blob = await blobOf(source, layer.name);
  const place = join(temporary, "layer");
  await mkdir(place, { mode: 0o755 });
  const packed = new Digesting();
  const plain = new Digesting();
  const counting = new Counting((size) => spent.grow(size));
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
  let needsBelow: boolean;
  try {
    needsBelow = await unpackLayer(plain, place, below, spent);
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
  const directory = needsBelow ? above : alone;
  await rename(place, directory).catch((error: unknown) => {
    // Another process was faster: its layer is the same.
    if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY" && (error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  });
  return directory;
}
