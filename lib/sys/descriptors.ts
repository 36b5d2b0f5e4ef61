// SPDX-License-Identifier: Apache-2.0
/** Owners of descriptors: a descriptor that is opened for a time is closed at its end, even after a failure. */
import { native } from "./native.ts";

/** Something that has descriptors of its own. */
export interface Closable {
  close(): void;
}

/** Owns descriptors until {@link Descriptors.close}. */
export class Descriptors {
  readonly #fds: number[] = [];
  readonly #others: Closable[] = [];

  /** Takes a descriptor over. @returns the same descriptor */
  own(fd: number): number {
    this.#fds.push(fd);
    return fd;
  }

  /** Takes over something that has descriptors of its own. @returns the same */
  attach<T extends Closable>(other: T): T {
    this.#others.push(other);
    return other;
  }

  /** Gives a descriptor away: the caller owns it from now on. @returns the same descriptor */
  release(fd: number): number {
    const at = this.#fds.indexOf(fd);
    if (at >= 0) this.#fds.splice(at, 1);
    return fd;
  }

  /** The descriptors that it owns, in the order in which it got them. */
  get all(): readonly number[] {
    return this.#fds;
  }

  /** Closes all descriptors that it owns. It can own new ones after that. */
  close(): void {
    for (const other of this.#others.splice(0)) other.close();
    for (const fd of this.#fds.splice(0)) native.close(fd);
  }
}

/**
 * Has `act` use a descriptor, which is closed when it returns or throws.
 * @param fd negative: none, and nothing is closed
 */
export function withDescriptor<T>(fd: number, act: (fd: number) => T): T {
  try {
    return act(fd);
  } finally {
    if (fd >= 0) native.close(fd);
  }
}
