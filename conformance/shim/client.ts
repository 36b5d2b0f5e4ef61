// SPDX-License-Identifier: Apache-2.0
/** containerd's side of ttrpc: a client of the task service, and the service that takes events. */
import { connect, createServer, type Server, type Socket } from "node:net";
import * as M from "../../lib/shim/proto/messages.gen.ts";
import type { Draft } from "../../lib/shim/proto/wire.ts";

const HEADER = 10;
export const REQUEST = 1;
export const RESPONSE = 2;

export interface Frame {
  readonly stream: number;
  readonly type: number;
  readonly payload: Uint8Array;
}

/** A frame as bytes. */
export function frame(stream: number, type: number, payload: Uint8Array, length = payload.length): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32BE(length, 0);
  head.writeUInt32BE(stream, 4);
  head.writeUInt8(type, 8);
  return Buffer.concat([head, payload]);
}

/** Calls `take` for every frame that comes. */
function onFrames(socket: Socket, take: (frame: Frame) => void): void {
  let rest = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER) {
      const length = rest.readUInt32BE(0);
      if (rest.length < HEADER + length) return;
      take({ stream: rest.readUInt32BE(4), type: rest.readUInt8(8), payload: rest.subarray(HEADER, HEADER + length) });
      rest = rest.subarray(HEADER + length);
    }
  });
}

/** The status of a response that is an error. */
export class Refused extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** A connection to a shim. */
export class Client {
  readonly socket: Socket;
  readonly #waiting = new Map<number, (frame: Frame) => void>();
  #stream = -1;

  private constructor(socket: Socket) {
    this.socket = socket;
    onFrames(socket, (each) => {
      this.#waiting.get(each.stream)?.(each);
      this.#waiting.delete(each.stream);
    });
  }

  static async to(address: string): Promise<Client> {
    const socket = connect(address.replace("unix://", ""));
    await new Promise((done, fail) => void socket.once("connect", done).once("error", fail));
    socket.on("error", () => {});
    return new Client(socket);
  }

  /** The next frame of a stream. */
  answer(stream: number): Promise<Frame> {
    return new Promise((done) => void this.#waiting.set(stream, done));
  }

  /** Any method of any service; rejects with {@link Refused}. */
  async raw(service: string, method: string, payload: Uint8Array): Promise<Uint8Array> {
    this.#stream += 2;
    const answer = this.answer(this.#stream);
    this.socket.write(frame(this.#stream, REQUEST, M.writeRequest({ service, method, payload })));
    const { status, payload: result } = M.readResponse((await answer).payload);
    if (status !== undefined && status.code !== 0) throw new Refused(status.code, status.message);
    return result;
  }

  task(method: string, payload: Uint8Array, version = 3): Promise<Uint8Array> {
    return this.raw(`containerd.task.v${version}.Task`, method, payload);
  }

  /** A method that has a process alone as its argument. */
  about(method: string, id: string, execId = ""): Promise<Uint8Array> {
    return this.task(method, M.writeProcessRequest({ id, execId }));
  }

  async create(request: Draft<M.CreateTaskRequest>): Promise<number> {
    return M.readPidResponse(await this.task("Create", M.writeCreateTaskRequest(request))).pid;
  }

  async start(id: string, execId = ""): Promise<number> {
    return M.readPidResponse(await this.about("Start", id, execId)).pid;
  }

  async wait(id: string, execId = ""): Promise<number> {
    return M.readWaitResponse(await this.about("Wait", id, execId)).exitStatus;
  }

  async state(id: string, execId = ""): Promise<M.StateResponse> {
    return M.readStateResponse(await this.about("State", id, execId));
  }

  async remove(id: string, execId = ""): Promise<M.DeleteResponse> {
    return M.readDeleteResponse(await this.about("Delete", id, execId));
  }

  async kill(id: string, signal: number, execId = ""): Promise<void> {
    await this.task("Kill", M.writeKillRequest({ id, execId, signal }));
  }

  close(): void {
    this.socket.destroy();
  }
}

/** An event that has come: its topic and message. */
export interface Came {
  readonly topic: string;
  readonly event: M.Any;
}

/** What containerd has for events: a socket that can go away and come back. */
export class EventSink {
  readonly came: Came[] = [];
  readonly path: string;
  /** Answers with an error so many times. */
  refuse = 0;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  constructor(path: string) {
    this.path = path;
  }

  async listen(): Promise<void> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      onFrames(socket, ({ stream, payload }) => {
        const { payload: request } = M.readRequest(payload);
        const { envelope } = M.readForwardRequest(request);
        const isRefused = this.refuse-- > 0;
        if (!isRefused && envelope?.event !== undefined) this.came.push({ topic: envelope.topic, event: envelope.event });
        socket.write(frame(stream, RESPONSE, M.writeResponse(isRefused ? { status: { code: 14, message: "not now" } } : {})));
      });
    });
    this.#server = server;
    await new Promise<void>((done) => void server.listen(this.path, done));
  }

  /** As a containerd that ends. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    this.#server?.close();
  }

  /** The last word of each topic, in order. */
  get topics(): string[] {
    return this.came.map(({ topic }) => topic.replace("/tasks/", ""));
  }
}

/** Waits until something is so. */
export async function until(what: () => boolean, milliseconds = 10_000): Promise<boolean> {
  for (const end = Date.now() + milliseconds; ; await new Promise((done) => setTimeout(done, 10))) {
    if (what()) return true;
    if (Date.now() > end) return false;
  }
}
