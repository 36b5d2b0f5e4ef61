/**
 * The `init` executable as the runtime sees it: start it with a plan, answer its questions, learn how it
 * ended. The protocol is described in `native/README.md`.
 */
import { RuntimeError } from "../errors.ts";
import { encodePlan } from "../plan/encode.ts";
import type { Plan } from "../plan/build.ts";
import { FAILURE_SIZE, Message } from "../plan/ops.ts";
import { check, checkValue } from "../sys/files.ts";
import { native, nativeDirectory, type Exited } from "../sys/native.ts";
import { failureError, parseFailure } from "./failure.ts";

const SOCK_SEQPACKET = 5;
const SIGKILL = 9;

/** A question, or the end of what init has to say (it execed, or died). */
export type FromInit = { readonly kind: number; readonly value: number } | "end";

/** What to start. */
export interface InitOptions {
  readonly plan: Plan;
  /** Descriptors that become 0, 1 and 2. */
  readonly stdio: readonly [number, number, number];
  /** How many descriptors from 3 the container inherits. */
  readonly preserveFds: number;
  /** The plan's slots, in order. They stay the caller's. */
  readonly slots: readonly number[];
  /** Cgroup v2 directory to be born in. Default: the runtime's own. */
  readonly cgroupFd?: number;
  /** What the hooks that init ran have printed. */
  readonly hookOutput: () => string;
}

/** A running init. */
export class InitProcess {
  /** Pid of the container's first process, in the runtime's pid namespace. */
  pid: number;
  pidfd: number;
  readonly #options: InitOptions;
  #control: number;
  /** The stage that joined the namespaces; it ends when it has cloned the container's first process. */
  #joiner: number | undefined;
  readonly #buffer = new Uint8Array(FAILURE_SIZE);

  /**
   * Starts init. It runs at once, and stops at its first question.
   * @throws SYSCALL
   */
  static start(options: InitOptions): InitProcess {
    const open: number[] = [];
    try {
      const [ours, theirs] = checkValue(native.socketpair(SOCK_SEQPACKET), "socketpair");
      open.push(theirs);
      const executable = native.sealedCopy("runt:init", `${nativeDirectory}/init`);
      open.push(check(executable, `copy ${nativeDirectory}/init`));
      const plan = check(native.sealedMemfd("runt:plan", encodePlan(options.plan.steps)), "memfd_create");
      open.push(plan);
      const preserved = Array.from({ length: options.preserveFds }, (_, index) => 3 + index);
      const spawned = native.spawn({
        program: executable,
        // Its own name of the stage, as `ps` shows it; init writes the next one over it.
        args: [forks(options.plan) ? "runt:[1:JOIN]" : "runt:[2:INIT]", String(3 + options.preserveFds)],
        env: [],
        fds: [...options.stdio, ...preserved, theirs, plan, ...options.slots],
        cloneFlags: options.plan.cloneFlags,
        ...(options.cgroupFd === undefined ? {} : { cgroupFd: options.cgroupFd }),
      });
      const { pid, pidfd } = checkValue(spawned, "clone");
      return new InitProcess(options, pid, pidfd, ours);
    } finally {
      for (const fd of open) native.close(fd);
    }
  }

  private constructor(options: InitOptions, pid: number, pidfd: number, control: number) {
    this.#options = options;
    this.pid = pid;
    this.pidfd = pidfd;
    this.#control = control;
    if (forks(options.plan)) this.#joiner = pid;
  }

  /**
   * Waits for the next question.
   * @throws STEP_FAILED, HOOK_FAILED: init failed, with the property that its step came from
   */
  async receive(): Promise<FromInit> {
    for (;;) {
      const received = native.receiveMessage(this.#control, this.#buffer);
      // A reset socket is one that was closed with our answer unread: its owner has died.
      if (received === -104) return "end";
      const { size } = checkValue(received, "recvmsg");
      if (size === 0) return "end";
      const view = new DataView(this.#buffer.buffer, 0, size);
      const kind = view.getUint32(0, true);
      if (kind === Message.FAILURE) {
        const failure = parseFailure(this.#buffer.subarray(0, size));
        if (failure === undefined) throw new RuntimeError("INTERNAL", "init: a failure record is cut short");
        throw failureError(failure, this.#options.plan.steps, this.#options.hookOutput);
      }
      const value = view.getInt32(4, true);
      if (kind !== Message.INIT_PID) return { kind, value };
      this.#adopt(value);
      this.answer(Message.INIT_PID, [], value);
    }
  }

  /** Answers a question; `fds` go along and stay the caller's. */
  answer(kind: number, fds: readonly number[] = [], value = 0): void {
    const data = new Uint8Array(8);
    const view = new DataView(data.buffer);
    view.setUint32(0, kind, true);
    view.setInt32(4, value, true);
    // EPIPE and its like show at the next receive() as the end.
    native.sendMessage(this.#control, data, fds);
  }

  /** Ends whatever of init is still there, and reaps it. */
  kill(): void {
    for (const pid of new Set([this.pid, this.#joiner ?? this.pid])) {
      native.kill(pid, SIGKILL);
      native.waitpid(pid, false);
    }
    this.close();
  }

  /** How init ended, for an error message; waits for it. */
  ended(): Exited | undefined {
    const exited = native.waitpid(this.pid, false);
    return exited === null || typeof exited === "number" ? undefined : exited;
  }

  /** Lets go of the control socket and the pidfd; init goes on. */
  close(): void {
    if (this.#control >= 0) native.close(this.#control);
    if (this.pidfd >= 0) native.close(this.pidfd);
    this.#control = -1;
    this.pidfd = -1;
  }

  #adopt(pid: number): void {
    if (this.#joiner !== undefined) native.waitpid(this.#joiner, false);
    this.#joiner = undefined;
    native.close(this.pidfd);
    this.pid = pid;
    this.pidfd = check(native.pidfdOpen(pid), "pidfd_open");
  }
}

function forks(plan: Plan): boolean {
  for (const { op } of plan.steps) if (op === "fork") return true;
  return false;
}
