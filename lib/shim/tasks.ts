// SPDX-License-Identifier: Apache-2.0
/** The containers of a shim, their processes, and how these end. */
import { RuntimeError } from "../errors.ts";
import type { OomWatch } from "../cgroups/cgroup.ts";
import type { Config } from "../spec/types.ts";
import type { RuntimeContext } from "../runtime/options.ts";
import { native } from "../sys/native.ts";
import type { RestoreOptions } from "../runtime/criu/restore.ts";
import type { CriuDefaults } from "./options.ts";
import type { StreamPaths, Streams } from "./streams.ts";

/** Added to a signal's number, it makes the exit status. */
const SIGNALLED = 128;
/** Exit status of a process that could not be started. */
const NOT_STARTED = 255;

/** A process: the first one of a container, or one that Exec has made. */
export interface Process {
  readonly task: Task;
  /** "" for the first one. */
  readonly execId: string;
  /** JSON of the process that Exec is to run; else "". */
  readonly spec: string;
  readonly paths: StreamPaths;
  /** Those of Exec are opened when it is started: a client's end waits for that, so that it does not close its input before. */
  streams: Streams | undefined;
  /** CloseIO came before there was anything to close. */
  closesStdin: boolean;
  pid: number;
  status: "created" | "running" | "stopped";
  exitStatus: number;
  /** Milliseconds since 1970; 0 before the end. */
  exitedAt: number;
  /** Those that wait for the end. */
  readonly waiting: (() => void)[];
}

/** The facts of a container that are known from the start. */
export interface TaskFacts {
  readonly id: string;
  readonly bundle: string;
  /** The directory where its root file system was mounted for it; "" if it was not. */
  readonly rootfs: string;
  readonly context: RuntimeContext;
  readonly criu: CriuDefaults;
}

/** A container. */
export class Task {
  readonly facts: TaskFacts;
  /** The container has no pid namespace of its own: its other processes are ended with the first one. */
  endsOthers = false;
  /** The directories of the container's cgroup, by controller. */
  cgroupPaths: Readonly<Record<string, string>> = {};
  /** The container's config.json, from the first Exec on: it does not change. */
  config: Config | undefined;
  /** The container comes from a checkpoint: it does not exist until it is started. */
  restore: RestoreOptions | undefined;
  readonly first: Process;
  readonly execs = new Map<string, Process>();
  /** The number of running operations that start or end a process: they reap their own children first. */
  busy = 0;
  oom: OomWatch | undefined;
  /** Work after the end of the first process that has to finish before the end is reported. */
  ending: Promise<void> | undefined;

  constructor(facts: TaskFacts, streams: Streams, pid: number) {
    this.facts = facts;
    this.first = newProcess(this, "", streams.paths);
    this.first.streams = streams;
    this.first.pid = pid;
  }

  get id(): string {
    return this.facts.id;
  }

  get context(): RuntimeContext {
    return this.facts.context;
  }

  /** Whether its first process has ended, though that may not have been reported yet. */
  get hasEnded(): boolean {
    return this.first.exitedAt !== 0;
  }

  get hasRunningExecs(): boolean {
    for (const { status } of this.execs.values()) if (status === "running") return true;
    return false;
  }
}

/** Makes a process that does not run yet. */
export function newProcess(task: Task, execId: string, paths: StreamPaths, spec = ""): Process {
  const streams = { paths, streams: undefined, closesStdin: false };
  return { task, execId, spec, ...streams, pid: 0, status: "created", exitStatus: 0, exitedAt: 0, waiting: [] };
}

/** Gets the ends of processes. */
export interface Listener {
  /** The first process of a container has ended, others may still run. @returns the work that the report has to wait for */
  firstEnded(task: Task): Promise<void>;
  /** A process has ended; of a container the first one comes last. */
  ended(process: Process): void;
}

/** All tasks of the shim, and the reaper of its children. */
export class Tasks {
  readonly #tasks = new Map<string, Task>();
  /** Ids of containers that are being made. */
  readonly #making = new Set<string>();
  readonly #processes = new Map<number, Process>();
  readonly #listener: Listener;
  #busy = 0;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  get size(): number {
    return this.#tasks.size + this.#making.size;
  }

  /** @throws CONTAINER_NOT_FOUND */
  find(id: string): Task {
    const task = this.#tasks.get(id);
    if (task === undefined) throw new RuntimeError("CONTAINER_NOT_FOUND", `container ${id} not found`);
    return task;
  }

  /** @throws CONTAINER_NOT_FOUND */
  process(id: string, execId: string): Process {
    const task = this.find(id);
    const found = execId === "" ? task.first : task.execs.get(execId);
    if (found === undefined) throw new RuntimeError("CONTAINER_NOT_FOUND", `process ${execId} of container ${id} not found`);
    return found;
  }

  /** Keeps an id for a container that is made by `work`. @throws CONTAINER_EXISTS */
  async make(id: string, work: () => Promise<Task>): Promise<Task> {
    if (this.#tasks.has(id) || this.#making.has(id)) throw new RuntimeError("CONTAINER_EXISTS", `container ${id} already exists`);
    this.#making.add(id);
    this.#busy++;
    let isMade = false;
    try {
      const task = await work();
      this.#tasks.set(id, task);
      if (task.first.pid > 0) this.#processes.set(task.first.pid, task.first);
      isMade = true;
      return task;
    } finally {
      this.#making.delete(id);
      this.#busy--;
      // The ends of other containers' orphans came meanwhile; after a success the caller reaps, when it has reported the container.
      if (!isMade) this.reap();
    }
  }

  has(task: Task): boolean {
    return this.#tasks.get(task.id) === task;
  }

  remove(task: Task): void {
    this.#tasks.delete(task.id);
  }

  /**
   * Runs `work`, which waits for children of its own, and may start a process: ends in the meantime are reported afterwards.
   * @param tell is called when it has been done, before any end
   */
  async during<T>(task: Task, work: () => Promise<T>, tell: (result: T) => void = () => {}): Promise<T> {
    this.#busy++;
    task.busy++;
    try {
      const result = await work();
      tell(result);
      return result;
    } finally {
      this.#busy--;
      task.busy--;
      this.reap();
    }
  }

  /** Watches for the end of that process from now on. */
  started(process: Process, pid: number): void {
    process.pid = pid;
    process.status = "running";
    this.#processes.set(pid, process);
  }

  /** A process could not be started: no client waits for it any more. */
  failed(process: Process): void {
    process.status = "stopped";
    process.exitStatus = NOT_STARTED;
    process.exitedAt = Date.now();
    for (const done of process.waiting.splice(0)) done();
  }

  /** A process that no operation will start any more: it counts as ended, and is no failure. */
  neverStarted(process: Process): void {
    process.status = "stopped";
    process.exitedAt = Date.now();
    for (const done of process.waiting.splice(0)) done();
  }

  /** Reaps the processes that have ended: known ones, and orphans of containers, which the shim inherits. */
  reap(): void {
    if (this.#busy > 0) {
      // The other children are those of operations.
      for (const [pid, process] of [...this.#processes]) if (process.task.busy === 0) this.#take(pid);
      return;
    }
    while (this.#take(-1));
  }

  #take(pid: number): boolean {
    const exited = native.waitpid(pid, true);
    if (exited === null || typeof exited === "number") return false;
    const process = this.#processes.get(exited.pid);
    if (process !== undefined) this.#end(process, exited.signaled ? SIGNALLED + exited.status : exited.status);
    return true;
  }

  #end(process: Process, status: number): void {
    this.#processes.delete(process.pid);
    process.exitStatus = status;
    process.exitedAt = Date.now();
    process.streams?.exited();
    const { task } = process;
    if (process !== task.first) this.#tell(process);
    else task.ending = this.#listener.firstEnded(task);
    if (task.ending === undefined || task.hasRunningExecs) return;
    void task.ending.then(() => {
      if (task.first.status !== "stopped") this.#tell(task.first);
    });
  }

  #tell(process: Process): void {
    process.status = "stopped";
    this.#listener.ended(process);
    for (const done of process.waiting.splice(0)) done();
  }
}
