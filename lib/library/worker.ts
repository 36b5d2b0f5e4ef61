// SPDX-License-Identifier: Apache-2.0
/** One of the library's threads: does operations, many at a time, since each only waits for most of its time. */
import { parentPort } from "node:worker_threads";
import type { Log } from "../log.ts";
import type { RuntimeContext } from "../runtime/options.ts";
import { toPlain, type Reply, type Request } from "./messages.ts";
import { OPERATIONS, type Outlet } from "./operations.ts";
import { Operation, waitInOperations } from "./waiter.ts";
import type { SentEvent } from "./work/event_types.ts";
import { Room } from "./work/events.ts";

type AnyOperation = (context: RuntimeContext, outlet: Outlet, ...values: readonly unknown[]) => unknown;

const running = new Map<number, { readonly operation: Operation; readonly room: Room }>();

function reply(message: Reply): void {
  parentPort?.postMessage(message);
}

let events: { readonly id: number; readonly event: SentEvent }[] = [];

/** Sends an event, together with all others of this turn. */
function emit(id: number, event: SentEvent): void {
  if (events.push({ id, event }) > 1) return;
  queueMicrotask(() => {
    const all = events;
    events = [];
    reply({ events: all });
  });
}

async function perform(request: Extract<Request, { name: unknown }>): Promise<void> {
  const { id, name, values } = request;
  const log: Log = {
    debug: (text) => reply({ id, log: "debug", text }),
    warn: (text) => reply({ id, log: "warn", text }),
  };
  const operation = new Operation(name === "wait" || name === "events");
  const room = new Room();
  running.set(id, { operation, room });
  try {
    // The caller's side of the table has checked the types of the values.
    const work = OPERATIONS[name] as AnyOperation;
    const outlet: Outlet = { room, emit: (event) => emit(id, event), giveUp: () => operation.abort() };
    const result = await operation.run(async () => work({ ...request.context, log }, outlet, ...values));
    reply({ id, result });
  } catch (error) {
    reply({ id, error: toPlain(error) });
  } finally {
    running.delete(id);
  }
}

waitInOperations();
parentPort?.on("message", (request: Request) => {
  if ("abort" in request) running.get(request.id)?.operation.abort();
  else if ("taken" in request) for (const { id, type } of request.taken) running.get(id)?.room.taken(type);
  else void perform(request);
});
