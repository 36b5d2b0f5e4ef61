// SPDX-License-Identifier: Apache-2.0
/**
 * The threads in which the library works, so that the caller's event loop never waits for the kernel.
 *
 * They are made when they are needed, belong to the thread that uses the library, and keep the program alive only while
 * a caller waits for them.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Log } from "../log.ts";
import type { SentEvent, WorkEvent } from "./work/event_types.ts";
import type { RuntimeContext } from "../runtime/options.ts";
import { aborted, onAbort } from "./aborting.ts";
import { fromPlain, type PlainError, type Reply, type Request } from "./messages.ts";
import type { Arguments, OperationName, Result } from "./operations.ts";

/** More threads do not help: most of the time goes into waiting for the kernel's locks. */
const MOST = Math.max(1, Math.min(4, availableParallelism()));
/** Environment variables that concern this process, and not the processes of containers. */
const OWN_VARIABLES = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "RUNT_INHERITED_FDS"];

/** The options of a call of an operation. */
export interface CallOptions {
  /** Aborts the operation; everything that it has made is removed. */
  readonly signal?: AbortSignal | undefined;
  /** Gets events while the operation works; it has to call `taken` when it has handled the event. */
  readonly event?: (event: SentEvent, taken: () => void) => void;
  /** Whether the program stays alive for it. Default true. */
  readonly keep?: boolean;
}

interface Pending {
  readonly log: Log;
  readonly event: CallOptions["event"];
  resolve(result: unknown): void;
  reject(error: PlainError): void;
}

let lastId = 0;

/** One thread. Operations on one container go to one thread, where they begin in the order in which they were called. */
export class Thread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #takenNow: { readonly id: number; readonly type: WorkEvent["type"] }[] = [];
  #kept = 0;
  #load = 0;

  constructor() {
    const env = { ...process.env };
    for (const name of OWN_VARIABLES) delete env[name];
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    // The program's Node.js options are not for the threads: with `--input-type` of `node -e` a worker would not start, and
    // modules that the program imports first do not belong in them.
    const options = extension === "js" ? { env, execArgv: [] } : { env };
    this.#worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), options);
    this.#worker.unref();
    this.#worker.on("message", (message: Reply) => this.#take(message));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(undefined));
  }

  /** The number of operations it works on; those that do nothing but wait for a container do not count. */
  get load(): number {
    return this.#load;
  }

  /** Keeps the program alive, or no longer. */
  keep(change: 1 | -1): void {
    this.#kept += change;
    if (this.#kept === 0) this.#worker.unref();
    else if (this.#kept === 1 && change === 1) this.#worker.ref();
  }

  /** @throws the errors of the operation; ABORTED */
  async call<Name extends OperationName>(
    name: Name,
    { log, ...context }: RuntimeContext,
    values: Arguments<Name>,
    { signal, event, keep = true }: CallOptions = {},
  ): Promise<Result<Name>> {
    if (signal?.aborted === true) throw aborted(signal);
    const id = ++lastId;
    const forget = signal === undefined ? undefined : onAbort(signal, () => this.#send({ id, abort: true }));
    const weight = name === "wait" || name === "events" ? 0 : 1;
    this.#load += weight;
    if (keep) this.keep(1);
    try {
      const result = await new Promise((resolve, reject) => {
        this.#pending.set(id, { log, event, resolve, reject });
        try {
          this.#send({ id, name, context, values });
        } catch (error) {
          this.#pending.delete(id);
          // A function, for one.
          const text = `${name}: an option cannot be handed to another thread: ${error instanceof Error ? error.message : ""}`;
          reject({ code: "USAGE", message: text, facts: {} });
        }
      });
      return result as Result<Name>;
    } catch (error) {
      const plain = error as PlainError;
      // The error is made here, so that its stack shows the caller.
      throw plain.code === "ABORTED" && signal !== undefined ? aborted(signal) : fromPlain(plain);
    } finally {
      forget?.();
      if (keep) this.keep(-1);
      this.#load -= weight;
    }
  }

  #send(request: Request): void {
    this.#worker.postMessage(request);
  }

  #take(message: Reply): void {
    if ("events" in message) {
      for (const { id, event } of message.events) this.#pending.get(id)?.event?.(event, () => this.#taken(id, event.type));
      return;
    }
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if ("log" in message) return pending.log[message.log](message.text);
    this.#pending.delete(message.id);
    if ("error" in message) pending.reject(message.error);
    else pending.resolve(message.result);
  }

  /** Tells the thread that an event was taken; all those of one turn together. */
  #taken(id: number, type: WorkEvent["type"]): void {
    if (this.#takenNow.push({ id, type }) > 1) return;
    setImmediate(() => {
      const taken = this.#takenNow.filter((each) => this.#pending.has(each.id));
      this.#takenNow = [];
      if (taken.length > 0) this.#send({ taken });
    });
  }

  #fail(cause: unknown): void {
    if (watching === this) watching = undefined;
    const at = threads.indexOf(this);
    if (at >= 0) threads.splice(at, 1);
    const why = cause instanceof Error ? cause.message : "it has ended";
    for (const { reject } of this.#pending.values()) {
      reject({ code: "INTERNAL", message: `a thread of the library was lost: ${why}`, facts: {} });
    }
    this.#pending.clear();
  }
}

const threads: Thread[] = [];
let watching: Thread | undefined;

/** The thread that has least to do. */
export function thread(): Thread {
  let best: Thread | undefined;
  for (const each of threads) if (best === undefined || each.load < best.load) best = each;
  if (best !== undefined && (best.load === 0 || threads.length >= MOST)) return best;
  const made = new Thread();
  threads.push(made);
  return made;
}

/** The thread for endless operations: statistics do not delay other operations there. */
export function watchingThread(): Thread {
  return (watching ??= new Thread());
}
