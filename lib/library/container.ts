// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";
import { RuntimeError } from "../errors.ts";
import { SIGKILL } from "../kernel/numbers.ts";
import type { HostProblem } from "../runtime/check/check.ts";
import type { PlanLine } from "../plan/runtime_steps.ts";
import type { DeviceRequest } from "../runtime/live/devices.ts";
import type { LiveMountReport } from "../runtime/live/mounts.ts";
import type { CgroupStats } from "../runtime/operations/stats.ts";
import type { RuntimeContext, StateReport } from "../runtime/options.ts";
import type { LiveDevice } from "../runtime/record.ts";
import type { LinuxResources, Mount } from "../spec/types.ts";
import { aborted, onAbort, whileAlive } from "./aborting.ts";
import { environmentOf } from "./box/environment.ts";
import { eventsOf, type BoxEvent } from "./events.ts";
import { contextOf, isBuffered, judged, makingOf, type Making } from "./making.ts";
import type { Arguments, ExecRequest, OperationName, Result } from "./operations.ts";
import { expect } from "./options/kinds.ts";
import { resourcesOf } from "./options/resources.ts";
import { args as argsKind, SHAPES } from "./options/shapes.ts";
import type {
  Abortable,
  BufferedOptions,
  CheckpointChoices,
  ContainerOptions,
  DeleteOptions,
  EventsOptions,
  ExecBufferOptions,
  ExecProcessOptions,
  KillOptions,
  ProcessOptions,
  RestoreChoices,
  RuntimeOptions,
  SpawnOptions,
  StartOptions,
  Streaming,
} from "./options/types.ts";
import { type ContainerEnd, ContainerProcess, discard, Killers, reap, type Signal, signalNumber } from "./process.ts";
import { type BufferOptions, type ExecResult, gather } from "./result.ts";
import {
  openStdio,
  resize,
  settle,
  type StdioChoice,
  type StdioOptions,
  type Streams,
  type StreamsOf,
  type StreamTypes,
  type TerminalChoice,
  type TerminalSize,
} from "./stdio.ts";
import { argumentsOf, type TemplateValue } from "./template.ts";
import { type CallOptions, thread, Thread, watchingThread } from "./threads.ts";
import type { Tree } from "./work/trees.ts";

const NO_STREAMS: Streams = { stdin: undefined, stdout: undefined, stderr: undefined, master: undefined };

/** The origin of a container object: made by this program, or opened. */
interface Origin {
  /** The child of this program that has to be reaped: the keeper, or the first process. */
  readonly child?: number | undefined;
  readonly pid: number | undefined;
  readonly streams: Streams;
}

/** Commands as template literals; called with options it gives one that has them. */
export interface Command {
  (template: TemplateStringsArray, ...values: readonly TemplateValue[]): Promise<ExecResult>;
  (options: ExecBufferOptions): Command;
}

/**
 * A container. It has the operations of the command line. The same code runs them, in the library's own threads: no
 * method blocks the caller's event loop, and the program can work on any number of containers at once.
 *
 * Methods fail with a {@link RuntimeError}: a `code` of a closed list, and facts.
 *
 * ```ts
 * await using box = await Container.run({ rootfs: "/srv/rootfs", args: ["sleep", "1000"] });
 * const { stdout } = await box.exec(["ls", "/"]);
 * ```
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#operations
 */
export class Container<Types extends StreamTypes = StreamTypes> implements AsyncDisposable {
  readonly id: string;
  /** The pid of the container's first process when this object was made; `undefined` where it had stopped. */
  readonly pid: number | undefined;
  readonly stdin: Types["stdin"];
  readonly stdout: Types["stdout"];
  readonly stderr: Types["stderr"];
  readonly #context: RuntimeContext;
  readonly #thread: Thread;
  readonly #streams: Streams;
  readonly #child: number | undefined;
  readonly #killers = new Killers();
  #end: Promise<ContainerEnd> | undefined;

  private constructor(id: string, context: RuntimeContext, on: Thread, origin: Origin) {
    // A caller without types.
    if (!(on instanceof Thread))
      throw new RuntimeError("USAGE", "new Container(): write await Container.run(options), create(options) or open(id)");
    const { child, pid, streams } = origin;
    this.id = id;
    this.pid = pid;
    this.#context = context;
    this.#thread = on;
    this.#streams = streams;
    this.#child = child;
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
  }

  /**
   * Makes a container; its program waits for {@link Container.start}.
   * @throws CONFIG_INVALID, NOT_SUPPORTED, CONTAINER_EXISTS, INVALID_ID, ABORTED, USAGE, and the errors of the setup;
   *   nothing is left behind
   */
  static create<const Choice extends StdioChoice = "pipe", const Terminal extends TerminalChoice = false>(
    options: Streaming<Choice, Terminal>,
  ): Promise<Container<StreamsOf<Choice, Terminal>>>;
  static async create(options: ContainerOptions): Promise<Container> {
    return Container.#make("create", makingOf("create", options));
  }

  /**
   * Makes a container, runs it to its end, and deletes it. @throws as {@link Container.create} and {@link Container.start};
   * {@link ExecError}
   */
  static run(options: BufferedOptions): Promise<ExecResult>;
  /** Makes a container, and starts it. @throws as {@link Container.create} and {@link Container.start} */
  static run<const Choice extends StdioChoice = "pipe", const Terminal extends TerminalChoice = false>(
    options: Streaming<Choice, Terminal>,
  ): Promise<Container<StreamsOf<Choice, Terminal>>>;
  static async run(options: ContainerOptions | BufferedOptions): Promise<Container | ExecResult> {
    const making = makingOf("run", options);
    return isBuffered(options) ? Container.#toItsEnd(making, options) : Container.#make("run", making);
  }

  /** Opens a container that exists already. @throws CONTAINER_NOT_FOUND, INVALID_ID */
  static async open(id: string, options: RuntimeOptions = {}): Promise<Container> {
    if (typeof id !== "string") throw new RuntimeError("USAGE", "open: the id of a container is needed");
    const context = contextOf(judged("open", options, SHAPES.runtime));
    const on = thread();
    return Container.#found(await on.call("state", context, [id]), context, on);
  }

  /** All containers, sorted by id. */
  static async list(options: RuntimeOptions = {}): Promise<readonly Container[]> {
    const context = contextOf(judged("list", options, SHAPES.runtime));
    const reports = await thread().call("list", context, []);
    return reports.map((report) => Container.#found(report, context, thread()));
  }

  /** The states of all containers, as `state` reports them, from one call, sorted by id. */
  static async states(options: RuntimeOptions = {}): Promise<readonly StateReport[]> {
    return thread().call("list", contextOf(judged("states", options, SHAPES.runtime)), []);
  }

  /** Every problem that `create` would have with a container, and more; nothing is made. */
  static async check(options: ContainerOptions): Promise<readonly HostProblem[]> {
    const { context, bundle } = makingOf("check", options);
    return thread().call("check", context, [bundle]);
  }

  /** The steps that `create` and `start` would take, in order. @throws CONFIG_INVALID */
  static async plan(options: ContainerOptions): Promise<readonly PlanLine[]> {
    const { context, bundle } = makingOf("plan", options);
    return thread().call("plan", context, [bundle]);
  }

  /**
   * Brings a container back that {@link Container.checkpoint} has saved. @throws CONTAINER_EXISTS, CONFIG_INVALID, HOST_UNABLE
   */
  static async restore(options: RestoreChoices): Promise<Container> {
    const {
      root: _root,
      log: _log,
      systemdCgroup: _systemd,
      rootless: _rootless,
      ...rest
    } = judged("restore", options, SHAPES.restore);
    const context = contextOf(options);
    const on = thread();
    const paths = {
      bundle: resolve(rest.bundle),
      imagePath: resolve(rest.imagePath),
      ...(rest.workPath === undefined ? {} : { workPath: resolve(rest.workPath) }),
    };
    await on.call("restore", context, [{ ...rest, ...paths }]);
    const container = Container.#found(await on.call("state", context, [rest.id]), context, on, true);
    void container.#follow();
    return container;
  }

  static #found({ id, pid }: StateReport, context: RuntimeContext, on: Thread, isOwn = false): Container {
    const first = pid === 0 ? undefined : pid;
    return new Container(id, context, on, { pid: first, streams: NO_STREAMS, child: isOwn ? first : undefined });
  }

  static async #make(name: "create" | "run", making: Making): Promise<Container> {
    const { context, id, signal, timeout } = making;
    if (signal?.aborted === true) throw aborted(signal);
    const open = openStdio(making.stdio);
    const on = thread();
    let made: Pick<Origin, "pid" | "child"> | undefined;
    let container: Container;
    try {
      const { pid, keeperPid } = await on.call(name, context, [{ ...making.create, ...open.options, id }], { signal });
      made = { pid, child: keeperPid ?? pid };
      container = new Container(id, context, on, { ...made, streams: open.given() });
    } catch (error) {
      open.close();
      // It is there, but its streams cannot be had.
      if (made !== undefined) await new Container(id, context, on, { ...made, streams: NO_STREAMS }).#takeBack();
      throw error;
    }
    void container.#follow();
    if (timeout !== undefined) container.#endAfter(timeout);
    if (signal !== undefined) await container.#endWith(signal);
    return container;
  }

  static async #toItsEnd(making: Making, options: BufferOptions): Promise<ExecResult> {
    const container = await Container.#make("run", making);
    try {
      return await gather("run", { ...container.#ends(), end: () => container.#kill("kill") }, options, making.signal);
    } finally {
      await container.delete({ force: true });
    }
  }

  #ends(): Pick<Container, "stdin" | "stdout" | "stderr"> & { readonly wait: () => Promise<ContainerEnd> } {
    const { stdin, stdout, stderr } = this;
    return { stdin, stdout, stderr, wait: () => this.wait() };
  }

  /** Runs the program of a container that was created. @throws WRONG_STATE, HOOK_FAILED, STEP_FAILED, INIT_DIED */
  async start(options: StartOptions = {}): Promise<void> {
    const { signal } = judged("start", options, SHAPES.start);
    await this.#call("start", [this.id], { signal });
  }

  /** @throws CONTAINER_NOT_FOUND where it has been deleted */
  state(): Promise<StateReport> {
    return this.#call("state", [this.id]);
  }

  /**
   * Sends a signal to the container's first process; SIGKILL to every process where it has no pid namespace of its own.
   * @throws CONTAINER_NOT_RUNNING, CONTAINER_NOT_FOUND, USAGE for an unknown signal
   */
  async kill(signal: Signal = "SIGTERM", options: KillOptions = {}): Promise<void> {
    const number = signalNumber(signal);
    const { all = false } = judged("kill", options, SHAPES.kill);
    this.#killers.sends(number, "kill");
    await this.#call("kill", [this.id, number, all]);
  }

  /**
   * Waits for the end of the container's first process. The program stays alive for it. Can be called at any time and any
   * number of times for a container of this object's making; for an {@link Container.open opened} one before its end.
   * @param options `signal` ends the waiting alone
   * @throws ABORTED; CONTAINER_NOT_RUNNING, HOST_UNABLE for an opened one, as `runt wait`
   */
  async wait(options: Abortable = {}): Promise<ContainerEnd> {
    const { signal } = judged("wait", options, SHAPES.start);
    if (signal?.aborted === true) throw aborted(signal);
    this.#thread.keep(1);
    let forget: (() => void) | undefined;
    try {
      const end = this.#follow();
      if (signal === undefined) return await end;
      const given = new Promise<never>((_, reject) => {
        forget = onAbort(signal, () => reject(aborted(signal)));
      });
      return await Promise.race([end, given]);
    } finally {
      forget?.();
      this.#thread.keep(-1);
    }
  }

  /**
   * Runs one more process in the container to its end, and returns its output. The call waits for the end of each output;
   * processes that it has started may hold them open.
   * @throws WRONG_STATE for a container that has stopped or is paused, STEP_FAILED, INIT_DIED, CONFIG_INVALID; {@link ExecError}
   */
  exec(args: readonly string[], options?: ExecBufferOptions): Promise<ExecResult>;
  /** @deprecated As {@link Container.spawn}, with the arguments among the options. */
  exec<const Choice extends StdioChoice = "pipe", const Terminal extends TerminalChoice = false>(
    options: ExecProcessOptions & StdioOptions<Choice, Terminal>,
  ): Promise<ContainerProcess<StreamsOf<Choice, Terminal>>>;
  async exec(
    given: readonly string[] | ExecProcessOptions,
    options: ExecBufferOptions = {},
  ): Promise<ExecResult | ContainerProcess> {
    if (!isArguments(given)) {
      const { args, ...rest } = judged("exec", given, SHAPES.spawnWithArgs);
      expect("exec", args, argsKind, "args");
      return this.#spawn(args, rest);
    }
    expect("exec", given, argsKind, "args");
    const { input, maxBuffer, reject, ...rest } = judged("exec", options, SHAPES.exec);
    const stdio = rest.stdio ?? ([input === undefined ? "ignore" : "pipe", "pipe", "pipe"] as const);
    return this.#gather(
      given,
      { ...rest, stdio },
      {
        ...(input === undefined ? {} : { input }),
        ...(maxBuffer === undefined ? {} : { maxBuffer }),
        ...(reject === undefined ? {} : { reject }),
      },
    );
  }

  /**
   * Starts one more process in the container, and gives its streams.
   * @throws WRONG_STATE for a container that has stopped or is paused, STEP_FAILED, INIT_DIED, CONFIG_INVALID, ABORTED
   */
  spawn<const Choice extends StdioChoice = "pipe", const Terminal extends TerminalChoice = false>(
    args: readonly string[],
    options?: SpawnOptions & StdioOptions<Choice, Terminal>,
  ): Promise<ContainerProcess<StreamsOf<Choice, Terminal>>>;
  async spawn(args: readonly string[], options: SpawnOptions = {}): Promise<ContainerProcess> {
    expect("spawn", args, argsKind, "args");
    return this.#spawn(args, judged("spawn", options, SHAPES.spawn));
  }

  /**
   * Runs a command as {@link Container.exec} does: `` await box.$`ls ${directory}` ``. No shell reads it, and a value is one
   * argument. A
   * command that fails is an {@link ExecError}.
   */
  get $(): Command {
    return this.#command({ reject: true });
  }

  #command(options: ExecBufferOptions): Command {
    const call = (first: TemplateStringsArray | ExecBufferOptions, ...values: readonly TemplateValue[]): unknown =>
      isTemplate(first)
        ? Promise.resolve().then(() => this.exec(argumentsOf(first, values), options))
        : this.#command({ ...options, ...judged("$", first, SHAPES.command) });
    return call as Command;
  }

  async #gather(args: readonly string[], options: ProcessOptions, buffer: BufferOptions): Promise<ExecResult> {
    const executed = { oomKills: 0 };
    const child = await this.#spawn(args, options, executed);
    const wait = async (): Promise<Awaited<ReturnType<typeof child.wait>> & { readonly oomKilled: boolean }> => {
      const end = await child.wait();
      const isKilled = end.signal === SIGKILL && end.killedBy === undefined;
      const kills = isKilled ? await this.#call("oomKills", [this.id]).catch(() => 0) : 0;
      return kills > executed.oomKills ? { ...end, oomKilled: true, killedBy: "oom" } : { ...end, oomKilled: false };
    };
    const { stdin, stdout, stderr } = child;
    const end = (): void => void child.killTree(SIGKILL, "kill").catch(this.#warn);
    return gather(`exec ${args[0] ?? ""}`, { stdin, stdout, stderr, wait, end }, buffer, options.signal);
  }

  async #spawn(args: readonly string[], options: ProcessOptions, executed = { oomKills: 0 }): Promise<ContainerProcess> {
    const { stdio = "pipe", terminal = false, signal, timeout, user, env, ...changes } = options;
    if (signal?.aborted === true) throw aborted(signal);
    const { cgroups, ignorePaused, pidFile, ...others } = changes;
    const ids = typeof user === "object" ? user : {};
    const request: ExecRequest = {
      id: this.id,
      process: { ...others, ...ids, args, ...(env === undefined ? {} : { env: environmentOf(env) }), ...terminalOf(terminal) },
      ...(typeof user === "string" || typeof user === "number" ? { user: String(user) } : {}),
      ...(cgroups === undefined ? {} : { cgroups }),
      ...(ignorePaused === undefined ? {} : { ignorePaused }),
      ...(pidFile === undefined ? {} : { pidFile: resolve(pidFile) }),
    };
    const open = openStdio({ stdio, terminal });
    let pid: number | undefined;
    let child: ContainerProcess;
    try {
      const made = await this.#call("exec", [{ ...request, ...open.options }], { signal });
      pid = made.pid;
      executed.oomKills = made.oomKills;
      child = new ContainerProcess(pid, open.given(), this.#treeOf(pid, made.tree));
    } catch (error) {
      open.close();
      // It runs, but cannot be followed.
      if (pid !== undefined) await discard(pid);
      throw error;
    }
    this.#endProcess(child, signal, timeout);
    if (signal === undefined || !isAborted(signal)) return child;
    await child.killTree(SIGKILL, "abort");
    await child.wait();
    throw aborted(signal);
  }

  #treeOf(pid: number, tree: Tree | undefined): { kill(signal: number): Promise<void>; ended(): void } {
    return {
      kill: (signal) => this.#call("killTree", [pid, tree, signal]),
      ended: () => {
        if (tree !== undefined) this.#call("dropTree", [tree], { keep: false }).catch(this.#warn);
      },
    };
  }

  /** Makes the abort signal, or the timeout, end a process from now on. */
  #endProcess(child: ContainerProcess, signal: AbortSignal | undefined, timeout: number | undefined): void {
    const end = child.wait();
    if (signal !== undefined) whileAlive(signal, end, () => void child.killTree(SIGKILL, "abort").catch(this.#warn));
    if (timeout === undefined) return;
    // The first process may have ended in time while its children go on: the call waits for the outputs all the same.
    const closed = Promise.allSettled([end, closing(child.stdout), closing(child.stderr)]);
    after(timeout, closed, () => void child.killTree(SIGKILL, "timeout").catch(this.#warn));
  }

  /** Freezes every process of the container. @throws CONTAINER_NOT_RUNNING, HOST_UNABLE, CGROUP */
  async pause(): Promise<void> {
    await this.#call("pause", [this.id]);
  }

  /** Lets the processes go on. @throws WRONG_STATE, CGROUP */
  async resume(): Promise<void> {
    await this.#call("resume", [this.id]);
  }

  /**
   * Changes limits; a limit that is not named stays.
   * @throws CONTAINER_NOT_RUNNING, CONFIG_INVALID, HOST_UNABLE, CGROUP; USAGE for a name that is no property
   * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#control-groups
   */
  async update(resources: LinuxResources): Promise<void> {
    await this.#call("update", [this.id, resourcesOf("update", resources)]);
  }

  /**
   * Adds mounts while it runs, in their order: all of them, or none. They are gone with the container, or by
   * {@link Container.removeMounts}.
   * @param mounts as `mounts` of config.json; a source is a path of the host
   * @throws CONTAINER_NOT_RUNNING, CONFIG_INVALID with pointers into the list, STEP_FAILED, WRONG_STATE without a mount namespace
   * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#mounts
   */
  async addMounts(mounts: readonly Mount[]): Promise<void> {
    await this.#call("addMounts", [this.id, judged("addMounts", mounts, SHAPES.mounts)]);
  }

  /** Removes added mounts, by path. @throws CONTAINER_NOT_RUNNING, CONFIG_INVALID where nothing was added, STEP_FAILED */
  async removeMounts(destinations: readonly string[]): Promise<void> {
    await this.#call("removeMounts", [this.id, judged("removeMounts", destinations, SHAPES.paths)]);
  }

  /** The mounts that {@link Container.addMounts} has added, in that order. */
  mounts(): Promise<readonly LiveMountReport[]> {
    return this.#call("listMounts", [this.id]);
  }

  /**
   * Adds devices while it runs, with their nodes and the rules of the cgroup: all of them, or none.
   * @throws CONTAINER_NOT_RUNNING, USAGE, WRONG_STATE for nodes without a mount namespace, SYSCALL, CGROUP, STEP_FAILED
   */
  async addDevices(devices: readonly DeviceRequest[]): Promise<void> {
    await this.#call("addDevices", [this.id, judged("addDevices", devices, SHAPES.devices)]);
  }

  /** Takes away devices by their paths in the container, or as `c:MAJOR:MINOR`. @throws CONTAINER_NOT_RUNNING, USAGE, CGROUP */
  async removeDevices(names: readonly string[]): Promise<void> {
    await this.#call("removeDevices", [this.id, judged("removeDevices", names, SHAPES.paths)]);
  }

  /** The devices that {@link Container.addDevices} has added. */
  devices(): Promise<readonly LiveDevice[]> {
    return this.#call("listDevices", [this.id]);
  }

  /** The container's present resource use. @throws CONTAINER_NOT_RUNNING, CGROUP */
  stats(): Promise<CgroupStats> {
    return this.#call("stats", [this.id]);
  }

  /**
   * Statistics every `interval` milliseconds, and word of each time that the kernel had to kill for want of memory, that
   * processes
   * had to wait for it, and of the end of the first process, until the container is deleted, the loop is left or `signal` comes.
   * Statistics that the program does not read in time are left out, and counted in the next one.
   * @throws CONTAINER_NOT_RUNNING, HOST_UNABLE without a memory controller, CGROUP, USAGE
   */
  events(options: EventsOptions = {}): AsyncGenerator<BoxEvent, void> {
    const { interval = 5000, signal } = judged("events", options, SHAPES.events);
    const call = (how: CallOptions): Promise<void> => watchingThread().call("events", this.#context, [this.id, interval], how);
    return eventsOf(this.id, call, this.#follow(), signal);
  }

  /** Pids of all its processes, as this program's pid namespace knows them. @throws CONTAINER_NOT_FOUND */
  processes(): Promise<readonly number[]> {
    return this.#call("processes", [this.id]);
  }

  /** Changes the size of its terminal. @throws USAGE where there is none, SYSCALL */
  resize(size: TerminalSize): void {
    resize(this.#streams.master, judged("resize", size, SHAPES.size));
  }

  /**
   * Saves its processes in a directory, by CRIU. Unless it is to go on, the container is deleted.
   * @throws WRONG_STATE unless it runs or is paused, HOST_UNABLE with CRIU's reason
   */
  async checkpoint(options: CheckpointChoices): Promise<void> {
    const { imagePath, workPath, ...rest } = judged("checkpoint", options, SHAPES.checkpoint);
    if (typeof imagePath !== "string")
      throw new RuntimeError("USAGE", "checkpoint: imagePath: a directory for the images is needed");
    const paths = { imagePath: resolve(imagePath), ...(workPath === undefined ? {} : { workPath: resolve(workPath) }) };
    await this.#call("checkpoint", [{ ...rest, ...paths, id: this.id }]);
    if (rest.leaveRunning !== true && rest.preDump !== true) settle(this.#streams);
  }

  /**
   * Deletes a container that has stopped or was only created; the poststop hooks run.
   * @throws WRONG_STATE, CONTAINER_NOT_FOUND, CGROUP
   */
  async delete(options: DeleteOptions = {}): Promise<void> {
    const { force = false } = judged("delete", options, SHAPES.delete);
    if (force) this.#killers.sends(SIGKILL, "delete");
    await this.#call("remove", [this.id, force]).catch((error: unknown) => {
      if (force || !(error instanceof RuntimeError) || !error.message.includes("that is not stopped")) throw error;
      throw new RuntimeError(error.code, `${error.message}: wait() for its end, or delete({ force: true })`, error.facts, error);
    });
    settle(this.#streams);
  }

  /** Deletes it in any state. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.delete({ force: true });
  }

  #call<Name extends OperationName>(name: Name, values: Arguments<Name>, options?: CallOptions): Promise<Result<Name>> {
    return this.#thread.call(name, this.#context, values, options);
  }

  /** Waits in the background: the program that made the container has to reap its child. */
  #follow(): Promise<ContainerEnd> {
    this.#end ??= this.#untilEnd();
    // Callers of wait() get the error.
    this.#end.catch(() => undefined);
    return this.#end;
  }

  async #untilEnd(): Promise<ContainerEnd> {
    const child = this.#child;
    try {
      const end = await this.#call("wait", [this.id], { keep: false });
      if (child !== undefined) reap(child);
      settle(this.#streams);
      return this.#killers.judge(end);
    } catch (error) {
      const own = child === undefined ? undefined : reap(child);
      if (own === undefined) throw error;
      settle(this.#streams);
      // It was deleted meanwhile. A keeper ends as its container has, but for the signal.
      return this.#killers.judge({ ...own, ...this.#killers.signalOf(own), oomKilled: false });
    }
  }

  /** Deletes a container that no caller will get. */
  async #takeBack(): Promise<void> {
    // The program stays alive for it: its child has to be reaped.
    const end = this.wait().catch(() => undefined);
    await this.delete({ force: true });
    await end;
  }

  /** Makes `signal` kill the container from now on. */
  async #endWith(signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      await this.#takeBack();
      throw aborted(signal);
    }
    whileAlive(signal, this.#follow(), () => this.#kill("abort"));
  }

  #endAfter(timeout: number): void {
    after(timeout, this.#follow(), () => this.#kill("timeout"));
  }

  #kill(who: "abort" | "timeout" | "kill"): void {
    this.#killers.sends(SIGKILL, who);
    this.#call("kill", [this.id, SIGKILL, true]).catch(this.#warn);
  }

  readonly #warn = (error: unknown): void => {
    this.#context.log.warn(`container ${this.id}: ${error instanceof Error ? error.message : String(error)}`);
  };
}

function isArguments(given: ExecProcessOptions | readonly string[]): given is readonly string[] {
  return Array.isArray(given);
}

/** The present state, not that of an earlier check. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function isTemplate(first: TemplateStringsArray | ExecBufferOptions): first is TemplateStringsArray {
  return Array.isArray(first) && Array.isArray((first as unknown as TemplateStringsArray).raw);
}

/** The terminal, with its size from the beginning: a program may ask for it at once. */
function terminalOf(terminal: TerminalChoice): Pick<ExecRequest["process"], "terminal" | "consoleSize"> {
  if (terminal === false) return {};
  if (terminal === true) return { terminal };
  return { terminal: true, consoleSize: { height: terminal.rows, width: terminal.columns } };
}

/** Calls `act` if `time` passes before `end`. */
function after(time: number, end: Promise<unknown>, act: () => void): void {
  const timer = setTimeout(act, Math.min(time, 0x7fffffff));
  const forget = (): void => clearTimeout(timer);
  end.then(forget, forget);
}

function closing(stream: StreamTypes["stdout"]): Promise<void> {
  return new Promise((resolve) => {
    if (stream === undefined || stream.closed) resolve();
    else stream.once("close", resolve);
  });
}
