// SPDX-License-Identifier: Apache-2.0
/** Copies bytes from one descriptor to another that a container cannot get itself: for terminals and files. */
import { Errno } from "../kernel/errno.ts";
import { EPOLLIN, EPOLLOUT } from "../kernel/numbers.ts";
import { native } from "../sys/native.ts";
import type { Loop } from "./loop.ts";

/** The buffer of all pumps: nothing stays in it between two calls. */
const buffer = new Uint8Array(32768);

/** More than a pipe or a terminal holds. */
const LAST_ROUNDS = 64;

/** Both descriptors are non-blocking, or files; they are the pump's own. It ends when nothing more can come, or go. */
export class Pump {
  readonly #loop: Loop;
  readonly #from: number;
  readonly #to: number;
  readonly #ended: () => void;
  /** Bytes that were read and could not be written yet. */
  #pending: Uint8Array | undefined;
  #isOpen = true;

  constructor(loop: Loop, from: number, to: number, ended: () => void = () => {}) {
    this.#loop = loop;
    this.#from = from;
    this.#to = to;
    this.#ended = ended;
    loop.watch(from, EPOLLIN, () => this.#read());
  }

  /** Copies the bytes that are there now, and ends; a bound limits the bytes of a writer that never stops. */
  finish(): void {
    for (let round = 0; round < LAST_ROUNDS && this.#isOpen && this.#pending === undefined && this.#read(); round++);
    this.close();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const fd of [this.#from, this.#to]) {
      this.#loop.unwatch(fd);
      native.close(fd);
    }
    this.#pending = undefined;
    this.#ended();
  }

  /** @returns whether there was something */
  #read(): boolean {
    const size = native.read(this.#from, buffer);
    if (size === -Errno.EAGAIN) return false;
    // A terminal returns EIO when no process has its other end open any more.
    if (size <= 0) {
      this.close();
      return false;
    }
    this.#write(buffer.subarray(0, size));
    return true;
  }

  #write(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0;) {
      const written = native.write(this.#to, rest);
      if (written === -Errno.EAGAIN) {
        this.#pending = rest.slice();
        this.#loop.change(this.#from, 0);
        this.#loop.watch(this.#to, EPOLLOUT, () => this.#goOn());
        return;
      }
      if (written < 0) {
        this.close();
        return;
      }
      rest = rest.subarray(written);
    }
  }

  #goOn(): void {
    const rest = this.#pending;
    this.#pending = undefined;
    this.#loop.unwatch(this.#to);
    this.#loop.change(this.#from, EPOLLIN);
    if (rest !== undefined) this.#write(rest);
  }
}
