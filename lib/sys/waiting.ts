/**
 * How the runtime waits for others: a process's end, a message, a lock.
 *
 * The command line has nothing else to do and waits in poll(2). The library's threads do other containers' work meanwhile,
 * and give a way to wait that does not block.
 */
import { POLLIN } from "./linux.ts";
import { native } from "./native.ts";

/**
 * Waits until a descriptor can be read.
 * @param fd -1: for the time alone
 * @param timeoutMs -1 waits for ever
 * @returns `false` after the time-out
 */
export type Waiter = (fd: number, timeoutMs: number) => Promise<boolean>;

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

/** As {@link readable} before a call that would block itself: the command line leaves the waiting to that call. */
export function beforeBlocking(fd: number): Promise<boolean> | undefined {
  return waiter?.(fd, -1);
}
