// SPDX-License-Identifier: Apache-2.0
/**
 * The clock of the statistics of all containers that a thread watches. What is due at about the same time is done together, but
 * never for long in one turn of the event loop: other work comes between.
 */
import { native } from "../../sys/native.ts";

/** The share of an interval by which a first tick may be late, so that several come together. */
const SHARE = 10;
/** The most of it; milliseconds. */
const MOST = 100;
/** The time for ticks in one turn of the event loop; milliseconds. */
const TURN = 2;
/** The ticks that are done together. */
const TOGETHER = 8;
const LONGEST = 0x7fffffff;

/** Something that is done again and again. */
export interface Ticked {
  /** Milliseconds. */
  readonly interval: number;
  /** Monotonic milliseconds. */
  due: number;
}

/** Does `work` with those that are due. */
export class Ticks<Each extends Ticked> {
  readonly #work: (due: readonly Each[]) => void;
  readonly #all = new Set<Each>();
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #next = Infinity;

  constructor(work: (due: readonly Each[]) => void) {
    this.#work = work;
  }

  add(each: Each): void {
    each.due = aligned(native.now() + each.interval, each.interval);
    this.#all.add(each);
    if (each.due < this.#next) this.#wait();
  }

  remove(each: Each): void {
    this.#all.delete(each);
    if (this.#all.size === 0) this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#next = Infinity;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#next = Infinity;
    for (const { due } of this.#all) if (due < this.#next) this.#next = due;
    if (this.#next === Infinity || this.#immediate !== undefined) return;
    // At least 1 ms: the thread's messages have their turn, even where the work takes longer than an interval.
    const left = Math.max(1, Math.ceil(this.#next - native.now()));
    this.#timer = setTimeout(() => this.#turn(), Math.min(left, LONGEST));
  }

  #turn(): void {
    this.#immediate = undefined;
    const began = native.now();
    let isLate = false;
    for (;;) {
      const now = native.now();
      const due: Each[] = [];
      for (const each of this.#all) {
        if (each.due > now) continue;
        due.push(each);
        if (due.length === TOGETHER) break;
      }
      if (due.length === 0) break;
      isLate = now - began > TURN;
      if (isLate) break;
      // At least an interval later: ticks that were missed are not repeated. Those of one call stay together.
      for (const each of due) each.due = now + each.interval;
      this.#work(due);
    }
    if (isLate) this.#immediate = setImmediate(() => this.#turn());
    this.#wait();
  }
}

function aligned(time: number, interval: number): number {
  const step = slack(interval);
  return step < 1 ? time : Math.ceil(time / step) * step;
}

function slack(interval: number): number {
  return Math.min(MOST, interval / SHARE);
}
