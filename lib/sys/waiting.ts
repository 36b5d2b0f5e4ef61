// SPDX-License-Identifier: Apache-2.0
/**
 * The runtime's waits: for a process's end, a message, a lock.
 *
 * The command line has nothing else to do and waits in poll(2). The library's threads do other containers' work meanwhile,
 * and give a way to wait that does not block.
 */
import { POLLIN } from "../kernel/numbers.ts";
import { native } from "./native.ts";

/**
 * Waits until a descriptor can be read.
 * @param fd -1: for the time alone
 * @param timeoutMs -1 waits for ever
 * @returns `false` after the time-out
 */
export type Waiter = (fd: number, timeoutMs: number) => Promise<boolean> | boolean;

let waiter: Waiter | undefined;

/** From now on every wait of this thread goes through `use`. */
export function waitWith(use: Waiter): void {
  waiter = use;
}

/** Waits until `fd` can be read, as {@link Waiter}. */
export function readable(fd: number, timeoutMs = -1): Promise<boolean> | boolean {
  if (waiter !== undefined) return waiter(fd, timeoutMs);
  return native.poll(fd < 0 ? new Int32Array(0) : new Int32Array([fd, POLLIN]), timeoutMs) > 0;
}

/** As {@link readable}, before a call that would block itself: if nothing ends a wait, that call does the waiting. */
export function beforeBlocking(fd: number): Promise<boolean> | boolean | undefined {
  return waiter?.(fd, -1);
}

/**
 * Waits until `first` or `second` can be read. If a wait must not block, only `first` is waited for.
 * @returns which of them can be read
 */
export async function eitherReadable(first: number, second: number): Promise<{ first: boolean; second: boolean }> {
  if (waiter !== undefined) return { first: await waiter(first, -1), second: false };
  const fds = new Int32Array([first, POLLIN, second, POLLIN]);
  // A signal ends it without either.
  if (native.poll(fds, -1) < 0) return { first: false, second: false };
  return { first: fds[1] !== 0, second: fds[3] !== 0 };
}
