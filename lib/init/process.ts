// SPDX-License-Identifier: Apache-2.0
/**
 * The `init` executable as the runtime sees it: start it, send it a plan, answer its questions, learn how it
 * ended. The protocol is described in `native/README.md`.
 */
import { RuntimeError } from "../errors.ts";
import type { Plan } from "../plan/build.ts";
import { encodePlan } from "../plan/encode.ts";
import { CLONE_NEWPID } from "../kernel/plan_numbers.ts";
import type { InitClone } from "../plan/namespaces.ts";
import { Beginning, FAILURE_SIZE, MAX_SLOTS, Message, StageName, type Step } from "../plan/steps.ts";
import { Errno } from "../kernel/errno.ts";
import { Descriptors, withDescriptor } from "../sys/descriptors.ts";
import { AT_FDCWD, check, checkValue, O_CLOEXEC, O_RDWR, SMALL_FILE, syscallError } from "../sys/files.ts";
import { POLLIN, SIGKILL, SOCK_SEQPACKET } from "../kernel/numbers.ts";
import { native, type Exited, type Received, type Spawned } from "../sys/native.ts";
import { readProcStat } from "../sys/proc_stat.ts";
import { beforeBlocking, readable } from "../sys/waiting.ts";
import { initExecutable } from "./executable.ts";
import { failureError } from "./failure.ts";
import { parseFailure } from "./failure_record.ts";

/** What failed, where the kernel refuses init. */
const START_INIT = "start init";
/** Bytes of every message but a failure. */
const MESSAGE_SIZE = 8;
/** The time that the stage before has to exit when it is told to, before it is killed; milliseconds. */
const JOINER_PATIENCE = 1000;
/** The time that a killed process has to exit; milliseconds. */
const KILL_PATIENCE = 1000;

/** A question of init, or the end of its messages (it execed, or died). */
export type FromInit = { readonly kind: number; readonly value: number; readonly mount?: ToldMount } | "end";

/** The contents of {@link Message.MOUNT}. The descriptors are the receiver's. */
export interface ToldMount {
  readonly fds: readonly number[];
  /** Behind kind and value. */
  readonly bytes: Uint8Array;
}

/** The options of starting init. */
export interface InitOptions {
  readonly clone: InitClone;
  /**
   * The container's cgroup is not known yet: init makes all namespaces but that of pids, and clones the container's first
   * process when {@link InitProcess.begin} says so. Not with `cgroupFd`, nor where `clone.staged`. Default false.
   */
  readonly early?: boolean;
  /** Descriptors that become 0, 1 and 2. */
  readonly stdio: readonly [number, number, number];
  /** The number of descriptors from 3 that the container inherits. */
  readonly preserveFds: number;
  /** Another process is the parent of the container's first one, and notes its end: see {@link InitProcess.keep}. Default false. */
  readonly keeper?: boolean;
  /** Cgroup v2 directory to be born in. Default: the runtime's own. */
  readonly cgroupFd?: number;
}

/**
 * Gets each plan before it is sent, and returns a memfd for the times of its steps: one u64 for the beginning, and
 * one for the end of each step. The memfd stays the tracer's.
 */
export type PlanTracer = (plan: Plan) => number;

let planTracer: PlanTracer | undefined;

/** Makes init record the time of each step from now on. */
export function tracePlans(tracer: PlanTracer): void {
  planTracer = tracer;
}

/** A process beside the container that waits for its end. */
interface Keeper {
  readonly pid: number;
  /** -1 once they are closed. */
  pidfd: number;
  socket: number;
}

function closeKeeper(keeper: Keeper): void {
  for (const fd of [keeper.pidfd, keeper.socket]) if (fd >= 0) native.close(fd);
  keeper.pidfd = -1;
  keeper.socket = -1;
}

/** A running init. */
export class InitProcess {
  /** Pid of the container's first process, in the runtime's pid namespace; 0 before it has been cloned. */
  pid = 0;
  pidfd: number;
  /** Gets the listener of a process whose system calls are recorded; it stays this object's. */
  takeListener: ((listener: number) => void) | undefined;
  #hookOutput: () => string = () => "";
  /** CLONE_NEW* that are left for {@link begin}. */
  readonly #rest: number;
  #refused: ((errno: number) => void) | undefined;
  /** The container's first process comes with a step of the plan. */
  readonly #staged: boolean;
  #steps: readonly Step[] = [];
  /** Messages that came before the pid was known. */
  readonly #early: FromInit[] = [];
  #control: number;
  /** The pids may be those of other processes by now. */
  #isKilled = false;
  /** The stage before; it ends when it has cloned the container's first process. */
  #joiner: number | undefined;
  readonly #buffer = new Uint8Array(FAILURE_SIZE);
  readonly #keeper: Keeper | undefined;

  /**
   * Starts init, in the namespaces that its clone makes; it waits for a plan.
   * @throws SYSCALL
   */
  static start(options: InitOptions): InitProcess {
    const { preserveFds } = options;
    const descriptors = new Descriptors();
    try {
      const [ours, theirs] = controlSockets(descriptors);
      const fds = [...options.stdio];
      for (let fd = 3; fd < 3 + preserveFds; fd++) fds.push(fd);
      fds.push(theirs);
      if (options.keeper === true) return InitProcess.#startKept(options, fds, ours, descriptors);
      const { pid, pidfd } = spawnInit(fds, [beginning(options)], { atOnce: true, cgroupFd: options.cgroupFd });
      return new InitProcess(options, pid, pidfd, descriptors.release(ours));
    } finally {
      descriptors.close();
    }
  }

  /** Spawns the keeper, which makes init; only the keeper can tell init's pid. */
  static #startKept(options: InitOptions, fds: readonly number[], control: number, descriptors: Descriptors): InitProcess {
    const [socket, theirs] = controlSockets(descriptors);
    const keeper = { ...spawnInit([...fds, theirs], [beginning(options), "keep"]), socket };
    // With our copy of its end open, its death would not be the end of the socket.
    native.close(descriptors.release(theirs));
    const buffer = new Uint8Array(MESSAGE_SIZE);
    const received = native.receiveMessage(socket, buffer);
    const pid = typeof received === "number" || received.size < MESSAGE_SIZE ? -1 : new DataView(buffer.buffer).getInt32(4, true);
    for (const fd of [control, socket]) descriptors.release(fd);
    // Any failure of it shows at the control socket.
    return new InitProcess(options, pid, pid < 0 ? -1 : native.pidfdOpen(pid), control, keeper);
  }

  private constructor(options: InitOptions, pid: number, pidfd: number, control: number, keeper?: Keeper) {
    this.#keeper = keeper;
    this.#staged = options.clone.staged;
    this.#rest = options.clone.flags & CLONE_NEWPID;
    this.#joiner = pid;
    this.pidfd = pidfd;
    this.#control = control;
  }

  /**
   * Lets an init that was started early clone the container's first process.
   * @param cgroupFd cgroup v2 directory to be born in; stays the caller's
   * @param refused called, not later than {@link first} returns, if the kernel did not let it be born there
   */
  begin(cgroupFd: number | undefined, refused: (errno: number) => void): void {
    this.#refused = refused;
    this.answer(Message.BEGIN, cgroupFd === undefined ? [] : [cgroupFd], this.#rest);
  }

  /**
   * Sends init its plan, which it runs.
   * @param slots the descriptors that the plan's steps refer to, in order; they stay the caller's
   * @param hookOutput reads the output of the hooks that init runs, for the error of a hook that fails
   * @throws SYSCALL, HOST_UNABLE where there are more descriptors than init can take
   */
  sendPlan(plan: Plan, slots: readonly number[], hookOutput?: () => string): void {
    if (slots.length > MAX_SLOTS) {
      const text = `the plan needs ${slots.length} descriptors, init takes ${MAX_SLOTS}`;
      throw new RuntimeError("HOST_UNABLE", text, { pointer: "/mounts" });
    }
    this.#steps = plan.steps;
    if (hookOutput !== undefined) this.#hookOutput = hookOutput;
    withDescriptor(check(native.sealedMemfd("runt:plan", encodePlan(plan.steps)), "memfd_create"), (fd) => {
      const times = planTracer?.(plan);
      if (times === undefined) this.answer(Message.PLAN, [fd, ...slots]);
      else this.answer(Message.PLAN, [fd, ...slots, times], 1);
    });
  }

  /** Those of the plan that it was sent. */
  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** The filter comes after `ready`: an end after that may be its doing. */
  get filtersLast(): boolean {
    const ready = this.#steps.findIndex(({ op }) => op === "ready");
    const next = this.#steps[ready + 1]?.op;
    return next === "seccomp" || next === "recordSeccomp";
  }

  /** It is to wait for `start` before it executes the program. */
  get waits(): boolean {
    return this.#steps.some(({ op }) => op === "start");
  }

  /** Pid of the process that asks: the container's first one, or the stage before it. */
  get asking(): number {
    return this.#joiner ?? this.pid;
  }

  /**
   * Waits until {@link pid} is known, unless that comes with a step of the plan.
   * @returns whether it is known
   * @throws STEP_FAILED: the kernel refused the namespaces
   */
  async first(): Promise<boolean> {
    while (!this.#staged && this.pid === 0) {
      const said = await this.#next();
      // The first process may be quicker with a question than the stage before it with its pid.
      if (said !== undefined) this.#early.push(said);
      if (said === "end") break;
    }
    return this.pid !== 0;
  }

  /**
   * Waits for the next question.
   * @param patience milliseconds. Default: as long as it takes
   * @throws STEP_FAILED, HOOK_FAILED: init failed, with the property that its step came from. TIMEOUT
   */
  async receive(patience?: number): Promise<FromInit> {
    let said = this.#early.shift();
    while (said === undefined) {
      if (patience !== undefined && !(await readable(this.#control, patience))) {
        throw new RuntimeError("TIMEOUT", `init has said nothing for ${patience / 1000} s: a file system does not answer`);
      }
      said = await this.#next();
    }
    return said;
  }

  /** Whether it ends within a time; milliseconds. */
  async endsWithin(patience: number): Promise<boolean> {
    return this.pidfd < 0 || (await readable(this.pidfd, patience));
  }

  /** The next message; `undefined` for one that told the pid. */
  async #next(): Promise<FromInit | undefined> {
    await beforeBlocking(this.#control);
    const received = this.#read();
    const { size, fds } = checkValue(received, "recvmsg");
    if (size === 0) {
      const errno = this.#joiner === undefined ? 0 : native.spawnError(this.#joiner);
      if (errno > 0) throw syscallError(errno, START_INIT);
      return "end";
    }
    if (size < MESSAGE_SIZE) throw new RuntimeError("INTERNAL", `init: a message of ${size} bytes`);
    const view = new DataView(this.#buffer.buffer, 0, size);
    const kind = view.getUint32(0, true);
    if (kind === Message.FAILURE) {
      const failure = parseFailure(this.#buffer.subarray(0, size));
      if (failure === undefined) throw new RuntimeError("INTERNAL", "init: a failure record is cut short");
      throw failureError(failure, this.#steps, this.#hookOutput);
    }
    const value = view.getInt32(4, true);
    if (kind === Message.OUTSIDE) {
      this.#refused?.(value);
      return undefined;
    }
    if (kind === Message.RECORD) {
      this.#handOver(fds);
      return undefined;
    }
    if (kind === Message.MOUNT) return { kind, value, mount: { fds, bytes: this.#buffer.slice(MESSAGE_SIZE, size) } };
    if (kind !== Message.INIT_PID) return { kind, value };
    // Once only: a later message could make another process the container's, to be recorded or killed as such.
    if (this.pid !== 0) throw new RuntimeError("INTERNAL", "init: a second first process");
    await this.#adopt(value);
    if (this.#staged) this.answer(Message.INIT_PID);
    return undefined;
  }

  #handOver(fds: readonly number[]): void {
    const descriptors = new Descriptors();
    for (const fd of fds) descriptors.own(fd);
    try {
      const [listener] = fds;
      if (listener !== undefined) this.takeListener?.(listener);
    } finally {
      descriptors.close();
    }
  }

  /**
   * A socket that init closed with a message of ours unread is reset. The kernel reports that once, and before the messages
   * that init had sent: its failure record may still be there.
   */
  #read(): Received | number {
    const received = native.receiveMessage(this.#control, this.#buffer);
    return received === -Errno.ECONNRESET ? native.receiveMessage(this.#control, this.#buffer) : received;
  }

  /**
   * Answers a question; `fds` go along and stay the caller's. `value` is 0 for most.
   * @throws SYSCALL
   */
  answer(kind: number, fds: readonly number[] = [], value = 0): void {
    const sent = native.sendMessage(this.#control, message(kind, value), fds);
    // EPIPE and its like show at the next receive() as the end. After any other init would wait for the answer, and we for it.
    if (sent < 0 && sent !== -Errno.EPIPE && sent !== -Errno.ECONNRESET) check(sent, "sendmsg to init");
  }

  /**
   * Ends the processes of init that are still there, and reaps them; once.
   * @param thaw thaws processes that the freezer keeps from ending. Default: another caller froze them, and they end at its thaw
   */
  kill(thaw?: () => void): void {
    if (this.#isKilled) return;
    this.#isKilled = true;
    if (this.#keeper !== undefined) {
      this.#endKept(this.#keeper, thaw);
      return;
    }
    if (this.#joiner !== undefined) this.#endJoiner(this.#joiner, thaw);
    this.#findFirst();
    if (this.pid !== 0) end(this.pid, thaw);
    this.close();
  }

  /** Init's processes are children of the keeper, which reaps them; those that it leaves end with it. */
  #endKept(keeper: Keeper, thaw: (() => void) | undefined): void {
    native.sendMessage(this.#control, message(Message.FAILURE), []);
    this.#findFirst();
    const pidfd = this.pid === 0 ? -1 : native.pidfdOpen(this.pid);
    // Its pid is another's only once the keeper has reaped it.
    if (pidfd >= 0 && readProcStat(this.pid)?.parent === keeper.pid) native.pidfdKill(pidfd, SIGKILL);
    thaw?.();
    if (pidfd >= 0) native.close(pidfd);
    this.refuse();
    if (keeper.socket >= 0) native.close(keeper.socket);
    keeper.socket = -1;
    if (keeper.pidfd >= 0) {
      if (native.poll(new Int32Array([keeper.pidfd, POLLIN]), JOINER_PATIENCE) <= 0) native.pidfdKill(keeper.pidfd, SIGKILL);
      native.waitpid(keeper.pid, false);
    }
    this.close();
  }

  /**
   * The stage before exits by itself once it is refused an answer. If it is killed right when it has cloned the container's
   * first process, that pid is lost, and the runtime could not end or reap the process: a program would keep it for ever.
   */
  #endJoiner(pid: number, thaw: (() => void) | undefined): void {
    native.sendMessage(this.#control, message(Message.FAILURE), []);
    const gone = native.poll(new Int32Array([this.pidfd, POLLIN]), JOINER_PATIENCE) > 0;
    // Another process in the host's pid namespace may have stopped it.
    const children = gone ? [] : childrenOf(pid);
    end(pid, thaw);
    for (const child of children) end(child, thaw);
  }

  /** Looks for a message of the stage before with the process that it cloned; it may still be unread. */
  #findFirst(): void {
    while (this.pid === 0 && native.poll(new Int32Array([this.#control, POLLIN]), 0) > 0) {
      const received = this.#read();
      if (typeof received === "number" || received.size < MESSAGE_SIZE) return;
      const view = new DataView(this.#buffer.buffer, 0, received.size);
      if (view.getUint32(0, true) === Message.INIT_PID) this.pid = view.getInt32(4, true);
    }
  }

  /** The process that notes the end of the container's first one. */
  get keeperPid(): number | undefined {
    return this.#keeper?.pid;
  }

  /**
   * Lets the keeper stay when this process ends, as init does when it is ready.
   * @param fds the directory that exit.json is written to and, if there is one, the file that counts kills for want of memory; they stay
   * the caller's
   * @throws INIT_DIED
   */
  keep(fds: readonly number[]): void {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    native.sendMessage(keeper.socket, message(Message.KEEPER, this.pid), fds);
    const received = native.receiveMessage(keeper.socket, this.#buffer);
    if (typeof received !== "number" && received.size === MESSAGE_SIZE) return;
    throw new RuntimeError("INIT_DIED", "the process that keeps the container's end was lost");
  }

  /** Init gets no more answers: every question fails. */
  refuse(): void {
    this.#findFirst();
    if (this.#control >= 0) native.close(this.#control);
    this.#control = -1;
  }

  /** The end of init, for an error message; waits for it. */
  async ended(): Promise<Exited | undefined> {
    if (this.#keeper !== undefined) return this.#keptEnd(this.#keeper);
    await beforeBlocking(this.pidfd);
    const exited = native.waitpid(this.asking, false);
    return exited === null || typeof exited === "number" ? undefined : exited;
  }

  /** The keeper ends with the status of the container's first process, once it is told that no caller waits for more. */
  async #keptEnd(keeper: Keeper): Promise<Exited | undefined> {
    await beforeBlocking(this.pidfd);
    if (this.pidfd >= 0) native.poll(new Int32Array([this.pidfd, POLLIN]), -1);
    if (keeper.socket >= 0) native.close(keeper.socket);
    keeper.socket = -1;
    await beforeBlocking(keeper.pidfd);
    const exited = native.waitpid(keeper.pid, false);
    if (exited === null || typeof exited === "number") return undefined;
    return exited.signaled || exited.status <= 128 ? exited : { pid: this.pid, status: exited.status - 128, signaled: true };
  }

  /** Lets go of the control socket and the pidfd; init goes on. */
  close(): void {
    if (this.#control >= 0) native.close(this.#control);
    if (this.pidfd >= 0) native.close(this.pidfd);
    if (this.#keeper !== undefined) closeKeeper(this.#keeper);
    this.#control = -1;
    this.pidfd = -1;
  }

  async #adopt(pid: number): Promise<void> {
    // First of all: if an error ends the wait below, this process has to be ended too.
    this.pid = pid;
    if (this.#joiner !== undefined && this.#keeper === undefined) {
      await beforeBlocking(this.pidfd);
      native.waitpid(this.#joiner, false);
      // It has run: a runtime that lives on does not keep the memory that it was made in.
      native.spawnError(this.#joiner);
    }
    this.#joiner = undefined;
    native.close(this.pidfd);
    this.pidfd = -1;
    this.pidfd = check(native.pidfdOpen(pid), "pidfd_open");
  }
}

/** Starts a process that looks a path of the host up, and ends. @throws SYSCALL */
export function spawnProbe(path: string): Spawned {
  return withDescriptor(check(native.open(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0), "open /dev/null"), (none) =>
    withDescriptor(initExecutable(), (program) => {
      const options = { program, args: [StageName.JOIN, "look", path], env: [], fds: [none, none, none] };
      return checkValue(native.spawn(options), START_INIT);
    }),
  );
}

/**
 * Starts init from a sealed copy: a container's process could not write through it to a file of the host (CVE-2019-5736).
 * @param fds become 0, 1, 2 and so on; the last is the control socket, or the keeper's behind that
 * @param how init's arguments from the second on
 * @throws SYSCALL
 */
function spawnInit(
  fds: readonly number[],
  how: readonly [string, "keep"?],
  { atOnce = false, cgroupFd }: { readonly atOnce?: boolean; readonly cgroupFd?: number | undefined } = {},
): Spawned {
  return withDescriptor(initExecutable(), (executable) => {
    const spawned = native.spawn({
      program: executable,
      // The name of the stage, as `ps` shows it; init writes the next one over it.
      args: [StageName.JOIN, String(fds.length - how.length), ...(how as readonly string[])],
      env: [],
      fds,
      atOnce,
      ...(cgroupFd === undefined ? {} : { cgroupFd }),
    });
    return checkValue(spawned, START_INIT);
  });
}

/** The two ends of a socket to init: ours, and the one that it gets. @param descriptors owns both @throws SYSCALL */
function controlSockets(descriptors: Descriptors): readonly [ours: number, theirs: number] {
  const [ours, theirs] = checkValue(native.socketpair(SOCK_SEQPACKET), "socketpair");
  return [descriptors.own(ours), descriptors.own(theirs)];
}

/**
 * Makes a user namespace. It lives by its descriptor; the init that it was made with ends.
 * @param write writes the maps of the namespace of `pid`
 * @param pointer the property that the namespace is for, which errors name
 * @returns the descriptor
 * @throws SYSCALL, and the errors of `write`
 */
export function makeUserNamespace(write: (pid: number) => void, pointer: string): number {
  const descriptors = new Descriptors();
  let started: Spawned | undefined;
  try {
    const [ours, theirs] = controlSockets(descriptors);
    // It has no use for standard streams, and gets none of the host's.
    started = spawnInit([theirs, theirs, theirs, theirs], [Beginning.USERS]);
    descriptors.own(started.pidfd);
    // With our copy of its end open, its death would not be the end of the socket.
    native.close(descriptors.release(theirs));
    const users = descriptors.own(receiveUserNamespace(ours, pointer));
    write(started.pid);
    return descriptors.release(users);
  } finally {
    if (started !== undefined) {
      native.pidfdKill(started.pidfd, SIGKILL);
      native.waitpid(started.pid, false);
    }
    descriptors.close();
  }
}

function receiveUserNamespace(socket: number, pointer: string): number {
  const buffer = new Uint8Array(FAILURE_SIZE);
  const { size, fds } = checkValue(native.receiveMessage(socket, buffer), "recvmsg");
  const [users] = fds;
  const kind = size < MESSAGE_SIZE ? 0 : new DataView(buffer.buffer).getUint32(0, true);
  if (kind === Message.USER_NAMESPACE && users !== undefined) return users;
  const failure = kind === Message.FAILURE ? parseFailure(buffer.subarray(0, size)) : undefined;
  if (failure === undefined)
    throw new RuntimeError("INIT_DIED", "the init of a user namespace for id-mapped mounts was lost", { pointer });
  return check(-failure.errno, `${failure.call} of a user namespace for id-mapped mounts`, { pointer });
}

function message(kind: number, value = 0): Uint8Array {
  const data = new Uint8Array(MESSAGE_SIZE);
  const view = new DataView(data.buffer);
  view.setUint32(0, kind, true);
  view.setInt32(4, value, true);
  return data;
}

/** Init's second argument: the way in which the container's first process is made (`native/init/main.cc`). */
function beginning({ clone, early = false }: InitOptions): string {
  if (clone.staged) return Beginning.BY_PLAN;
  return early ? `${Beginning.WHEN_TOLD}${clone.flags & ~CLONE_NEWPID}` : String(clone.flags);
}

function end(pid: number, thaw?: () => void): void {
  // A child of ours that has not been reaped: no other process can have its pid.
  const pidfd = native.pidfdOpen(pid);
  native.kill(pid, SIGKILL);
  thaw?.();
  // With cgroup v1 a frozen process ends when it is thawed, and runs nothing before that.
  native.poll(new Int32Array([pidfd, POLLIN]), KILL_PATIENCE);
  native.waitpid(pid, true);
  if (pidfd >= 0) native.close(pidfd);
}

/** The children of a process that stands still. */
function childrenOf(pid: number): number[] {
  const text = native.readFile(AT_FDCWD, `/proc/${pid}/task/${pid}/children`, SMALL_FILE);
  return typeof text === "number"
    ? []
    : text
        .trim()
        .split(" ")
        .map(Number)
        .filter((child) => child > 0);
}
