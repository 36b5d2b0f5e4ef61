import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { RuntimeError } from "../errors.ts";
import { type Log, silentLog } from "../log.ts";
import type { ContainerEvent } from "../runtime/operations/events.ts";
import type { CreateOptions, ExecOptions, ProcessChanges, RuntimeContext, StateReport } from "../runtime/options.ts";
import type { CgroupStats } from "../runtime/operations/stats.ts";
import type { End } from "../runtime/operations/wait.ts";
import type { LinuxResources } from "../spec/types.ts";
import { SIGKILL } from "../kernel/numbers.ts";
import { eventsOf } from "./events.ts";
import { ContainerProcess, discard, reap, type Signal, signalNumber } from "./process.ts";
import { openStdio, resize, settle, type StdioOptions, type Streams, type TerminalSize } from "./stdio.ts";
import { aborted, type CallOptions, thread, type Thread } from "./threads.ts";
import type { Arguments, OperationName, Result } from "./operations.ts";

/** Where containers are kept, and who is told what. */
export interface RuntimeOptions {
  /** Directory with one directory a container. Default `/run/runt`. */
  readonly root?: string;
  /** Gets warnings and details. Default: nobody. */
  readonly log?: Log;
  /** cgroups through systemd. Default false. */
  readonly systemdCgroup?: boolean;
  /** Whether to behave as for a user without privileges. Default "auto": by the effective uid. */
  readonly rootless?: boolean | "auto";
}

/** What a container is made of. */
export interface ContainerOptions
  extends RuntimeOptions,
    StdioOptions,
    Omit<CreateOptions, "id" | "bundle" | "consoleSocket" | "preserveFds" | "stdio" | "consoleFd"> {
  /** Default: a new one, `runt-` and a UUID. */
  readonly id?: string;
  /** Directory with config.json and the root file system. */
  readonly bundle: string;
  /** While the container is made: it is taken back. Later, until its end: its processes are killed. */
  readonly signal?: AbortSignal;
}

/** What a process of {@link Container.exec} is made of. */
export interface ExecProcessOptions
  extends StdioOptions,
    Omit<ProcessChanges, "terminal" | "consoleSize">,
    Pick<ExecOptions, "cgroups" | "ignorePaused" | "pidFile"> {
  /** While the process is made: it is taken back. Later, until its end: it is killed. */
  readonly signal?: AbortSignal;
}

/** Gives up an operation. */
export interface Abortable {
  readonly signal?: AbortSignal;
}

const NO_STREAMS: Streams = { stdin: undefined, stdout: undefined, stderr: undefined, master: undefined };

/**
 * A container. What it can do is what the command line can, by the same code, in threads of the library's own: no
 * method blocks the caller's event loop, and any number of containers can be worked on at once.
 *
 * Methods fail with a {@link RuntimeError}: a `code` of a closed list, and facts.
 *
 * ```ts
 * await using box = await Container.run({ bundle: "/srv/box" });
 * box.stdout?.pipe(process.stdout);
 * const { exitCode } = await box.wait();
 * ```
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#operations
 */
export class Container implements AsyncDisposable {
  readonly id: string;
  /** Of the container's first process; `undefined` for an {@link Container.open opened} one: see {@link state}. */
  readonly pid: number | undefined;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly #context: RuntimeContext;
  readonly #thread: Thread;
  readonly #streams: Streams;
  #end: Promise<End> | undefined;

  private constructor(id: string, context: RuntimeContext, on: Thread, pid?: number, streams = NO_STREAMS) {
    this.id = id;
    this.pid = pid;
    this.#context = context;
    this.#thread = on;
    this.#streams = streams;
    ({ stdin: this.stdin, stdout: this.stdout, stderr: this.stderr } = streams);
  }

  /**
   * Makes a container; its program waits for {@link start}.
   * @throws CONFIG_INVALID, NOT_SUPPORTED, CONTAINER_EXISTS, INVALID_ID, ABORTED, USAGE, and whatever setting up can give;
   *   nothing is left behind
   */
  static create(options: ContainerOptions): Promise<Container> {
    return Container.#make("create", options);
  }

  /** Makes a container, and starts it. @throws as {@link create} and {@link start} */
  static run(options: ContainerOptions): Promise<Container> {
    return Container.#make("run", options);
  }

  /** A container that somebody has made before. @throws CONTAINER_NOT_FOUND, INVALID_ID */
  static async open(id: string, options: RuntimeOptions = {}): Promise<Container> {
    const container = new Container(id, contextOf(options), thread());
    await container.state();
    return container;
  }

  /** All containers, sorted by id. */
  static list(options: RuntimeOptions = {}): Promise<readonly StateReport[]> {
    return thread().call("list", contextOf(options), []);
  }

  static async #make(name: "create" | "run", options: ContainerOptions): Promise<Container> {
    const { root: _root, log: _log, systemdCgroup: _systemd, rootless: _rootless, ...rest } = options;
    const { stdio, terminal, signal, ...create } = rest;
    const context = contextOf(options);
    const id = options.id ?? `runt-${randomUUID()}`;
    if (signal?.aborted === true) throw aborted(signal);
    // Of a program in JavaScript, which no types have checked.
    if (typeof options.bundle !== "string") {
      throw new RuntimeError("USAGE", `${name}: bundle: the path of a directory with config.json is needed`);
    }
    const open = openStdio(stdioOf(stdio, terminal));
    const on = thread();
    let pid: number | undefined;
    let container: Container;
    try {
      const values = [{ ...create, ...open.options, id, bundle: resolve(options.bundle) }] as const;
      pid = await on.call(name, context, [...values], { signal });
      container = new Container(id, context, on, pid, open.given());
    } catch (error) {
      open.close();
      // It is there, but its streams cannot be had.
      if (pid !== undefined) await new Container(id, context, on, pid).#takeBack();
      throw error;
    }
    void container.#follow();
    if (signal !== undefined) await container.#endWith(signal);
    return container;
  }

  /** Runs the program of a container that was created. @throws WRONG_STATE, HOOK_FAILED, STEP_FAILED, INIT_DIED */
  start({ signal }: Abortable = {}): Promise<void> {
    return this.#call("start", [this.id], { signal });
  }

  /** @throws CONTAINER_NOT_FOUND where it has been deleted */
  state(): Promise<StateReport> {
    return this.#call("state", [this.id]);
  }

  /**
   * Sends a signal to the container's first process; SIGKILL to every process where it has no pid namespace of its own.
   * @param options `all`: to all of its processes, and a container that has stopped is no error
   * @throws CONTAINER_NOT_RUNNING, CONTAINER_NOT_FOUND, USAGE for an unknown signal
   */
  async kill(signal: Signal = "SIGTERM", { all = false }: { readonly all?: boolean } = {}): Promise<void> {
    await this.#call("kill", [this.id, signalNumber(signal), all]);
  }

  /**
   * Waits for the end of the container's first process. The program stays alive for it. Can be called at any time and any
   * number of times for a container of this object's making; for an {@link Container.open opened} one before its end.
   * @param options `signal` ends the waiting alone
   * @throws ABORTED; CONTAINER_NOT_RUNNING, HOST_UNABLE for an opened one, as `runt wait`
   */
  async wait({ signal }: Abortable = {}): Promise<End> {
    if (signal?.aborted === true) throw aborted(signal);
    this.#thread.keep(1);
    let abort: (() => void) | undefined;
    try {
      const end = this.#follow();
      if (signal === undefined) return await end;
      const given = new Promise<never>((_, reject) => {
        abort = () => reject(aborted(signal));
        signal.addEventListener("abort", abort, { once: true });
      });
      return await Promise.race([end, given]);
    } finally {
      if (abort !== undefined) signal?.removeEventListener("abort", abort);
      this.#thread.keep(-1);
    }
  }

  /**
   * Runs one more process in the container.
   * @throws WRONG_STATE for one that has stopped or is paused, STEP_FAILED, INIT_DIED, CONFIG_INVALID, ABORTED
   */
  async exec(options: ExecProcessOptions | readonly string[]): Promise<ContainerProcess> {
    const all = isArguments(options) ? { args: options } : options;
    // Of a program in JavaScript, which no types have checked.
    if (!Array.isArray(all?.args)) throw new RuntimeError("USAGE", "exec: args: the program and its arguments are needed");
    const { stdio, terminal, signal, cgroups, ignorePaused, pidFile, ...changes } = all;
    if (signal?.aborted === true) throw aborted(signal);
    const open = openStdio(stdioOf(stdio, terminal));
    let pid: number | undefined;
    let child: ContainerProcess;
    try {
      const wanted: ExecOptions = {
        id: this.id,
        process: { ...changes, ...terminalOf(terminal) },
        ...open.options,
        ...(cgroups === undefined ? {} : { cgroups }),
        ...(ignorePaused === undefined ? {} : { ignorePaused }),
        ...(pidFile === undefined ? {} : { pidFile }),
      };
      pid = await this.#call("exec", [wanted], { signal });
      child = new ContainerProcess(pid, open.given());
    } catch (error) {
      open.close();
      // It runs, but cannot be followed.
      if (pid !== undefined) await discard(pid);
      throw error;
    }
    if (signal !== undefined) await endProcessWith(signal, child);
    return child;
  }

  /** Stops every process where it is. @throws CONTAINER_NOT_RUNNING, HOST_UNABLE, CGROUP */
  async pause(): Promise<void> {
    await this.#call("pause", [this.id]);
  }

  /** Lets the processes go on. @throws WRONG_STATE, CGROUP */
  async resume(): Promise<void> {
    await this.#call("resume", [this.id]);
  }

  /**
   * Changes limits; what is not named stays.
   * @throws CONTAINER_NOT_RUNNING, CONFIG_INVALID, HOST_UNABLE, CGROUP
   * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#control-groups
   */
  update(resources: LinuxResources): Promise<void> {
    return this.#call("update", [this.id, resources]);
  }

  /** What it uses now. @throws CONTAINER_NOT_RUNNING, CGROUP */
  stats(): Promise<CgroupStats> {
    return this.#call("stats", [this.id]);
  }

  /**
   * Statistics every `interval` milliseconds, and word of each time that the kernel had to kill for want of memory, until
   * the container is deleted, the loop is left or `signal` comes.
   * @param options `interval`: milliseconds, more than 0. Default 5000
   * @throws CONTAINER_NOT_RUNNING, HOST_UNABLE without a memory controller, CGROUP, USAGE
   */
  events(options: Abortable & { readonly interval?: number } = {}): AsyncGenerator<ContainerEvent, void> {
    const { interval = 5000, signal } = options;
    if (!(interval > 0)) throw new RuntimeError("USAGE", `events: interval ${interval}: it must be greater than 0`);
    return eventsOf((call) => this.#call("events", [this.id, interval], call), signal);
  }

  /** Pids of all its processes, as this program's pid namespace knows them. @throws CONTAINER_NOT_FOUND */
  processes(): Promise<readonly number[]> {
    return this.#call("processes", [this.id]);
  }

  /** Gives its terminal another size. @throws USAGE where there is none, SYSCALL */
  resize(size: TerminalSize): void {
    resize(this.#streams.master, size);
  }

  /**
   * Deletes a container that has stopped or was only created; the poststop hooks run.
   * @param options `force`: kill it if it runs; be content if there is none
   * @throws WRONG_STATE, CONTAINER_NOT_FOUND, CGROUP
   */
  async delete({ force = false }: { readonly force?: boolean } = {}): Promise<void> {
    await this.#call("remove", [this.id, force]);
    settle(this.#streams);
  }

  /** Deletes it in any state. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.delete({ force: true });
  }

  #call<Name extends OperationName>(name: Name, values: Arguments<Name>, options?: CallOptions): Promise<Result<Name>> {
    return this.#thread.call(name, this.#context, values, options);
  }

  /** Waits in the background: whoever made the container is the parent of its first process, and has to reap it. */
  #follow(): Promise<End> {
    if (this.#end !== undefined) return this.#end;
    const { pid } = this;
    this.#end = this.#call("wait", [this.id], { keep: false }).then((end) => {
      if (pid !== undefined) reap(pid);
      settle(this.#streams);
      return end;
    });
    // Told to those who call wait().
    this.#end.catch(() => undefined);
    return this.#end;
  }

  /** Nobody gets it. */
  async #takeBack(): Promise<void> {
    const end = this.#follow();
    await this.delete({ force: true });
    await end.catch(() => undefined);
  }

  /** From now on `signal` kills the container. */
  async #endWith(signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      await this.#takeBack();
      throw aborted(signal);
    }
    whileAlive(signal, this.#follow(), () => {
      this.kill(SIGKILL, { all: true }).catch((error: unknown) => {
        this.#context.log.warn(`abort: ${error instanceof Error ? error.message : String(error)}`);
      });
    });
  }
}

function stdioOf(stdio: StdioOptions["stdio"], terminal: StdioOptions["terminal"]): StdioOptions {
  return { ...(stdio === undefined ? {} : { stdio }), ...(terminal === undefined ? {} : { terminal }) };
}

function isArguments(options: ExecProcessOptions | readonly string[]): options is readonly string[] {
  return Array.isArray(options);
}

/** With its size from the beginning: a program may ask for it at once. */
function terminalOf(terminal: StdioOptions["terminal"] = false): Pick<ProcessChanges, "terminal" | "consoleSize"> {
  if (terminal === false) return {};
  if (terminal === true) return { terminal };
  return { terminal: true, consoleSize: { height: terminal.rows, width: terminal.columns } };
}

/** From now on `signal` kills the process. @throws ABORTED where it has come already, with nothing left to take back */
async function endProcessWith(signal: AbortSignal, child: ContainerProcess): Promise<void> {
  if (signal.aborted) {
    child.kill("SIGKILL");
    await child.wait();
    throw aborted(signal);
  }
  whileAlive(signal, child.wait(), () => void child.kill("SIGKILL"));
}

/** Calls `act` when `signal` comes before `end`. */
function whileAlive(signal: AbortSignal, end: Promise<unknown>, act: () => void): void {
  signal.addEventListener("abort", act, { once: true });
  const forget = (): void => signal.removeEventListener("abort", act);
  end.then(forget, forget);
}

function contextOf(options: RuntimeOptions): RuntimeContext {
  const { root = "/run/runt", log = silentLog, systemdCgroup = false, rootless = "auto" } = options;
  return { root: resolve(root), log, systemdCgroup, rootless };
}
