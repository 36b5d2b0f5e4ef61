// SPDX-License-Identifier: Apache-2.0
/** The task service: 17 methods, each done by the operation of the command line that has the same purpose. */
import type { OomNews, OomWatch } from "../cgroups/cgroup.ts";
import { cgroupStats, freezerStateAt, watchOom } from "../cgroups/open.ts";
import { asRuntimeError, RuntimeError } from "../errors.ts";
import { EPOLLIN, SIGKILL } from "../kernel/numbers.ts";
import type { Log } from "../log.ts";
import { savedConfig } from "../runtime/container/saved_config.ts";
import { find, recordOf } from "../runtime/container/store.ts";
import { checkpoint } from "../runtime/criu/checkpoint.ts";
import { restoreDetached } from "../runtime/criu/restore.ts";
import { forEngines } from "../runtime/launch/engine_words.ts";
import { create } from "../runtime/operations/create.ts";
import { remove } from "../runtime/operations/delete.ts";
import { execDetached } from "../runtime/operations/exec.ts";
import { kill } from "../runtime/operations/kill.ts";
import { pause, resume } from "../runtime/operations/pause.ts";
import { processes } from "../runtime/operations/processes.ts";
import { start } from "../runtime/operations/start.ts";
import { runningRecord } from "../runtime/operations/stats.ts";
import { update } from "../runtime/operations/update.ts";
import type { RuntimeContext } from "../runtime/options.ts";
import { parseResources } from "../spec/documents/resources_file.ts";
import type { Config } from "../spec/types.ts";
import { native } from "../sys/native.ts";
import { type Publisher, timestamp } from "./events.ts";
import type { Loop } from "./loop.ts";
import { metrics } from "./metrics.ts";
import { mountRoot, unmountRoot } from "./mounts.ts";
import { checkpointOptions, isGivenUp, isSystemds, keepOptions, readOptions, restoreOptions, stateRoot } from "./options.ts";
import type { Request, RuncOptions, Timestamp } from "./proto/messages.gen.ts";
import * as M from "./proto/messages.gen.ts";
import { NO_BYTES } from "./proto/wire.ts";
import { Streams } from "./streams.ts";
import { type Listener, newProcess, type Process, Task, Tasks } from "./tasks.ts";

const SERVICES: readonly string[] = ["containerd.task.v2.Task", "containerd.task.v3.Task"];
const STATUS = { created: 1, running: 2, stopped: 3, paused: 4, creating: 0 } as const;
const TOPIC = "/tasks/";
/** The lifetime of a shim without a container; milliseconds. */
const ALONE = 30_000;

/** The environment in which the service was started. */
export interface Surroundings {
  readonly loop: Loop;
  readonly log: Log;
  readonly namespace: string;
  readonly publisher: Publisher;
  /** Ends the shim; earlier answers are sent first. */
  readonly shutdown: () => void;
}

type Method = (payload: Uint8Array) => Promise<Uint8Array> | Uint8Array;

export class TaskService implements Listener {
  readonly #around: Surroundings;
  readonly #tasks: Tasks;
  /** The number of times that the last container has gone. */
  #emptied = 0;
  readonly #methods: Readonly<Record<string, Method>> = {
    State: (payload) => this.#state(M.readProcessRequest(payload)),
    Create: (payload) => this.#create(M.readCreateTaskRequest(payload)),
    Start: (payload) => this.#start(M.readProcessRequest(payload)),
    Delete: (payload) => this.#delete(M.readProcessRequest(payload)),
    Pids: (payload) => this.#pids(M.readProcessRequest(payload)),
    Pause: (payload) => this.#toggle(M.readProcessRequest(payload), pause, "paused", "TaskPaused"),
    Resume: (payload) => this.#toggle(M.readProcessRequest(payload), resume, "resumed", "TaskResumed"),
    Checkpoint: (payload) => this.#checkpoint(M.readCheckpointTaskRequest(payload)),
    Kill: (payload) => this.#kill(M.readKillRequest(payload)),
    Exec: (payload) => this.#exec(M.readExecProcessRequest(payload)),
    ResizePty: (payload) => this.#resize(M.readResizePtyRequest(payload)),
    CloseIO: (payload) => this.#closeIo(M.readCloseIoRequest(payload)),
    Update: (payload) => this.#update(M.readUpdateTaskRequest(payload)),
    Wait: (payload) => this.#wait(M.readProcessRequest(payload)),
    Stats: (payload) => this.#stats(M.readProcessRequest(payload)),
    Connect: (payload) => this.#connect(M.readProcessRequest(payload)),
    Shutdown: () => this.#shutdown(),
  };

  constructor(around: Surroundings) {
    this.#around = around;
    this.#tasks = new Tasks(this);
    this.#endUnlessNeeded();
  }

  /**
   * Ends the shim when it has had no container for a while. containerd tells it to end with the last one, but a containerd that
   * was killed after it had started a shim knows nothing of that.
   */
  #endUnlessNeeded(): void {
    const since = ++this.#emptied;
    this.#around.loop.after(ALONE, () => {
      if (this.#tasks.size === 0 && since === this.#emptied) this.#around.shutdown();
    });
  }

  /** Answers a request. @throws RuntimeError */
  async handle({ service, method, payload }: Request): Promise<Uint8Array> {
    if (!SERVICES.includes(service)) {
      throw new RuntimeError("NOT_SUPPORTED", `service ${service}: known are ${SERVICES.join(", ")}`);
    }
    const found = Object.hasOwn(this.#methods, method) ? this.#methods[method] : undefined;
    if (found === undefined) throw new RuntimeError("NOT_SUPPORTED", `method ${method} of ${service}`);
    try {
      return await found(payload);
    } catch (error) {
      const told = forEngines(asRuntimeError(error));
      this.#around.log.debug(`${method}: ${told.message}`);
      throw told;
    }
  }

  /** Reaps children: SIGCHLD has come. */
  reap(): void {
    this.#tasks.reap();
  }

  async #create(request: M.CreateTaskRequest): Promise<Uint8Array> {
    const { id, bundle } = request;
    if (id === "" || bundle === "") throw new RuntimeError("USAGE", "Create: id and bundle must be given");
    const task = await this.#tasks.make(id, () => this.#make(request));
    const { pid } = task.first;
    const { stdin, stdout, stderr, terminal } = request;
    const io = { stdin, stdout, stderr, terminal };
    this.#publish("create", "TaskCreate", M.writeTaskCreate({ containerId: id, bundle, rootfs: request.rootfs, io, pid }));
    if (task.restore === undefined) this.#watchOom(task);
    this.#tasks.reap();
    return M.writePidResponse({ pid });
  }

  /** Makes a container; a failure leaves nothing behind. One from a checkpoint is made when it is started. */
  async #make(request: M.CreateTaskRequest): Promise<Task> {
    const { loop, namespace, log } = this.#around;
    const { id, bundle } = request;
    const options = readOptions(request.options);
    if (options.binaryName !== "") log.debug(`options: BinaryName ${options.binaryName} is ignored: the shim is the runtime`);
    const context = this.#context({ root: options.root, systemdCgroup: isSystemds(options, bundle) });
    keepOptions(bundle, { root: context.root, systemdCgroup: context.systemdCgroup });
    const rootfs = `${bundle}/rootfs`;
    mountRoot(request.rootfs, rootfs);
    const facts = { id, bundle, rootfs: request.rootfs.length > 0 ? rootfs : "", context, criu: options };
    let streams: Streams | undefined;
    let isMade = false;
    try {
      const { stdin, stdout, stderr, terminal } = request;
      streams = await Streams.open(loop, { stdin, stdout, stderr, terminal }, id, namespace);
      const { stdio, consoleFd } = streams;
      if (request.checkpoint !== "") {
        const task = new Task(facts, streams, 0);
        task.restore = { ...restoreOptions(request, options), stdio, ...(consoleFd !== undefined && { consoleFd }) };
        return task;
      }
      const pid = await create(context, {
        id,
        bundle,
        stdio,
        ...(consoleFd !== undefined && { consoleFd }),
        noPivot: options.noPivotRoot,
        noNewKeyring: options.noNewKeyring,
      });
      isMade = true;
      streams.started();
      await streams.attachConsole(id, namespace);
      // A containerd that was killed and is back has called `delete` meanwhile: no client would ever ask for the container.
      if (isGivenUp(bundle)) throw new RuntimeError("WRONG_STATE", "the container was deleted while it was made");
      const task = new Task(facts, streams, pid);
      readFacts(task);
      return task;
    } catch (error) {
      streams?.started();
      streams?.close();
      if (isMade) await remove(context, id, { force: true }).catch(() => {});
      if (request.rootfs.length > 0) unmountRoot(rootfs);
      throw asRuntimeError(error).prefixed("OCI runtime create failed: ");
    }
  }

  #context({ root, systemdCgroup }: Pick<RuncOptions, "root" | "systemdCgroup">): RuntimeContext {
    return { root: stateRoot({ root }, this.#around.namespace), log: this.#around.log, systemdCgroup, rootless: "auto" };
  }

  async #start({ id, execId }: M.ProcessRequest): Promise<Uint8Array> {
    const process = this.#tasks.process(id, execId);
    const { task } = process;
    if (process.status !== "created" || (execId !== "" && task.hasEnded)) {
      const what = process.status === "created" ? "the first process has ended" : `the process is ${process.status}`;
      throw new RuntimeError("WRONG_STATE", `cannot start: ${what}`);
    }
    if (execId !== "") return this.#startExec(process);
    await this.#tasks.during(
      task,
      () => this.#startFirst(task).catch(failed("OCI runtime start failed: ")),
      () => {
        process.status = "running";
        this.#publish("start", "TaskStart", M.writeTaskStart({ containerId: id, pid: process.pid }));
      },
    );
    return M.writePidResponse({ pid: process.pid });
  }

  async #startFirst(task: Task): Promise<void> {
    const { context, id, first, restore } = task;
    if (restore === undefined) return start(context, id);
    this.#tasks.started(first, await restoreDetached(context, restore));
    task.restore = undefined;
    first.streams?.started();
    await first.streams?.attachConsole(id, this.#around.namespace);
    readFacts(task);
    this.#watchOom(task);
  }

  async #startExec(process: Process): Promise<Uint8Array> {
    const { task, execId } = process;
    // A client must not start it twice.
    process.status = "running";
    try {
      const run = (): Promise<number> => this.#runExec(process).catch(failed("OCI runtime exec failed: exec failed: "));
      await this.#tasks.during(task, run, (pid) => {
        this.#tasks.started(process, pid);
        this.#publish("exec-started", "TaskExecStarted", M.writeTaskExecStarted({ containerId: task.id, execId, pid }));
      });
    } catch (error) {
      process.streams?.started();
      process.streams?.close();
      this.#tasks.failed(process);
      throw error;
    }
    return M.writePidResponse({ pid: process.pid });
  }

  /** @returns the pid */
  async #runExec(process: Process): Promise<number> {
    const { task, spec, paths } = process;
    const { loop, namespace } = this.#around;
    const streams = await Streams.open(loop, paths, task.id, namespace);
    process.streams = streams;
    const { stdio, consoleFd } = streams;
    task.config ??= readConfig(task);
    const pid = await execDetached(task.context, {
      id: task.id,
      config: task.config,
      process: { text: spec, from: "the process of Exec" },
      stdio,
      ...(consoleFd !== undefined && { consoleFd }),
      detach: true,
    });
    streams.started();
    if (process.closesStdin) streams.closeStdin();
    try {
      await streams.attachConsole(task.id, namespace);
    } catch (error) {
      native.kill(pid, SIGKILL);
      throw error;
    }
    return pid;
  }

  async #delete({ id, execId }: M.ProcessRequest): Promise<Uint8Array> {
    const process = this.#tasks.process(id, execId);
    const { task } = process;
    if (process.status === "running") throw new RuntimeError("WRONG_STATE", `cannot delete a running process`);
    if (execId !== "") task.execs.delete(execId);
    else await this.#deleteContainer(task);
    process.streams?.started();
    process.streams?.close();
    const { pid, exitStatus } = process;
    const exitedAt = time(process.exitedAt);
    if (execId === "") {
      this.#publish("delete", "TaskDelete", M.writeTaskDelete({ containerId: id, pid, exitStatus, exitedAt }));
    }
    return M.writeDeleteResponse({ pid, exitStatus, exitedAt });
  }

  async #deleteContainer(task: Task): Promise<void> {
    const { first } = task;
    if (task.restore !== undefined) this.#tasks.neverStarted(first);
    await this.#tasks.during(task, async () => {
      try {
        await remove(task.context, task.id, { force: false });
      } catch (error) {
        // Another client has deleted it, or a hook that failed has.
        if (!(error instanceof RuntimeError && error.code === "CONTAINER_NOT_FOUND")) throw error;
      }
    });
    if (first.status !== "stopped") await new Promise<void>((done) => void first.waiting.push(done));
    this.#endOom(task);
    for (const each of task.execs.values()) each.streams?.close();
    if (task.facts.rootfs !== "") unmountRoot(task.facts.rootfs);
    this.#tasks.remove(task);
    if (this.#tasks.size === 0) this.#endUnlessNeeded();
  }

  #exec(request: M.ExecProcessRequest): Uint8Array {
    const { id, execId, spec, stdin, stdout, stderr, terminal } = request;
    const task = this.#tasks.find(id);
    if (execId === "") throw new RuntimeError("USAGE", "Exec: exec_id must be given");
    if (task.execs.has(execId)) throw new RuntimeError("CONTAINER_EXISTS", `id ${execId} already exists`);
    if (task.hasEnded) throw new RuntimeError("WRONG_STATE", "cannot exec in a stopped state");
    const text = withTerminal(spec === undefined ? "" : new TextDecoder().decode(spec.value), terminal);
    task.execs.set(execId, newProcess(task, execId, { stdin, stdout, stderr, terminal }, text));
    this.#publish("exec-added", "TaskExecAdded", M.writeTaskExecAdded({ containerId: id, execId }));
    return NO_BYTES;
  }

  #state({ id, execId }: M.ProcessRequest): Uint8Array {
    const process = this.#tasks.process(id, execId);
    const { task, pid, exitStatus, paths } = process;
    const { stdin, stdout, stderr, terminal } = paths;
    let status: keyof typeof STATUS = process.status;
    if (execId === "" && status === "running" && this.#isPaused(task)) status = "paused";
    return M.writeStateResponse({
      id,
      bundle: task.facts.bundle,
      pid,
      status: STATUS[status],
      stdin,
      stdout,
      stderr,
      terminal,
      exitStatus,
      exitedAt: time(process.exitedAt),
      execId,
    });
  }

  /** By the freezer alone: the state is asked for several times a command, and the shim knows the rest. */
  #isPaused({ cgroupPaths }: Task): boolean {
    try {
      return freezerStateAt(cgroupPaths) === "frozen";
    } catch {
      return false;
    }
  }

  #toggle({ id }: M.ProcessRequest, act: typeof pause, topic: string, type: string): Uint8Array {
    const task = this.#tasks.find(id);
    act(task.context, id);
    this.#publish(topic, type, M.writeTaskAlone({ containerId: id }));
    return NO_BYTES;
  }

  async #kill({ id, execId, signal, all }: M.KillRequest): Promise<Uint8Array> {
    const process = this.#tasks.process(id, execId);
    const { task, pid, status } = process;
    if (execId !== "") {
      if (status === "created") throw new RuntimeError("WRONG_STATE", `process ${execId} of ${id} has not been started`);
      const sent = status === "stopped" || pid === 0 ? -1 : native.kill(pid, signal);
      if (sent < 0) throw finished();
      return NO_BYTES;
    }
    await kill(task.context, id, signal, { all }).catch((error: unknown) => {
      const { code } = asRuntimeError(error);
      throw code === "CONTAINER_NOT_RUNNING" || code === "CONTAINER_NOT_FOUND" ? finished() : error;
    });
    return NO_BYTES;
  }

  #pids({ id }: M.ProcessRequest): Uint8Array {
    const task = this.#tasks.find(id);
    const byPid = new Map([...task.execs.values()].map((each) => [each.pid, each.execId]));
    const found = processes(task.context, id).map((pid) => {
      const execId = byPid.get(pid);
      if (execId === undefined) return { pid };
      return { pid, info: { typeUrl: "containerd.runc.v1.ProcessDetails", value: M.writeProcessDetails({ execId }) } };
    });
    return M.writePidsResponse({ processes: found });
  }

  #resize({ id, execId, width, height }: M.ResizePtyRequest): Uint8Array {
    const process = this.#tasks.process(id, execId);
    process.streams?.resize(width, height);
    return NO_BYTES;
  }

  #closeIo({ id, execId, stdin }: M.CloseIoRequest): Uint8Array {
    const process = this.#tasks.process(id, execId);
    if (!stdin) return NO_BYTES;
    process.closesStdin = true;
    // The first process has its streams from the start.
    if (process.pid > 0) process.streams?.closeStdin();
    return NO_BYTES;
  }

  #update({ id, resources }: M.UpdateTaskRequest): Uint8Array {
    const task = this.#tasks.find(id);
    const text = resources === undefined ? "{}" : new TextDecoder().decode(resources.value);
    update(task.context, id, parseResources(text, "the resources of Update"));
    return NO_BYTES;
  }

  async #wait({ id, execId }: M.ProcessRequest): Promise<Uint8Array> {
    const process = this.#tasks.process(id, execId);
    if (process.status !== "stopped") await new Promise<void>((done) => void process.waiting.push(done));
    return M.writeWaitResponse({ exitStatus: process.exitStatus, exitedAt: time(process.exitedAt) });
  }

  #stats({ id }: M.ProcessRequest): Uint8Array {
    const task = this.#tasks.find(id);
    let paths: Readonly<Record<string, string>>;
    try {
      paths = runningRecord(task.context, id).cgroup_paths;
    } catch (error) {
      const { message } = asRuntimeError(error);
      throw new RuntimeError("CONTAINER_NOT_FOUND", message);
    }
    const names = Object.keys(paths);
    const isV2 = names.length === 1 && names[0] === "";
    return M.writeStatsResponse({ stats: metrics(cgroupStats(paths), isV2) });
  }

  #connect({ id }: M.ProcessRequest): Uint8Array {
    let taskPid = 0;
    try {
      taskPid = this.#tasks.find(id).first.pid;
    } catch {
      // It is asked of a shim that has no such container, too.
    }
    return M.writeConnectResponse({ shimPid: process.pid, taskPid });
  }

  async #checkpoint(request: M.CheckpointTaskRequest): Promise<Uint8Array> {
    const { id, path } = request;
    const task = this.#tasks.find(id);
    const options = checkpointOptions(request, task.facts.criu);
    await this.#tasks.during(task, () => checkpoint(task.context, options));
    this.#publish("checkpointed", "TaskCheckpointed", M.writeTaskCheckpointed({ containerId: id, checkpoint: path }));
    return NO_BYTES;
  }

  #shutdown(): Uint8Array {
    if (this.#tasks.size === 0) this.#around.shutdown();
    return NO_BYTES;
  }

  async firstEnded(task: Task): Promise<void> {
    if (task.endsOthers) void this.#endOthers(task);
    // The OOM event, which is the cause, goes before the exit event.
    await this.#readOom(task);
    this.#endOom(task);
  }

  ended(process: Process): void {
    const { task, execId, pid, exitStatus } = process;
    this.#around.log.debug(`process ${pid} of ${task.id} ${execId} has ended: ${exitStatus}`);
    const id = execId === "" ? task.id : execId;
    const event = M.writeTaskExit({ containerId: task.id, id, pid, exitStatus, exitedAt: time(process.exitedAt) });
    this.#publish("exit", "TaskExit", event);
    if (execId === "") this.#forgetIfGivenUp(task);
  }

  /** A containerd that has given up a container never deletes it here: the shim would wait for that for ever. */
  #forgetIfGivenUp(task: Task): void {
    if (!isGivenUp(task.facts.bundle)) return;
    this.#around.loop.after(ALONE, () => {
      if (!this.#tasks.has(task)) return;
      this.#around.log.warn(`${task.id}: containerd has given it up`);
      void this.#delete({ id: task.id, execId: "" }).catch(() => {});
    });
  }

  async #endOthers(task: Task): Promise<void> {
    try {
      await kill(task.context, task.id, SIGKILL, { all: true });
    } catch (error) {
      const { code, message } = asRuntimeError(error);
      if (code !== "CONTAINER_NOT_FOUND") this.#around.log.warn(`end the other processes of ${task.id}: ${message}`);
    }
  }

  #watchOom(task: Task): void {
    try {
      const oom = watchOom(task.cgroupPaths);
      task.oom = oom;
      this.#around.loop.watch(oom.fd, EPOLLIN, () => void this.#readOom(task));
    } catch (error) {
      this.#around.log.debug(`OOM events of ${task.id}: ${asRuntimeError(error).message}`);
    }
  }

  async #readOom(task: Task): Promise<void> {
    const watch = task.oom;
    if (watch === undefined) return;
    // Reading may wait for the descriptor itself.
    this.#around.loop.unwatch(watch.fd);
    const { ooms, gone } = await this.#oomNews(task, watch);
    if (ooms > 0) this.#publish("oom", "TaskOOM", M.writeTaskAlone({ containerId: task.id }));
    if (task.oom !== watch) return;
    if (gone) this.#endOom(task);
    else this.#around.loop.watch(watch.fd, EPOLLIN, () => void this.#readOom(task));
  }

  async #oomNews(task: Task, watch: OomWatch): Promise<OomNews> {
    try {
      return await watch.read();
    } catch (error) {
      this.#around.log.warn(`OOM events of ${task.id}: ${asRuntimeError(error).message}`);
      return { ooms: 0, gone: true };
    }
  }

  #endOom(task: Task): void {
    if (task.oom === undefined) return;
    this.#around.loop.unwatch(task.oom.fd);
    task.oom.close();
    task.oom = undefined;
  }

  #publish(topic: string, type: string, message: Uint8Array): void {
    this.#around.publisher.publish(`${TOPIC}${topic}`, `containerd.events.${type}`, message);
  }
}

function failed(prefix: string): (error: unknown) => never {
  return (error) => {
    throw asRuntimeError(error).prefixed(prefix);
  };
}

function finished(): RuntimeError {
  return new RuntimeError("CONTAINER_NOT_FOUND", "process already finished");
}

function time(milliseconds: number): Timestamp | undefined {
  return milliseconds === 0 ? undefined : timestamp(milliseconds);
}

/** The process of Exec has a terminal if the request says so. @throws CONFIG_INVALID, when it is started, if it is no JSON */
function withTerminal(spec: string, terminal: boolean): string {
  try {
    const value = JSON.parse(spec) as { terminal?: boolean };
    if ((value.terminal ?? false) === terminal) return spec;
    return JSON.stringify({ ...value, terminal });
  } catch {
    return spec;
  }
}

/** @throws CONTAINER_NOT_FOUND, STATE_DAMAGED */
function readConfig({ context, id }: Task): Config {
  const entry = find(context.root, id);
  try {
    return savedConfig(entry);
  } finally {
    entry.close();
  }
}

/** Takes what the shim needs again and again from the container's record. */
function readFacts(task: Task): void {
  const entry = find(task.context.root, task.id);
  try {
    const record = recordOf(entry);
    task.cgroupPaths = record?.cgroup_paths ?? {};
    // Without a pid namespace of its own a container does not end with its first process.
    task.endsOthers = record?.own_pid_namespace === false;
  } finally {
    entry.close();
  }
}
