// SPDX-License-Identifier: Apache-2.0
/** Descriptors that keep the program alive as long as a caller waits for them. */
import { Errno, errnoText } from "../kernel/errno.ts";
import { RuntimeError } from "../errors.ts";
import { watchNative } from "./native.ts";

/** A watch that can be taken back. */
export interface Watched {
  end(): void;
}

let waiting = 0;

function keep(change: 1 | -1): void {
  waiting += change;
  if (waiting === (change === 1 ? 1 : 0)) watchNative.keep(waiting > 0);
}

/**
 * Calls `happened` once, from the event loop, when one of the poll(2) `events` has happened.
 * @throws SYSCALL
 */
export function watchOnce(fd: number, events: number, happened: () => void): Watched {
  let pending = true;
  const settle = (): boolean => {
    if (!pending) return false;
    pending = false;
    keep(-1);
    return true;
  };
  const id = watchNative.watch(fd, events, () => {
    if (settle()) happened();
  });
  if (id === -Errno.EPERM) {
    // A regular file is always ready.
    const soon = setImmediate(() => {
      if (settle()) happened();
    });
    keep(1);
    return { end: () => (settle() ? clearImmediate(soon) : undefined) };
  }
  if (id < 0) throw new RuntimeError("SYSCALL", `watch a descriptor: ${errnoText(-id)}`, { errno: -id });
  keep(1);
  return { end: () => (settle() ? void watchNative.end(id) : undefined) };
}
