import { RuntimeError } from "../errors.ts";
import type { ContainerEvent } from "../runtime/operations/events.ts";
import type { CallOptions } from "./threads.ts";

/**
 * What an operation tells of, as it is asked for. Leaving the loop ends the operation.
 * @param call begins the operation
 */
export async function* eventsOf(
  call: (options: CallOptions) => Promise<void>,
  signal: AbortSignal | undefined,
): AsyncGenerator<ContainerEvent, void> {
  const left = new AbortController();
  const queue: ContainerEvent[] = [];
  let wake: (() => void) | undefined;
  let over = false;
  let failure: unknown;
  const end = (error?: unknown): void => {
    over = true;
    failure = error;
    wake?.();
  };
  const event = (happened: ContainerEvent): void => {
    queue.push(happened);
    wake?.();
  };
  const either = signal === undefined ? left.signal : AbortSignal.any([left.signal, signal]);
  call({ signal: either, event }).then(() => end(), end);
  try {
    for (;;) {
      const next = queue.shift();
      if (next !== undefined) yield next;
      else if (over) break;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    left.abort();
  }
  if (failure !== undefined && !isEnd(failure, signal)) throw failure;
}

/** A signal is a way to leave the loop, not an error. */
function isEnd(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && error instanceof RuntimeError && error.code === "ABORTED";
}
