// SPDX-License-Identifier: Apache-2.0
/** Unpacks an image in a thread of its own. */
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Worker } from "node:worker_threads";
import { RuntimeError } from "../../errors.ts";
import { aborted, onAbort } from "../aborting.ts";
import { fromPlain, type PlainError } from "../messages.ts";
import { exists } from "../../sys/files.ts";
import { invalid } from "./failure.ts";
import { Counting } from "./streams.ts";
import type { Unpacked, UnpackRequest } from "./unpack.ts";

const TEMPORARY = /^\.unpacking-(\d+)-/;

/** @throws IMAGE_INVALID, SYSCALL, ABORTED; nothing but whole layers is left behind */
export async function unpackInThread(
  source: string | Readable,
  request: Omit<UnpackRequest, "temporary" | "path">,
  signal: AbortSignal | undefined,
): Promise<Unpacked> {
  if (signal?.aborted === true) throw aborted(signal);
  const { store } = request;
  await mkdir(store, { recursive: true, mode: 0o700 });
  await clean(store);
  const temporary = await mkdtemp(join(store, `.unpacking-${process.pid}-`));
  try {
    const path = typeof source === "string" ? source : await spool(source, temporary, request.maxSize, signal);
    return await inThread({ ...request, path, temporary }, signal);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Removes the remains of programs that were killed. */
async function clean(store: string): Promise<void> {
  for (const name of await readdir(store)) {
    const pid = TEMPORARY.exec(name)?.[1];
    if (pid !== undefined && !exists(`/proc/${pid}`)) await rm(join(store, name), { recursive: true, force: true });
  }
}

async function spool(source: Readable, temporary: string, most: number, signal: AbortSignal | undefined): Promise<string> {
  const path = join(temporary, "stream");
  let left = most;
  const counting = new Counting((size) => {
    left -= size;
    if (left < 0) throw invalid(`the image has more than ${most} bytes (maxSize)`);
  });
  try {
    await pipeline(source, counting, createWriteStream(path, { mode: 0o600 }), signal === undefined ? {} : { signal });
  } catch (error) {
    throw signal?.aborted === true ? aborted(signal) : error;
  }
  return path;
}

async function inThread(request: UnpackRequest, signal: AbortSignal | undefined): Promise<Unpacked> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const options = { workerData: request, ...(extension === "js" ? { execArgv: [] } : {}) };
  const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), options);
  let forget: (() => void) | undefined;
  try {
    return await new Promise<Unpacked>((resolve, reject) => {
      if (signal !== undefined) forget = onAbort(signal, () => reject(aborted(signal)));
      worker.on("message", (message: { readonly result: Unpacked } | { readonly error: PlainError }) => {
        if ("error" in message) reject(fromPlain(message.error));
        else resolve(message.result);
      });
      worker.on("error", reject);
      worker.on("exit", () => reject(new RuntimeError("INTERNAL", "the thread that unpacks an image was lost")));
    });
  } finally {
    forget?.();
    await worker.terminate();
  }
}
