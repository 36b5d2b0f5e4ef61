// SPDX-License-Identifier: Apache-2.0
/**
 * Events for containerd: one after another, in order, each until containerd has taken it. While containerd restarts they are
 * kept, and sent again.
 */
import { SOCK_NONBLOCK, SOCK_STREAM } from "../kernel/numbers.ts";
import type { Log } from "../log.ts";
import { native } from "../sys/native.ts";
import type { Loop } from "./loop.ts";
import { readResponse, type Timestamp, writeForwardRequest, writeRequest } from "./proto/messages.gen.ts";
import { Connection, type Frame, REQUEST } from "./ttrpc.ts";

const SERVICE = "containerd.services.events.ttrpc.v1.Events";
/** Non-blocking: the shim does not wait for a peer that takes no connections. */
const SOCKET_TYPE: number = SOCK_STREAM | SOCK_NONBLOCK;
/** More events than that are not kept: the oldest are lost. */
const MOST = 2048;
/** An event that containerd refuses is tried so often. */
const TRIES = 5;
/** The time that containerd has to answer; milliseconds. */
const PATIENCE = 5000;
/** Between two attempts to reach containerd, at first and at most; milliseconds. */
const SOON = 50;
const LATER = 2000;

interface Waiting {
  readonly topic: string;
  readonly payload: Uint8Array;
  refused: number;
}

/** The time as containerd's messages have it. */
export function timestamp(milliseconds: number): Timestamp {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanos: Math.round((milliseconds - seconds * 1000) * 1_000_000) };
}

export class Publisher {
  readonly #loop: Loop;
  readonly #address: string;
  readonly #namespace: string;
  readonly #log: Log;
  readonly #queue: Waiting[] = [];
  readonly #drained: (() => void)[] = [];
  #connection: Connection | undefined;
  #stream = -1;
  #delay = SOON;
  #isBusy = false;
  #deadline: ReturnType<Loop["after"]> | undefined;

  /** @param address of containerd's ttrpc socket; "": events go nowhere */
  constructor(loop: Loop, address: string, namespace: string, log: Log) {
    this.#loop = loop;
    this.#address = address.replace(/^unix:\/\//, "");
    this.#namespace = namespace;
    this.#log = log;
  }

  /** Puts an event at the end of the queue. @param type full name of its message */
  publish(topic: string, type: string, message: Uint8Array): void {
    if (this.#address === "") return;
    const event = { typeUrl: type, value: message };
    const envelope = { timestamp: timestamp(Date.now()), namespace: this.#namespace, topic, event };
    if (this.#queue.length >= MOST) {
      const [lost] = this.#queue.splice(this.#isBusy ? 1 : 0, 1);
      this.#log.warn(`containerd takes no events: lost one of ${lost?.topic ?? "?"}`);
    }
    this.#queue.push({ topic, payload: writeForwardRequest({ envelope }), refused: 0 });
    this.#next();
  }

  /** Waits until containerd has taken all events, or until the time is over; milliseconds. */
  drain(patience: number): Promise<void> {
    if (this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.#loop.after(patience, resolve);
    });
  }

  /** Sends the first one, unless it is on its way. */
  #next(): void {
    const first = this.#queue[0];
    if (first === undefined) {
      for (const done of this.#drained.splice(0)) done();
      return;
    }
    if (this.#isBusy) return;
    this.#isBusy = true;
    const connection = this.#connect();
    if (connection === undefined) {
      this.#again();
      return;
    }
    this.#stream += 2;
    this.#deadline = this.#loop.after(PATIENCE, () => connection.close());
    const request = { service: SERVICE, method: "Forward", payload: first.payload, timeoutNano: PATIENCE * 1_000_000 };
    connection.send(this.#stream, REQUEST, writeRequest(request));
  }

  #connect(): Connection | undefined {
    if (this.#connection?.isOpen === true) return this.#connection;
    const fd = native.connectUnix(this.#address, SOCKET_TYPE);
    if (fd < 0) return undefined;
    this.#stream = -1;
    this.#connection = new Connection(
      this.#loop,
      fd,
      (frame) => this.#answered(frame),
      () => this.#lost(),
    );
    return this.#connection;
  }

  #answered({ stream, payload }: Frame): void {
    if (stream !== this.#stream || !this.#isBusy || payload === undefined) return;
    this.#endPatience();
    const { status } = readResponse(payload);
    const first = this.#queue[0];
    if (status !== undefined && status.code !== 0 && first !== undefined && ++first.refused < TRIES) {
      this.#log.warn(`containerd refuses the event ${first.topic}: ${status.message}`);
      this.#again();
      return;
    }
    this.#queue.shift();
    this.#delay = SOON;
    this.#isBusy = false;
    this.#next();
  }

  /** The connection is gone: the event that was on its way is sent once more. */
  #lost(): void {
    this.#endPatience();
    if (this.#isBusy) this.#again();
  }

  #again(): void {
    this.#loop.after(this.#delay, () => {
      this.#isBusy = false;
      this.#next();
    });
    this.#delay = Math.min(this.#delay * 2, LATER);
  }

  #endPatience(): void {
    if (this.#deadline !== undefined) this.#loop.cancel(this.#deadline);
    this.#deadline = undefined;
  }
}
