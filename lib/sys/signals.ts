// SPDX-License-Identifier: Apache-2.0
/** Signals that interrupt a command: until its container is ready they end its waits, and all is undone. */
import { RuntimeError } from "../errors.ts";
import { check } from "./files.ts";
import { POLLIN, SIGHUP, SIGINT, SIGTERM } from "../kernel/numbers.ts";
import { native } from "./native.ts";
import { waitWith } from "./waiting.ts";

/** The signals with which a user or a service manager ends a command. */
const ENDING: readonly number[] = [SIGHUP, SIGINT, SIGTERM];
/** Signals within this time of one another count as one request, such as ^C and the SIGTERM of a script; milliseconds. */
const ONE_WISH = 1000;

/** The signals that this process catches. */
export class Signals {
  /** Readable when one has come. */
  readonly fd: number;
  /** The signals that end a wait. */
  readonly #ending: readonly number[];
  /** Signals that were caught and end no wait. */
  readonly #kept: number[] = [];
  #ends = false;
  /** The time at which the first one ended a wait; 0 is never. */
  #ended = 0;

  private constructor(fd: number, ending: readonly number[]) {
    this.fd = fd;
    this.#ending = ending;
  }

  /**
   * Catches SIGHUP, SIGINT, SIGTERM and the others in `signals`, and lets the three end the waits of this process.
   * For the command line alone: a program that uses the library has signals of its own.
   */
  static catch(signals: readonly number[] = ENDING): Signals {
    // nohup(1) asks for that. A shell ignores SIGINT for programs that a script starts in the background.
    const ending = native.isSignalIgnored(SIGHUP) ? ENDING.filter((signal) => signal !== SIGHUP) : ENDING;
    const caught = signals === ENDING ? ending : signals;
    const made = new Signals(check(native.signalfd(caught), "signalfd"), ending);
    made.endWaits(true);
    waitWith((fd, timeoutMs) => made.#wait(fd, timeoutMs));
    return made;
  }

  /** Whether they end waits from now on, or are all handed on by {@link next}. */
  endWaits(on: boolean): void {
    this.#ends = on;
    native.signalsEnd(on ? this.#ending : []);
  }

  /** The next signal that has come and ends no wait; 0 if there is none. */
  next(): number {
    return this.#kept.shift() ?? native.signalfdRead(this.fd);
  }

  #wait(fd: number, timeoutMs: number): boolean {
    const end = timeoutMs > 0 ? native.now() + timeoutMs : 0;
    for (let left = timeoutMs; ;) {
      // poll(2) passes over -1.
      const pairs = [fd, POLLIN];
      if (this.#ends) pairs.push(this.fd, POLLIN);
      const polled = new Int32Array(pairs);
      native.poll(polled, left);
      // The event that was waited for comes first: a signal for a container that runs by now must not end this command.
      if ((polled[1] ?? 0) !== 0) return true;
      if ((polled[3] ?? 0) !== 0) this.#take(timeoutMs);
      if (timeoutMs < 0) continue;
      left = Math.ceil(end - native.now());
      if (left <= 0) return false;
    }
  }

  /** @throws INTERRUPTED */
  #take(timeoutMs: number): void {
    for (;;) {
      const signal = native.signalfdRead(this.fd);
      if (signal <= 0) return;
      if (!this.#ending.includes(signal)) {
        this.#kept.push(signal);
        continue;
      }
      const now = native.now();
      const isFirst = this.#ended === 0;
      if (isFirst) this.#ended = now;
      // Waits after the first one that was ended belong to the clean-up, in which only a hook has no time limit.
      if (isFirst || (timeoutMs < 0 && now - this.#ended > ONE_WISH)) throw interrupted(signal);
    }
  }
}

function interrupted(signal: number): RuntimeError {
  return new RuntimeError("INTERRUPTED", `ended by signal ${signal} before it was done`, { signal });
}
