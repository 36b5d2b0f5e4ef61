// SPDX-License-Identifier: Apache-2.0
/**
 * The place of an image's files: a directory, or an archive. The image chooses the names: they are never joined to a path
 * unchecked.
 */
import { createWriteStream } from "node:fs";
import { lstat, open, readlink } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Entries, type Entry } from "./entries.ts";
import { invalid, type ImageLimits } from "./failure.ts";
import { type Blob, bytesOf, compressionOf, Counting, decompressor } from "./streams.ts";
import { namesOf } from "./tree.ts";

/** Documents are JSON, and no image needs longer ones. */
const DOCUMENT_LIMIT = 8 << 20;
/** Links between files of one archive, which `docker save` made for layers that are the same. */
const MOST_LINKS = 10;

export interface Source {
  /** Words for messages. */
  readonly name: string;
  /** A file, `undefined` where there is none. @throws IMAGE_INVALID for a name that leads out */
  find(name: string): Promise<Blob | undefined>;
}

/** The file of a source. @throws IMAGE_INVALID */
export async function blobOf(source: Source, name: string): Promise<Blob> {
  const blob = await source.find(name);
  if (blob === undefined) throw invalid(`${source.name} has no ${name}`);
  return blob;
}

/** A document of a source. @throws IMAGE_INVALID */
export async function bytesOfDocument(source: Source, name: string): Promise<Uint8Array> {
  const blob = await blobOf(source, name);
  if (blob.size > DOCUMENT_LIMIT)
    throw invalid(`${source.name}: ${name} has ${blob.size} bytes, a document has ${DOCUMENT_LIMIT} at most`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytesOf(blob)) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** An OCI layout, or an archive that was unpacked before. */
export function directorySource(directory: string): Source {
  const find = async (name: string, links = 0): Promise<Blob | undefined> => {
    const names = namesOf(name, `${directory}: file`);
    let path = directory;
    for (const [at, each] of names.entries()) {
      path = join(path, each);
      const stat = await lstat(path).catch(() => undefined);
      if (stat === undefined) return undefined;
      const isLast = at === names.length - 1;
      if (stat.isSymbolicLink() && isLast && links < MOST_LINKS) return find(relative(names, await readlink(path)), links + 1);
      if (isLast ? !stat.isFile() : !stat.isDirectory())
        throw invalid(`${directory}: ${names.slice(0, at + 1).join("/")} is no ${isLast ? "file" : "directory"}`);
      if (isLast) return { path, start: 0, size: stat.size };
    }
    return undefined;
  };
  return { name: directory, find: (name) => find(name) };
}

/** The target of a link in an archive. @throws IMAGE_INVALID for one that leads out */
function relative(names: readonly string[], target: string): string {
  const at = names.slice(0, -1);
  if (target.startsWith("/")) throw invalid(`${JSON.stringify(names.join("/"))}: a link out, to ${JSON.stringify(target)}`);
  for (const name of target.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") at.push(name);
    else if (at.pop() === undefined)
      throw invalid(`${JSON.stringify(names.join("/"))}: a link out, to ${JSON.stringify(target)}`);
  }
  return at.join("/");
}

/**
 * An archive. One that is compressed is decompressed into `temporary` first, since its files are needed in another order than
 * that
 * in which they come.
 */
export async function archiveSource(path: string, temporary: string, limits: ImageLimits): Promise<Source> {
  const file = await open(path, "r");
  const { size } = await file.stat().finally(() => file.close());
  let archive: Blob = { path, start: 0, size };
  const unpack = decompressor(await compressionOf(archive));
  if (unpack !== undefined) {
    const plain = join(temporary, "archive");
    let left = limits.maxSize;
    const counting = new Counting((count) => {
      left -= count;
      if (left < 0) throw invalid(`${path}: it has more than ${limits.maxSize} bytes (maxSize)`);
    });
    await pipeline(bytesOf(archive), unpack, counting, createWriteStream(plain, { mode: 0o600 }));
    const opened = await open(plain, "r");
    archive = { path: plain, start: 0, size: (await opened.stat().finally(() => opened.close())).size };
  }
  return indexed(path, archive, limits);
}

async function indexed(name: string, archive: Blob, limits: ImageLimits): Promise<Source> {
  const files = new Map<string, Blob>();
  const links = new Map<string, string>();
  const take = (entry: Entry): void => {
    const names = namesOf(entry.path, `${name}: ${entry.type}`);
    const path = names.join("/");
    if (files.size + links.size > limits.maxFiles) throw invalid(`${name}: it has more than ${limits.maxFiles} files (maxFiles)`);
    if (entry.type === "file") files.set(path, { path: archive.path, start: entry.offset, size: entry.size });
    else if (entry.type === "symlink") links.set(path, relative(names, entry.target));
    else if (entry.type === "link") links.set(path, namesOf(entry.target, `${name}: link`).join("/"));
    else if (entry.type !== "directory")
      throw invalid(`${name}: ${JSON.stringify(entry.path)}: an archive of an image has no ${entry.type}`);
  };
  const entries = new Entries();
  entries.parser.on("entry", (header, stream, next) => {
    // The parser tells.
    stream.on("error", () => undefined);
    try {
      take(entries.entry(header));
    } catch (error) {
      return next(error as Error);
    }
    stream.on("end", () => next());
    stream.resume();
  });
  await pipeline(bytesOf(archive), entries.parser as unknown as NodeJS.WritableStream).catch((error: unknown) => {
    throw damaged(name, error);
  });
  const find = (wanted: string, depth = 0): Blob | undefined => {
    const target = links.get(wanted);
    return target !== undefined && depth < MOST_LINKS ? find(target, depth + 1) : files.get(wanted);
  };
  return { name, find: async (wanted) => find(namesOf(wanted, `${name}: file`).join("/")) };
}

/** An error of a library that reads archives. */
export function damaged(what: string, error: unknown): unknown {
  if (!(error instanceof Error) || "facts" in error) return error;
  if ("syscall" in error) return error;
  return invalid(`${what}: damaged: ${error.message}`);
}
