// SPDX-License-Identifier: Apache-2.0
/**
 * The event loop of the shim: one epoll, timers, and the end of children. The engine calls it when no promise is left to go on
 * (`process.whenIdle`), so that an operation that waits lets all others work.
 */
import { Errno } from "../kernel/errno.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, POLLIN } from "../kernel/numbers.ts";
import type { Log } from "../log.ts";
import { check } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import { waitWith } from "../sys/waiting.ts";

/** Pairs that one call can give. */
const ROUND = 64;

/** The engine's functions for a long-running program (native/engine/engine.d.ts), which Node.js lacks. */
export function engine(): { whenIdle(wait: () => void): void; collectAfter(bytes: number): void } {
  return process as unknown as ReturnType<typeof engine>;
}

/** A wait that has taken so long is taken for a long one; milliseconds. */
const QUIET = 2000;

/** Gets the events that a descriptor is ready for: EPOLL* bits. */
type Callback = (events: number) => void;

interface Watch {
  readonly callback: Callback;
  /** The turn in which it began. */
  readonly since: number;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

export class Loop {
  readonly #epoll = check(native.epoll([]), "epoll_create1");
  readonly #ready = new Int32Array(2 * ROUND);
  readonly #log: Log;
  readonly #watched = new Map<number, Watch>();
  /** Number of the turn. */
  #now = 0;
  /** Sorted: the next one is the last. */
  readonly #timers: Timer[] = [];
  /** Nothing has happened for a while. */
  #isQuiet = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Runs the process in this loop from now on; operations of the runtime wait in it. */
  run(): void {
    waitWith((fd, timeoutMs) => this.readable(fd, timeoutMs));
    engine().whenIdle(() => this.#turn());
  }

  /** Calls `callback` as long as `fd` is ready for any of `events`; one callback a descriptor. @throws SYSCALL */
  watch(fd: number, events: number, callback: Callback): void {
    check(native.epollSet(this.#epoll, fd, events), "epoll_ctl");
    this.#watched.set(fd, { callback, since: this.#now });
  }

  /** Changes the events of a watched descriptor; with 0 the callback gets nothing, not even the end. */
  change(fd: number, events: number): void {
    if (this.#watched.has(fd)) native.epollSet(this.#epoll, fd, events);
  }

  /** Before the descriptor is closed. */
  unwatch(fd: number): void {
    if (this.#watched.delete(fd)) native.epollSet(this.#epoll, fd, 0);
  }

  /** Calls `run` once, after a time. @returns the argument for {@link cancel} */
  after(milliseconds: number, run: () => void): Timer {
    const timer = { at: native.now() + milliseconds, run };
    let index = this.#timers.length;
    while (index > 0 && (this.#timers[index - 1]?.at ?? 0) < timer.at) index--;
    this.#timers.splice(index, 0, timer);
    return timer;
  }

  cancel(timer: Timer): void {
    const index = this.#timers.indexOf(timer);
    if (index >= 0) this.#timers.splice(index, 1);
  }

  /** As `readable` of lib/sys/waiting.ts. */
  readable(fd: number, timeoutMs: number): Promise<boolean> | boolean {
    if (fd < 0) return new Promise((resolve) => void this.after(Math.max(0, timeoutMs), () => resolve(false)));
    if (native.poll(new Int32Array([fd, POLLIN]), 0) > 0) return true;
    if (timeoutMs === 0) return false;
    return new Promise((resolve) => {
      const done = (result: boolean): void => {
        this.unwatch(fd);
        if (timer !== undefined) this.cancel(timer);
        resolve(result);
      };
      const timer = timeoutMs < 0 ? undefined : this.after(timeoutMs, () => done(false));
      try {
        this.watch(fd, EPOLLIN, () => done(true));
      } catch {
        // A descriptor that cannot be watched, such as a file, can be read.
        done(true);
      }
    });
  }

  /** Waits for something to do, and does it. */
  #turn(): void {
    const count = this.#wait(this.#patience());
    this.#now++;
    for (let index = 0; index < count; index++) {
      const fd = this.#ready[2 * index] ?? -1;
      const events = this.#ready[2 * index + 1] ?? 0;
      const watch = this.#watched.get(fd);
      // One of those before may have ended it, and another descriptor may have its number by now.
      if (watch === undefined || watch.since === this.#now) continue;
      const both = (events & (EPOLLERR | EPOLLHUP)) !== 0 ? events | EPOLLIN : events;
      this.#guard(() => watch.callback(both));
    }
    if (count < 0 && count !== -Errno.EINTR) check(count, "epoll_wait");
    const now = native.now();
    while ((this.#timers.at(-1)?.at ?? Infinity) <= now) {
      const timer = this.#timers.pop();
      if (timer !== undefined) this.#guard(timer.run);
    }
  }

  /** A long wait gives back the memory that is the same as in the program's file, once it is known to be one. */
  #wait(patience: number): number {
    const isLong = patience < 0 || patience > QUIET;
    const wait = isLong && this.#isQuiet ? native.epollWaitSmall : native.epollWait;
    const count = wait(this.#epoll, this.#ready, isLong && !this.#isQuiet ? QUIET : patience);
    this.#isQuiet = isLong && count === 0;
    return count;
  }

  /** An error of one connection or container must not end the shim, and with it all others. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#log.warn(`internal error: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** The time to wait; -1 is for ever. */
  #patience(): number {
    const next = this.#timers.at(-1)?.at;
    return next === undefined ? -1 : Math.max(0, Math.min(Math.ceil(next - native.now()), 0x7fffffff));
  }
}
