/** How a worker thread waits for one container while it works on others. */
import { AsyncLocalStorage } from "node:async_hooks";
import { RuntimeError } from "../errors.ts";
import { POLLIN } from "../sys/linux.ts";
import { waitWith } from "../sys/waiting.ts";
import { watchOnce, type Watched } from "./watching.ts";

/** One operation that can be given up while it waits. */
export class Operation {
  #aborted = false;
  readonly #giveUp = new Set<() => void>();

  /** Ends the present wait, or else the next one, with an error; what comes after that, the clean-up, may wait again. */
  abort(): void {
    this.#aborted = this.#giveUp.size === 0;
    for (const giveUp of this.#giveUp) giveUp();
  }

  wait(fd: number, timeoutMs: number): Promise<boolean> {
    if (this.#aborted) {
      this.#aborted = false;
      return Promise.reject(aborted());
    }
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
}

const current = new AsyncLocalStorage<Operation>();

/** From now on this thread's waits belong to the operation that they are made in. */
export function waitInOperations(): void {
  waitWith((fd, timeoutMs) => (current.getStore() ?? new Operation()).wait(fd, timeoutMs));
}

/** Runs `work` as an operation. */
export function runIn<Result>(operation: Operation, work: () => Promise<Result>): Promise<Result> {
  return current.run(operation, work);
}

function aborted(): RuntimeError {
  return new RuntimeError("ABORTED", "the operation was aborted");
}
