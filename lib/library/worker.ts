/** One of the library's threads: does operations, many at a time, since each only waits for most of its time. */
import { parentPort } from "node:worker_threads";
import type { Log } from "../log.ts";
import type { RuntimeContext } from "../runtime/options.ts";
import { toPlain, type Reply, type Request } from "./messages.ts";
import { OPERATIONS, type Emit } from "./operations.ts";
import { Operation, waitInOperations } from "./waiter.ts";

type AnyOperation = (context: RuntimeContext, emit: Emit, ...values: readonly unknown[]) => unknown;

const running = new Map<number, Operation>();

function reply(message: Reply): void {
  parentPort?.postMessage(message);
}

async function perform(request: Extract<Request, { name: unknown }>): Promise<void> {
  const { id, name, values } = request;
  const log: Log = {
    debug: (text) => reply({ id, log: "debug", text }),
    warn: (text) => reply({ id, log: "warn", text }),
  };
  const operation = new Operation(name === "wait" || name === "events");
  running.set(id, operation);
  try {
    // The caller's side of the table has checked the types of the values.
    const work = OPERATIONS[name] as AnyOperation;
    const emit: Emit = (event) => reply({ id, event });
    const result = await operation.run(async () => work({ ...request.context, log }, emit, ...values));
    reply({ id, result });
  } catch (error) {
    reply({ id, error: toPlain(error) });
  } finally {
    running.delete(id);
  }
}

waitInOperations();
parentPort?.on("message", (request: Request) => {
  if ("abort" in request) running.get(request.id)?.abort();
  else void perform(request);
});
