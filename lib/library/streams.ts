// SPDX-License-Identifier: Apache-2.0
/** Streams over descriptors that a container's process has the other end of. */
import { Readable, Writable } from "node:stream";
import { Errno, errnoText } from "../kernel/errno.ts";
import { RuntimeError } from "../errors.ts";
import { O_NONBLOCK, check } from "../sys/files.ts";
import { F_GETFL, F_SETFL, POLLIN, POLLOUT } from "../kernel/numbers.ts";
import { native } from "../sys/native.ts";
import { watchOnce, type Watched } from "./watching.ts";

/** Most that is read or written at once; bytes. A pipe holds as much. */
const CHUNK = 65536;
/** The most that {@link DescriptorReadable.settle} takes at once, in chunks: a pipe can be made to hold 1 MiB. */
const LEFT = 16;

/** Data is read into this buffer first: most reads are short, and many read nothing at all. */
const scratch = new Uint8Array(CHUNK);

/** One end of a pipe, or of a terminal whose two streams share it. */
export class Descriptor {
  fd: number;
  #users: number;

  /** @param users how many streams close it together */
  constructor(fd: number, users = 1) {
    this.fd = fd;
    this.#users = users;
    const flags = check(native.fcntl(fd, F_GETFL, 0), "fcntl");
    check(native.fcntl(fd, F_SETFL, flags | O_NONBLOCK), "fcntl");
  }

  release(): void {
    if (--this.#users > 0 || this.fd < 0) return;
    native.close(this.fd);
    this.fd = -1;
  }
}

/**
 * Decides when a stream goes on: if the other side is as quick as this one, the stream would never wait, and the event loop
 * would serve that stream alone.
 */
class Pace {
  #next: NodeJS.Immediate | undefined;
  #watched: Watched | undefined;
  #moved = false;

  /** Whether something has been asked for that has not come yet. */
  get waits(): boolean {
    return this.#next !== undefined || this.#watched !== undefined;
  }

  /** Something was read or written: more in the next turn of the event loop. */
  moved(): void {
    this.#moved = true;
  }

  /** Calls `go`, in this turn of the event loop or the next. */
  go(go: () => void): void {
    if (!this.#moved) return go();
    this.#next = setImmediate(() => {
      this.#next = undefined;
      this.#moved = false;
      go();
    });
  }

  /** Calls `go` when a descriptor is ready. */
  watch(fd: number, events: number, go: () => void): void {
    this.#watched = watchOnce(fd, events, () => {
      this.#watched = undefined;
      this.#moved = false;
      go();
    });
  }

  end(): void {
    clearImmediate(this.#next);
    this.#watched?.end();
    this.#next = undefined;
    this.#watched = undefined;
  }
}

/** A stream of the data that a process writes. */
export class DescriptorReadable extends Readable {
  readonly #pace = new Pace();
  #from: Descriptor | undefined;

  constructor(from: Descriptor) {
    super({ highWaterMark: CHUNK });
    this.#from = from;
  }

  override _read(): void {
    if (this.#pace.waits) return;
    this.#pace.go(() => {
      const fd = this.#from?.fd;
      if (fd !== undefined && this.#take(fd) === "nothing") this.#pace.watch(fd, POLLIN, () => this._read());
    });
  }

  /**
   * The process has ended. Its output stays readable, but the descriptor need not stay open for that: a caller may never read
   * an output. A stream that other processes write to as well goes on.
   */
  settle(): void {
    const asked = this.#pace.waits;
    this.#pace.end();
    for (let left = LEFT; left > 0 && this.#from !== undefined; left--) {
      if (this.#take(this.#from.fd) === "nothing") break;
    }
    if (asked) this._read();
  }

  #take(fd: number): "some" | "nothing" | "end" {
    const size = native.read(fd, scratch);
    if (size > 0) {
      this.#pace.moved();
      this.push(scratch.slice(0, size));
      return "some";
    }
    if (size === -Errno.EAGAIN) return "nothing";
    this.#release();
    // The master of a terminal returns EIO when no process has the other end open any more.
    if (size === 0 || size === -Errno.EIO) this.push(null);
    else this.destroy(streamError("read", -size));
    return "end";
  }

  #release(): void {
    this.#pace.end();
    this.#from?.release();
    this.#from = undefined;
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#release();
    done(error);
  }
}

/** A stream of the data that a process reads. */
export class DescriptorWritable extends Writable {
  readonly #pace = new Pace();
  readonly #to: Descriptor;

  constructor(to: Descriptor) {
    super({ highWaterMark: CHUNK });
    this.#to = to;
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#pace.go(() => this.#put(chunk, done));
  }

  #put(chunk: Uint8Array, done: (error?: Error | null) => void): void {
    const size = native.write(this.#to.fd, chunk.subarray(0, CHUNK));
    if (size === -Errno.EAGAIN) this.#pace.watch(this.#to.fd, POLLOUT, () => this.#put(chunk, done));
    else if (size < 0) done(streamError("write", -size));
    else {
      this.#pace.moved();
      if (size === chunk.length) done();
      else this._write(chunk.subarray(size), "", done);
    }
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#pace.end();
    this.#to.release();
    done(error);
  }
}

function streamError(syscall: string, errno: number): RuntimeError {
  return new RuntimeError("SYSCALL", `${syscall} a standard stream: ${errnoText(errno)}`, { syscall, errno });
}
