/** Streams over descriptors that a container's process has the other end of. */
import { Readable, Writable } from "node:stream";
import { Errno, errnoText } from "../sys/errno.ts";
import { RuntimeError } from "../errors.ts";
import { O_NONBLOCK, check } from "../sys/files.ts";
import { F_GETFL, F_SETFL, POLLIN, POLLOUT } from "../sys/linux.ts";
import { native } from "../sys/native.ts";
import { watchOnce, type Watched } from "./watching.ts";

/** Most that is read at once; bytes. A pipe holds as much. */
const CHUNK = 65536;

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

/** What a process writes. */
export class DescriptorReadable extends Readable {
  readonly #from: Descriptor;
  #watched: Watched | undefined;

  constructor(from: Descriptor) {
    super({ highWaterMark: CHUNK });
    this.#from = from;
  }

  override _read(): void {
    if (this.#watched !== undefined) return;
    const buffer = new Uint8Array(CHUNK);
    const size = native.read(this.#from.fd, buffer);
    if (size > 0) {
      // Most of what is read is short: the rest of the buffer must not be kept for it.
      this.push(size < CHUNK / 2 ? buffer.slice(0, size) : buffer.subarray(0, size));
    } else if (size === 0 || size === -Errno.EIO) {
      // EIO is how the master of a terminal says that nobody has the other end open any more.
      this.push(null);
    } else if (size === -Errno.EAGAIN) {
      this.#watched = watchOnce(this.#from.fd, POLLIN, () => {
        this.#watched = undefined;
        this._read();
      });
    } else {
      this.destroy(streamError("read", -size));
    }
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#watched?.end();
    this.#watched = undefined;
    this.#from.release();
    done(error);
  }
}

/** What a process reads. */
export class DescriptorWritable extends Writable {
  readonly #to: Descriptor;
  #watched: Watched | undefined;

  constructor(to: Descriptor) {
    super({ highWaterMark: CHUNK });
    this.#to = to;
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    const size = native.write(this.#to.fd, chunk);
    if (size === chunk.length) done();
    else if (size >= 0) this._write(chunk.subarray(size), "", done);
    else if (size === -Errno.EAGAIN) {
      this.#watched = watchOnce(this.#to.fd, POLLOUT, () => {
        this.#watched = undefined;
        this._write(chunk, "", done);
      });
    } else done(streamError("write", -size));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#watched?.end();
    this.#watched = undefined;
    this.#to.release();
    done(error);
  }
}

function streamError(syscall: string, errno: number): RuntimeError {
  return new RuntimeError("SYSCALL", `${syscall} a standard stream: ${errnoText(errno)}`, { syscall, errno });
}
