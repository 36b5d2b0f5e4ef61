// SPDX-License-Identifier: Apache-2.0
/**
 * ttrpc: frames of ten bytes and a message, over a Unix socket. A connection for both sides, and the server's.
 *
 * @see https://github.com/containerd/ttrpc/blob/v1.2.7/PROTOCOL.md
 */
import { asRuntimeError, type ErrorCode, RuntimeError } from "../errors.ts";
import { Errno } from "../kernel/errno.ts";
import { EPOLLIN, EPOLLOUT } from "../kernel/numbers.ts";
import { native } from "../sys/native.ts";
import type { Loop } from "./loop.ts";
import { readRequest, type Request, type Status, writeResponse } from "./proto/messages.gen.ts";
import { NO_BYTES } from "./proto/wire.ts";

const HEADER = 10;
/** Longer messages are refused, by both sides. */
const LONGEST = 4 << 20;
/** The most output that waits for a peer; the connection of a peer that reads nothing any more is closed then; bytes. */
const PATIENCE = 16 << 20;
/** The delay of another attempt to accept a connection for which there was no descriptor; milliseconds. */
const LATER = 100;

export const REQUEST = 1;
export const RESPONSE = 2;
const DATA = 3;

/** Numbers of google.rpc.Code. */
export const Code = {
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE: 4,
  NOT_FOUND: 5,
  EXISTS: 6,
  EXHAUSTED: 8,
  PRECONDITION: 9,
  UNIMPLEMENTED: 12,
} as const;

/** containerd's codes for errors; all others have its code "unknown". */
const CODES: Partial<Readonly<Record<ErrorCode, number>>> = {
  USAGE: Code.INVALID_ARGUMENT,
  INVALID_ID: Code.INVALID_ARGUMENT,
  CONTAINER_NOT_FOUND: Code.NOT_FOUND,
  CONTAINER_EXISTS: Code.EXISTS,
  CONTAINER_NOT_RUNNING: Code.PRECONDITION,
  WRONG_STATE: Code.PRECONDITION,
  NOT_SUPPORTED: Code.UNIMPLEMENTED,
  TIMEOUT: Code.DEADLINE,
};

/** The status for an error. */
export function statusOf(error: unknown): Status {
  const { code, message } = asRuntimeError(error);
  return { code: CODES[code] ?? Code.UNKNOWN, message };
}

/** A frame without its length. */
export interface Frame {
  readonly stream: number;
  readonly type: number;
  /** `undefined` where it was longer than the limit. */
  readonly payload: Uint8Array | undefined;
}

/** One socket, from either side. The callbacks come from the loop; the buffer of a payload is the connection's own. */
export class Connection {
  readonly #loop: Loop;
  readonly #frame: (frame: Frame) => void;
  readonly #closed: () => void;
  #fd: number;
  /** Bytes of frames that are not complete; those from `#end` on are room. */
  #input = new Uint8Array(4096);
  #end = 0;
  /** Bytes of a frame that is too long, which are dropped as they come. */
  #drop = 0;
  #output: Uint8Array[] = [];
  #waiting = 0;
  /** The peer had no room: the loop tells when it has. */
  #isFull = false;

  constructor(loop: Loop, fd: number, frame: (frame: Frame) => void, closed: () => void) {
    this.#loop = loop;
    this.#fd = fd;
    this.#frame = frame;
    this.#closed = closed;
    loop.watch(fd, EPOLLIN, (events) => this.#ready(events));
  }

  get isOpen(): boolean {
    return this.#fd >= 0;
  }

  /** Sends a frame, now or when the peer has room for it. */
  send(stream: number, type: number, payload: Uint8Array): void {
    if (!this.isOpen) return;
    const bytes = new Uint8Array(HEADER + payload.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, payload.length);
    view.setUint32(4, stream);
    view.setUint8(8, type);
    bytes.set(payload, HEADER);
    this.#output.push(bytes);
    this.#waiting += bytes.length;
    if (this.#waiting > PATIENCE) this.close();
    else this.#write();
  }

  /** The size of the output that is still to be sent; bytes. */
  get unsent(): number {
    return this.#waiting;
  }

  close(): void {
    if (!this.isOpen) return;
    this.#loop.unwatch(this.#fd);
    native.close(this.#fd);
    this.#fd = -1;
    this.#input = NO_BYTES as Uint8Array<ArrayBuffer>;
    this.#closed();
  }

  #ready(events: number): void {
    if ((events & EPOLLOUT) !== 0) this.#write();
    if ((events & EPOLLIN) !== 0) this.#read();
  }

  #write(): void {
    for (let next = this.#output[0]; next !== undefined && this.isOpen; next = this.#output[0]) {
      const written = native.write(this.#fd, next);
      if (written === -Errno.EAGAIN) {
        if (!this.#isFull) this.#loop.change(this.#fd, EPOLLIN | EPOLLOUT);
        this.#isFull = true;
        return;
      }
      if (written < 0) {
        this.close();
        return;
      }
      this.#waiting -= written;
      if (written === next.length) this.#output.shift();
      else this.#output[0] = next.subarray(written);
    }
    if (!this.#isFull || !this.isOpen) return;
    this.#isFull = false;
    this.#loop.change(this.#fd, EPOLLIN);
  }

  #read(): void {
    // More than one frame may come at once; a peer that never stops must not keep the others waiting.
    const size = native.read(this.#fd, this.#input.subarray(this.#end));
    if (size === -Errno.EAGAIN) return;
    if (size <= 0) {
      this.close();
      return;
    }
    this.#end += size;
    this.#take();
  }

  /** Hands on the frames that are complete. */
  #take(): void {
    let start = 0;
    while (this.isOpen) {
      const dropped = Math.min(this.#drop, this.#end - start);
      this.#drop -= dropped;
      start += dropped;
      if (this.#end - start < HEADER) break;
      const view = new DataView(this.#input.buffer, this.#input.byteOffset + start);
      const length = view.getUint32(0);
      const frame = { stream: view.getUint32(4), type: view.getUint8(8) };
      if (length > LONGEST) {
        this.#drop = length;
        start += HEADER;
        this.#frame({ ...frame, payload: undefined });
        continue;
      }
      if (this.#end - start < HEADER + length) {
        this.#makeRoom(start, HEADER + length);
        return;
      }
      start += HEADER + length;
      this.#frame({ ...frame, payload: this.#input.slice(start - length, start) });
    }
    if (this.isOpen) this.#makeRoom(start, HEADER);
  }

  /** Moves the incomplete frame to the front of a buffer that a frame of `size` bytes fits into. */
  #makeRoom(start: number, size: number): void {
    const rest = this.#input.subarray(start, this.#end);
    const room = size <= 4096 ? 4096 : size;
    if (this.#input.length === room) this.#input.copyWithin(0, start, this.#end);
    else {
      const next = new Uint8Array(Math.max(room, rest.length));
      next.set(rest);
      this.#input = next;
    }
    this.#end = rest.length;
  }
}

/** Answers a request. @throws RuntimeError */
export type Handler = (request: Request) => Promise<Uint8Array> | Uint8Array;

/** Takes the connections of a socket that listens, and answers their requests by `handle`. */
export function serve(loop: Loop, socket: number, handle: Handler): void {
  loop.watch(socket, EPOLLIN, () => {
    let fd = native.accept(socket);
    for (; fd >= 0; fd = native.accept(socket)) serveConnection(loop, fd, handle);
    if (fd !== -Errno.EMFILE) return;
    // It would come at once, again and again.
    loop.change(socket, 0);
    loop.after(LATER, () => loop.change(socket, EPOLLIN));
  });
}

function serveConnection(loop: Loop, fd: number, handle: Handler): void {
  let last = 0;
  const connection = new Connection(
    loop,
    fd,
    (frame) => take(frame),
    () => {},
  );
  const refuse = (stream: number, code: number, message: string): void => {
    connection.send(stream, RESPONSE, writeResponse({ status: { code, message } }));
  };
  const take = ({ stream, type, payload }: Frame): void => {
    if (payload === undefined) return refuse(stream, Code.EXHAUSTED, `the message is longer than ${LONGEST} bytes`);
    if (stream % 2 !== 1) return refuse(stream, Code.INVALID_ARGUMENT, "the id of a client's stream must be odd");
    if (type === DATA) return refuse(stream, Code.INVALID_ARGUMENT, "the stream is no longer active");
    // Others may come with a later protocol.
    if (type !== REQUEST) return;
    if (stream <= last) return refuse(stream, Code.INVALID_ARGUMENT, "the id of a stream cannot be used again, and must grow");
    last = stream;
    void answer(connection, stream, payload, handle);
  };
}

async function answer(connection: Connection, stream: number, payload: Uint8Array, handle: Handler): Promise<void> {
  let response: Uint8Array;
  try {
    response = writeResponse({ payload: await handle(readRequest(payload)) });
    if (response.length > LONGEST) throw new RuntimeError("INTERNAL", `the response has ${response.length} bytes`);
  } catch (error) {
    response = writeResponse({ status: statusOf(error) });
  }
  connection.send(stream, RESPONSE, response);
}
