// SPDX-License-Identifier: Apache-2.0
/** A process from its beginning to its end, with all that it has printed. */
import type { Readable, Writable } from "node:stream";
import { RuntimeError, type ErrorCode } from "../errors.ts";
import type { ProcessEnd } from "./process.ts";

/** The end of a process, and its output. */
export interface ExecResult extends ProcessEnd {
  /** As UTF-8. */
  readonly stdout: string;
  /** As UTF-8; "" with a terminal, which has one stream. */
  readonly stderr: string;
  /** `timeout` has ended it. */
  readonly timedOut: boolean;
  /** The kernel has ended it for want of memory. */
  readonly oomKilled: boolean;
  /** The process has printed more than `maxBuffer`, and was ended; the outputs hold the part before that. */
  readonly truncated: boolean;
}

/** The options that a buffered call has in addition to those of a call with streams. */
export interface BufferOptions {
  /** For standard input. Default: nothing, an end of file. */
  readonly input?: string | Uint8Array;
  /** Most that is kept of each output; a process that prints more is ended. Bytes. Default 1 MiB. */
  readonly maxBuffer?: number;
  /** An end other than exit status 0 is an {@link ExecError}. Default false; true for `$`. */
  readonly reject?: boolean;
}

/** A program that has not ended well, with all that it has printed. */
export class ExecError extends RuntimeError {
  readonly result: ExecResult;

  constructor(code: ErrorCode, message: string, result: ExecResult, cause?: unknown) {
    super(code, message, {}, cause);
    this.result = result;
  }

  get stdout(): string {
    return this.result.stdout;
  }

  get stderr(): string {
    return this.result.stderr;
  }

  get exitCode(): number {
    return this.result.exitCode;
  }
}

const MAX_BUFFER = 1 << 20;
/** The most of a program's output that a message shows; characters. */
const SHOWN = 400;

interface Running {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Ends it, with all that it has started. */
  end(): void;
  wait(): Promise<ProcessEnd & { readonly oomKilled: boolean }>;
}

class Printed {
  readonly #chunks: Uint8Array[] = [];
  #left: number;
  truncated = false;
  readonly done: Promise<void>;

  constructor(stream: Readable | undefined, most: number, tooMuch: () => void) {
    this.#left = most;
    this.done = new Promise((resolve) => {
      if (stream === undefined) return resolve();
      stream.on("data", (chunk: Uint8Array) => {
        if (chunk.length > this.#left) {
          if (!this.truncated) tooMuch();
          this.truncated = true;
        }
        if (this.#left > 0) this.#chunks.push(chunk.subarray(0, this.#left));
        this.#left -= Math.min(this.#left, chunk.length);
      });
      stream.once("close", resolve);
      // The data read before the error is kept.
      stream.once("error", () => resolve());
    });
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
}

/**
 * Collects everything up to the end of a process and of its outputs, which processes that it has started may hold open.
 * @param what words for the message
 * @throws ABORTED, TIMEOUT, PROGRAM_FAILED, each an {@link ExecError}
 */
export async function gather(
  what: string,
  running: Running,
  options: BufferOptions,
  signal: AbortSignal | undefined,
): Promise<ExecResult> {
  const { input, maxBuffer = MAX_BUFFER, reject = false } = options;
  const stdout = new Printed(running.stdout, maxBuffer, () => running.end());
  const stderr = new Printed(running.stderr, maxBuffer, () => running.end());
  // A program need not read its input.
  running.stdin?.on("error", () => undefined);
  if (input !== undefined) running.stdin?.end(input);
  const [end] = await Promise.all([running.wait(), stdout.done, stderr.done]);
  const truncated = stdout.truncated || stderr.truncated;
  const timedOut = end.killedBy === "timeout";
  const result: ExecResult = { ...end, stdout: stdout.text(), stderr: stderr.text(), timedOut, truncated };
  if (end.killedBy === "abort") {
    throw new ExecError("ABORTED", `${what}: aborted${said(result)}`, result, signal?.reason);
  }
  if (reject && (end.exitCode !== 0 || truncated)) {
    throw new ExecError(timedOut ? "TIMEOUT" : "PROGRAM_FAILED", `${what}: ${why(result)}${said(result)}`, result);
  }
  return result;
}

function why({ exitCode, signal, timedOut, oomKilled, truncated }: ExecResult): string {
  if (timedOut) return "it took longer than its time-out";
  if (oomKilled) return "the kernel has ended it for want of memory";
  if (truncated) return "it has printed more than maxBuffer allows";
  return signal === undefined ? `exit status ${exitCode}` : `ended by signal ${signal}`;
}

/** The end of the output says most. */
function said({ stdout, stderr }: ExecResult): string {
  const text = (stderr.trim() === "" ? stdout : stderr).trim();
  if (text === "") return "";
  return `: ${text.length > SHOWN ? `…${text.slice(-SHOWN)}` : text}`;
}
