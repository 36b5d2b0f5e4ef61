// SPDX-License-Identifier: Apache-2.0
/** A connection to a D-Bus bus, or to a program that speaks D-Bus itself. Every call blocks, for a limited time. */
import { RuntimeError } from "../errors.ts";
import { Errno, errnoName, errnoText } from "../kernel/errno.ts";
import { POLLIN } from "../kernel/numbers.ts";
import { native } from "../sys/native.ts";
import { decodeMessage, encodeCall, messageLength, MessageKind, type Call, type Message } from "./message.ts";
import type { BusValue } from "./values.ts";

/** How long the other end may take to answer; milliseconds. */
const PATIENCE = 30_000;
/**
 * The socket identifies the caller: so this works in a user namespace as well, where ids are other ones.
 * @see https://dbus.freedesktop.org/doc/dbus-specification.html#auth-mechanisms-external
 */
const GREETING = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
const LONGEST_GREETING = 4096;
const BUFFER = 16_384;
const BUS = { destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", interfaceName: "org.freedesktop.DBus" };

/** An error that came as an answer. */
export class BusError extends RuntimeError {
  /** Such as `org.freedesktop.systemd1.UnitExists`. */
  readonly errorName: string;

  constructor(message: Message) {
    const [text] = message.values;
    super("CGROUP", `${typeof text === "string" ? text : "no reason given"} (${message.errorName})`);
    this.errorName = message.errorName;
  }
}

/** See the head of this file. */
export class Bus {
  readonly #fd: number;
  #serial = 0;
  /** Received bytes that are not a whole message yet. */
  #pending: Uint8Array = new Uint8Array(0);
  readonly #signals: Message[] = [];

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * @param path of the socket; a leading "@" names one in the abstract space
   * @param isBus the other end is a bus, which has to be greeted and told which signals are wanted
   * @param match rule of the signals that are wanted
   * @throws RuntimeError CGROUP, TIMEOUT; HOST_UNABLE with `errno` if no process listens
   */
  static connect(path: string, isBus: boolean, match: string): Bus {
    const fd = native.connectUnix(path);
    if (fd < 0) throw new RuntimeError("HOST_UNABLE", `connect to ${path}: ${errno(fd)}`, { path, errno: -fd });
    const bus = new Bus(fd);
    try {
      bus.#greet(path);
      if (isBus) {
        bus.call({ ...BUS, member: "Hello", signature: "", values: [] });
        bus.call({ ...BUS, member: "AddMatch", signature: "s", values: [match] });
      }
      return bus;
    } catch (error) {
      bus.close();
      throw error;
    }
  }

  close(): void {
    native.close(this.#fd);
  }

  /** @returns the values of the answer. @throws BusError; RuntimeError CGROUP, TIMEOUT */
  call(call: Call): readonly BusValue[] {
    this.#serial += 1;
    const serial = this.#serial;
    this.#send(encodeCall(call, serial));
    const deadline = native.now() + PATIENCE;
    for (;;) {
      const message = this.#receive(deadline);
      if (message.kind === MessageKind.SIGNAL) this.#signals.push(message);
      if (message.replyTo !== serial) continue;
      if (message.kind === MessageKind.ERROR) throw new BusError(message);
      if (message.kind === MessageKind.REPLY) return message.values;
    }
  }

  /**
   * The first signal for which `wanted` is true, also one that came before.
   * @param patience milliseconds
   * @throws RuntimeError CGROUP, TIMEOUT
   */
  signal(wanted: (signal: Message) => boolean, patience: number): Message {
    const deadline = native.now() + patience;
    for (;;) {
      const next = this.#signals.shift() ?? this.#receive(deadline);
      if (next.kind === MessageKind.SIGNAL && wanted(next)) return next;
    }
  }

  #greet(path: string): void {
    this.#send(new TextEncoder().encode(GREETING));
    const deadline = native.now() + PATIENCE;
    let text = "";
    // An empty challenge, then the server's id. The server sends nothing more before the client sends a message.
    while (!/(^|\n)OK [^\n]*\r\n$/.test(text)) {
      if (/(^|\n)(REJECTED|ERROR)/.test(text) || text.length > LONGEST_GREETING) {
        throw new RuntimeError("HOST_UNABLE", `connect to ${path}: D-Bus refuses this user: ${JSON.stringify(text)}`, { path });
      }
      text += new TextDecoder().decode(this.#read(deadline));
    }
  }

  #send(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const sent = native.sendMessage(this.#fd, bytes.subarray(at), []);
      if (sent < 0) throw new RuntimeError("CGROUP", `D-Bus: write: ${errno(sent)}`, { errno: -sent });
      at += sent;
    }
  }

  #receive(deadline: number): Message {
    for (;;) {
      const length = messageLength(this.#pending);
      if (length > 0 && length <= this.#pending.length) {
        const message = decodeMessage(this.#pending.subarray(0, length));
        this.#pending = this.#pending.slice(length);
        return message;
      }
      const more = this.#read(deadline);
      const joined = new Uint8Array(this.#pending.length + more.length);
      joined.set(this.#pending);
      joined.set(more, this.#pending.length);
      this.#pending = joined;
    }
  }

  #read(deadline: number): Uint8Array {
    for (;;) {
      const left = deadline - native.now();
      if (left <= 0) throw new RuntimeError("TIMEOUT", "D-Bus: no answer came in time");
      const ready = native.poll(new Int32Array([this.#fd, POLLIN]), Math.ceil(left));
      if (ready === 0 || ready === -Errno.EINTR) continue;
      const buffer = new Uint8Array(BUFFER);
      const got = ready < 0 ? ready : native.read(this.#fd, buffer);
      if (got > 0) return buffer.subarray(0, got);
      const why = got === 0 ? "the other end has closed the connection" : errno(got);
      throw new RuntimeError("CGROUP", `D-Bus: read: ${why}`, got === 0 ? {} : { errno: -got });
    }
  }
}

function errno(result: number): string {
  return `${errnoText(-result)} (${errnoName(-result)})`;
}
