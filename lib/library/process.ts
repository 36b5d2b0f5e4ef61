// SPDX-License-Identifier: Apache-2.0
import { constants } from "node:os";
import { setTimeout } from "node:timers/promises";
import { RuntimeError } from "../errors.ts";
import { Errno } from "../kernel/errno.ts";
import { check } from "../sys/files.ts";
import { POLLIN, SIGKILL } from "../kernel/numbers.ts";
import { native } from "../sys/native.ts";
import { resize, settle, type Streams, type StreamTypes, type TerminalSize } from "./stdio.ts";
import { nearest } from "../spec/rules/nearest.ts";
import { expect, fields, flag, show, whole } from "./options/kinds.ts";
import { watchOnce } from "./watching.ts";

/** A signal by its name or number. */
export type Signal = NodeJS.Signals | number;

/**
 * The cause of a process's end: the `signal` option, the `timeout` option, the kernel's OOM killer, or a call of `kill` or
 * `delete`. Absent where the process ended by itself, or where this object does not know the sender.
 */
export type KilledBy = "abort" | "timeout" | "oom" | "kill" | "delete";

/** The end of a process of `exec`. */
export interface ProcessEnd {
  /** Exit status, or 128 and the number of the signal. */
  readonly exitCode: number;
  /** Number of the signal that ended it. */
  readonly signal?: number;
  readonly killedBy?: KilledBy;
}

/** The end of the first process of a container. */
export interface ContainerEnd extends ProcessEnd {
  /** The signal came while the kernel killed processes of the container for want of memory. */
  readonly oomKilled: boolean;
}

/** The senders of signals to a process: the first sender of each signal. */
export class Killers {
  readonly #sent = new Map<number, KilledBy>();

  /** Notes the sender of a signal before the signal is sent. */
  sends(signal: number, who: KilledBy): void {
    if (!this.#sent.has(signal)) this.#sent.set(signal, who);
  }

  /** The signal that an exit status stands for, if it is one that was sent. */
  signalOf({ exitCode }: ProcessEnd): { readonly signal?: number } {
    const signal = exitCode - 128;
    return this.#sent.has(signal) ? { signal } : {};
  }

  /** The end of a process, and whose signal it was. */
  judge<End extends ProcessEnd & { readonly oomKilled?: boolean }>(end: End): End {
    if (end.oomKilled === true) return { ...end, killedBy: "oom" };
    const who = end.signal === undefined ? undefined : this.#sent.get(end.signal);
    return who === undefined ? end : { ...end, killedBy: who };
  }
}

/** The operations of its container that a process needs. */
export interface ProcessTree {
  /** Sends a signal to the process and all that came of it. */
  kill(signal: number): Promise<void>;
  /** The process has ended. */
  ended(): void;
}

/** One more process in a container; its end closes its streams, and until then it keeps the program alive. */
export class ContainerProcess<Types extends StreamTypes = StreamTypes> {
  /** As this program's pid namespace knows it. */
  readonly pid: number;
  readonly stdin: Types["stdin"];
  readonly stdout: Types["stdout"];
  readonly stderr: Types["stderr"];
  readonly #streams: Streams;
  readonly #tree: ProcessTree;
  readonly #killers = new Killers();
  readonly #end: Promise<ProcessEnd>;
  #pidfd: number;

  /** @internal Use `Container.spawn`. */
  constructor(pid: number, streams: Streams, tree: ProcessTree) {
    this.pid = pid;
    this.#streams = streams;
    this.#tree = tree;
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
    // The process is a child of ours that no other code reaps: the pid is still its own.
    this.#pidfd = check(native.pidfdOpen(pid), "pidfd_open");
    this.#end = new Promise((resolve, reject) => {
      watchOnce(this.#pidfd, POLLIN, () => {
        const end = reap(pid, this.#pidfd);
        native.close(this.#pidfd);
        this.#pidfd = -1;
        settle(streams);
        tree.ended();
        if (end === undefined) reject(new RuntimeError("INTERNAL", `process ${pid} was reaped by somebody else`));
        else resolve(this.#killers.judge(end));
      });
    });
    // Callers of wait() get the error.
    this.#end.catch(() => undefined);
  }

  /** Waits for the process to end, and returns how it ended. */
  wait(): Promise<ProcessEnd> {
    return this.#end;
  }

  /**
   * Sends a signal.
   * @returns `false` where the process has ended
   * @throws USAGE for an unknown signal, SYSCALL
   */
  kill(signal?: Signal): boolean;
  /**
   * Sends a signal to the process and to all processes that it has started, also after its end. Where containers have no cgroup,
   * a process that has begun a session of its own and lost its parents is not found.
   * @returns `false` where the process has ended
   * @throws USAGE for an unknown signal
   */
  kill(signal: Signal | undefined, options: { readonly tree: true }): Promise<boolean>;
  kill(signal: Signal = "SIGTERM", options: { readonly tree?: boolean } = {}): boolean | Promise<boolean> {
    const number = signalNumber(signal);
    expect("kill", options, fields<{ tree?: boolean }>({ tree: flag }));
    if (options.tree === true) return this.killTree(number, "kill");
    if (this.#pidfd < 0) return false;
    this.#killers.sends(number, "kill");
    const result = native.pidfdKill(this.#pidfd, number);
    if (result === -Errno.ESRCH) return false;
    check(result, "pidfd_send_signal");
    return true;
  }

  /** @internal */
  async killTree(signal: number, who: KilledBy): Promise<boolean> {
    const lives = this.#pidfd >= 0;
    if (lives) this.#killers.sends(signal, who);
    await this.#tree.kill(signal);
    return lives;
  }

  /** Changes the size of the terminal. @throws USAGE where there is none, SYSCALL */
  resize(size: TerminalSize): void {
    expect("resize", size, fields<TerminalSize>({ rows: whole, columns: whole }, "an object { rows, columns }"));
    resize(this.#streams.master, size);
  }
}

/**
 * Reaps a child that has ended.
 * @param pidfd of the child: from Linux 6.15 on it gives the exit status of a child that another caller has reaped
 * @returns `undefined` where the status is lost
 */
export function reap(pid: number, pidfd?: number): ProcessEnd | undefined {
  const exited = native.waitpid(pid, true);
  if (exited !== null && typeof exited !== "number") return endOf(exited.signaled, exited.status);
  const status = pidfd === undefined ? null : native.pidfdExit(pidfd);
  if (status === null || status < 0) return undefined;
  const signal = status & 0x7f;
  return endOf(signal !== 0, signal === 0 ? (status >> 8) & 0xff : signal);
}

function endOf(signaled: boolean, status: number): ProcessEnd {
  return signaled ? { exitCode: 128 + status, signal: status } : { exitCode: status };
}

/** Ends a child that no caller knows of, and reaps it. */
export async function discard(pid: number): Promise<void> {
  native.kill(pid, SIGKILL);
  while (native.waitpid(pid, true) === null) await setTimeout(1);
}

/** @throws USAGE */
export function signalNumber(signal: Signal): number {
  const known: Readonly<Record<string, number>> = constants.signals;
  const number = typeof signal === "number" ? signal : typeof signal === "string" ? known[signal] : undefined;
  if (number !== undefined && Number.isInteger(number) && number > 0 && number <= 64) return number;
  const names = Object.keys(known);
  const name = String(signal).toUpperCase();
  const meant = typeof signal !== "string" ? undefined : (names.find((each) => each === `SIG${name}`) ?? nearest(name, names));
  throw new RuntimeError("USAGE", `unknown signal ${show(signal)}${meant === undefined ? "" : `: did you mean ${show(meant)}?`}`);
}
