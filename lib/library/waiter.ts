// SPDX-License-Identifier: Apache-2.0
/** Lets a worker thread wait for one container while it works on others. */
import { AsyncLocalStorage } from "node:async_hooks";
import { RuntimeError } from "../errors.ts";
import { POLLIN } from "../kernel/numbers.ts";
import { native } from "../sys/native.ts";
import { waitWith } from "../sys/waiting.ts";
import { watchOnce, type Watched } from "./watching.ts";

/**
 * The time that a thread with nothing else to do waits in poll(2) before it waits in the event loop; milliseconds. Answers
 * of init and of the kernel come within it, and each saves two wake-ups of threads, 0.1 ms or more.
 */
const SHORT = 2;

/** The number of operations of this thread that have work to do, or wait for a process that has. */
let busy = 0;

/** One operation that can be given up while it waits. */
export class Operation {
  #aborted = false;
  readonly #giveUp = new Set<() => void>();
  readonly #patient: boolean;

  /** @param patient its waits may last for ever, and must not delay operations that have work to do */
  constructor(patient = false) {
    this.#patient = patient;
  }

  /** Does `work`, whose waits are this operation's. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#patient) return current.run(this, work);
    busy++;
    try {
      return await current.run(this, work);
    } finally {
      busy--;
    }
  }

  /** Ends the present wait, or else the next one, with an error; the clean-up after that may wait again. */
  abort(): void {
    this.#aborted = this.#giveUp.size === 0;
    for (const giveUp of this.#giveUp) giveUp();
  }

  wait(fd: number, timeoutMs: number): Promise<boolean> {
    if (this.#aborted) {
      this.#aborted = false;
      return Promise.reject(aborted());
    }
    if (fd >= 0 && !this.#patient && this.#isThere(fd, timeoutMs)) return Promise.resolve(true);
    return new Promise((resolve, reject) => {
      let watched: Watched | undefined;
      let timer: NodeJS.Timeout | undefined;
      const giveUp = (): void => {
        settle();
        reject(aborted());
      };
      const settle = (): void => {
        watched?.end();
        clearTimeout(timer);
        this.#giveUp.delete(giveUp);
      };
      const answer = (ready: boolean): void => {
        settle();
        resolve(ready);
      };
      if (fd >= 0) watched = watchOnce(fd, POLLIN, () => answer(true));
      if (timeoutMs >= 0) timer = setTimeout(() => answer(false), timeoutMs);
      this.#giveUp.add(giveUp);
    });
  }

  /** Polls the descriptor, and waits a little where that delays no other operation. */
  #isThere(fd: number, timeoutMs: number): boolean {
    const patience = busy > 1 ? 0 : timeoutMs < 0 ? SHORT : Math.min(SHORT, timeoutMs);
    return native.poll(new Int32Array([fd, POLLIN]), patience) > 0;
  }
}

const current = new AsyncLocalStorage<Operation>();

/** Makes each wait of this thread belong to the operation that it is made in, from now on. */
export function waitInOperations(): void {
  waitWith((fd, timeoutMs) => (current.getStore() ?? new Operation()).wait(fd, timeoutMs));
}

function aborted(): RuntimeError {
  return new RuntimeError("ABORTED", "the operation was aborted");
}
