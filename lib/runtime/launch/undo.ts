// SPDX-License-Identifier: Apache-2.0
/** The way back of an operation that makes something: all of it, or nothing. */
import type { Log } from "../../log.ts";
import { Descriptors } from "../../sys/descriptors.ts";

/** Takes back one thing that was made. */
type Action = () => void | Promise<void>;

/** Takes back what an operation has made, the last thing first. */
export class Undo {
  readonly #log: Log;
  readonly #actions: Action[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** Will be done before everything that was added earlier. */
  add(action: Action): void {
    this.#actions.push(action);
  }

  /** Will be done after everything else. */
  addLast(action: Action): void {
    this.#actions.unshift(action);
  }

  /** Takes everything back. What cannot be taken back is a warning, and the rest goes on. */
  async run(): Promise<void> {
    for (let action = this.#actions.pop(); action !== undefined; action = this.#actions.pop()) {
      try {
        await action();
      } catch (error) {
        this.#log.warn(`clean-up: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
}

/**
 * Has `make` make something, whole or not at all: where it fails, everything in `undo` is taken back. Its descriptors are closed
 * in either case, after that.
 *
 * @param explain the error to throw for the one that `make` has thrown
 * @throws what `explain` returns
 */
export async function attempt<T>(
  log: Log,
  make: (undo: Undo, descriptors: Descriptors) => Promise<T>,
  explain: (error: unknown) => unknown,
): Promise<T> {
  const undo = new Undo(log);
  const descriptors = new Descriptors();
  try {
    return await make(undo, descriptors);
  } catch (error) {
    await undo.run();
    throw explain(error);
  } finally {
    descriptors.close();
  }
}
