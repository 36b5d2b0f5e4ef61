// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../errors.ts";
import type { CallOptions } from "./threads.ts";
import type { ContainerEnd } from "./process.ts";
import type { CgroupStats } from "../cgroups/files/stats_types.ts";
import { completed, type SentEvent, type WorkEvent } from "./work/event_types.ts";

/** Something that has happened to a container. */
export type BoxEvent =
  | WorkEvent
  /** Its first process has ended. */
  | ({ readonly type: "exit"; readonly id: string } & ContainerEnd);

/**
 * The events of an operation, as the program reads them. Leaving the loop ends the operation.
 * @param call begins the operation
 * @param exit settles when the first process has ended
 */
export async function* eventsOf(
  id: string,
  call: (options: CallOptions) => Promise<void>,
  exit: Promise<ContainerEnd>,
  signal: AbortSignal | undefined,
): AsyncGenerator<BoxEvent, void> {
  const left = new AbortController();
  const queue: { readonly event: BoxEvent; readonly taken?: () => void }[] = [];
  let wake: (() => void) | undefined;
  let over = false;
  let failure: unknown;
  const end = (error?: unknown): void => {
    over = true;
    failure = error;
    wake?.();
  };
  // The thread sends no more than a few events of a kind before the first of them is taken: the queue stays short.
  let stats: Partial<CgroupStats> = {};
  const event = (sent: SentEvent, taken: () => void): void => {
    if (sent.type === "stats") {
      const data = (stats = completed(stats, sent));
      queue.push({ event: { type: sent.type, id: sent.id, data, dropped: sent.dropped }, taken });
    } else queue.push({ event: sent, taken });
    wake?.();
  };
  const either = signal === undefined ? left.signal : AbortSignal.any([left.signal, signal]);
  const known = exit.then(
    (ended) => {
      queue.push({ event: { type: "exit", id, ...ended } });
      wake?.();
      return true;
    },
    // Nobody knows how it has ended.
    () => false,
  );
  call({ signal: either, event }).then(
    () => end(),
    async (error: unknown) => {
      // It had ended before it could be watched: then its end is all that there is to tell.
      end(isGone(error) && (await known) ? undefined : error);
    },
  );
  try {
    for (;;) {
      const next = queue.shift();
      if (next !== undefined) {
        next.taken?.();
        yield next.event;
      } else if (over) break;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    left.abort();
  }
  // oxlint-disable-next-line typescript/only-throw-error -- the error of the worker, as it is
  if (failure !== undefined && !isEnd(failure, signal)) throw failure;
}

function isGone(error: unknown): boolean {
  return error instanceof RuntimeError && (error.code === "CONTAINER_NOT_RUNNING" || error.code === "CONTAINER_NOT_FOUND");
}

/** A signal is a way to leave the loop, not an error. */
function isEnd(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && error instanceof RuntimeError && error.code === "ABORTED";
}
