// SPDX-License-Identifier: Apache-2.0
/** The undo actions of an operation that makes something: all of it, or nothing. */
import type { Log } from "../../log.ts";
import { Descriptors } from "../../sys/descriptors.ts";

/** Undoes one action. */
type Action = () => void | Promise<void>;

/** Undoes the actions of an operation, the last one first. */
export class Undo {
  readonly #log: Log;
  readonly #actions: Action[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** Adds an action that runs before all that were added earlier. */
  add(action: Action): void {
    this.#actions.push(action);
  }

  /** Adds an action that runs after all others. */
  addLast(action: Action): void {
    this.#actions.unshift(action);
  }

  /** Undoes everything. An action that fails is a warning, and the rest goes on. */
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
 * Runs `make`, which has to succeed as a whole: if it fails, everything in `undo` is undone. The descriptors are closed
 * in either case, after that.
 *
 * @param explain makes the error to throw from the one that `make` has thrown
 * @throws the error that `explain` returns
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
