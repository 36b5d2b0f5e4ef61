// SPDX-License-Identifier: Apache-2.0
/** Carries bytes between the terminal of the caller and the console of a container. */
import { Errno } from "../../kernel/errno.ts";
import { F_GETFL, F_SETFL, POLLIN, POLLOUT } from "../../kernel/numbers.ts";
import { check, checkValue, O_NONBLOCK } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import type { HostTerminal } from "../host/host_terminal.ts";

/** The container's console and the terminal of this process. */
export class ConsoleRelay {
  readonly #master: number;
  /** The terminal whose size the console gets: stdin may be something else, as in `echo ls | runt exec -t web sh`. */
  readonly #terminal: HostTerminal;
  readonly #buffer = new Uint8Array(32768);
  #pending: Uint8Array = new Uint8Array(0);
  #inputOpen = true;
  #outputOpen = true;
  /** The former attributes of the terminal on stdin. */
  #attributes: Uint8Array | undefined;

  /** Puts the terminal on stdin into raw mode. A terminal on stdout only keeps its mode: ^C has to reach this process. */
  constructor(master: number, terminal: HostTerminal) {
    this.#master = master;
    this.#terminal = terminal;
    const flags = native.fcntl(master, F_GETFL, 0);
    // A container that does not read its terminal must not keep the runtime from reading its output.
    native.fcntl(master, F_SETFL, flags | O_NONBLOCK);
    const attributes = native.isatty(0) ? native.ttyRaw(0) : -1;
    if (typeof attributes !== "number") this.#attributes = attributes;
    this.resize();
  }

  /** The console gets the size of the terminal. */
  resize(): void {
    const size = native.ttyGetSize(this.#terminal.fd);
    if (typeof size !== "number" && size[0] > 0) native.ttySetSize(this.#master, size[0], size[1]);
  }

  /** Appends the descriptors to watch to pairs for poll(2). */
  watch(pairs: number[]): void {
    if (this.#inputOpen && this.#pending.length === 0) pairs.push(0, POLLIN);
    if (this.#outputOpen) pairs.push(this.#master, POLLIN | (this.#pending.length > 0 ? POLLOUT : 0));
  }

  /** Copies the bytes that are ready. */
  carry(events: Int32Array): void {
    for (let index = 0; index < events.length; index += 2) {
      const happened = events[index + 1] ?? 0;
      if (happened === 0) continue;
      if (events[index] === 0) this.#readInput();
      if (events[index] === this.#master) {
        if (this.#pending.length > 0) this.#writeInput();
        if ((happened & ~POLLOUT) !== 0) this.#readOutput();
      }
    }
  }

  /** Copies the rest of the output, and restores the terminal, which stays open. */
  close(): void {
    while (this.#outputOpen && native.poll(new Int32Array([this.#master, POLLIN]), 0) > 0) this.#readOutput();
    if (this.#attributes !== undefined) native.ttyRestore(0, this.#attributes);
    native.close(this.#master);
  }

  #readInput(): void {
    const size = native.read(0, this.#buffer);
    // Another process that shares the terminal may have made it O_NONBLOCK, and have read the input.
    if (size === -Errno.EAGAIN) return;
    if (size <= 0) this.#inputOpen = false;
    else {
      this.#pending = this.#buffer.slice(0, size);
      this.#writeInput();
    }
  }

  #writeInput(): void {
    const written = native.write(this.#master, this.#pending);
    if (written > 0) this.#pending = this.#pending.subarray(written);
    else if (written !== -Errno.EAGAIN) this.#pending = new Uint8Array(0);
  }

  #readOutput(): void {
    const size = native.read(this.#master, this.#buffer);
    if (size === -Errno.EAGAIN) return;
    // A master gives EIO when no process has the slave open any more.
    if (size <= 0) this.#outputOpen = false;
    else writeAll(1, this.#buffer.subarray(0, size));
  }
}

function writeAll(fd: number, data: Uint8Array): void {
  let rest = data;
  while (rest.length > 0) {
    const written = native.write(fd, rest);
    // Another process has made it O_NONBLOCK, as Node.js does with pipes: no output may be lost by that.
    if (written === -Errno.EAGAIN) {
      native.poll(new Int32Array([fd, POLLOUT]), -1);
      continue;
    }
    if (written < 0) return;
    rest = rest.subarray(written);
  }
}

/** The console's master, which init sends to the other end of `socket`. */
export function receiveMaster(socket: number): number {
  const { fds } = checkValue(native.receiveMessage(socket, new Uint8Array(256)), "recvmsg");
  return check(fds[0] ?? -1, "receive the console from init");
}
