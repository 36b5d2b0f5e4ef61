import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { RuntimeError } from "../errors.ts";
import { Errno } from "../kernel/errno.ts";
import { check } from "../sys/files.ts";
import { POLLIN, SIGKILL } from "../kernel/numbers.ts";
import { native } from "../sys/native.ts";
import { resize, settle, type Streams, type TerminalSize } from "./stdio.ts";
import { watchOnce } from "./watching.ts";

/** A signal by its name or number. */
export type Signal = NodeJS.Signals | number;

/** How a process of `exec` has ended. */
export interface ProcessEnd {
  /** Exit status, or 128 and the number of the signal. */
  readonly exitCode: number;
  /** Number of the signal that ended it. */
  readonly signal?: number;
}

/** One more process in a container; its end closes its streams, and until then it keeps the program alive. */
export class ContainerProcess {
  /** As this program's pid namespace knows it. */
  readonly pid: number;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly #streams: Streams;
  readonly #end: Promise<ProcessEnd>;
  #pidfd: number;

  /** Use `Container.exec`. */
  constructor(pid: number, streams: Streams) {
    this.pid = pid;
    this.#streams = streams;
    ({ stdin: this.stdin, stdout: this.stdout, stderr: this.stderr } = streams);
    // It is a child of ours that nobody else reaps: the pid is still its own.
    this.#pidfd = check(native.pidfdOpen(pid), "pidfd_open");
    this.#end = new Promise((resolve, reject) => {
      watchOnce(this.#pidfd, POLLIN, () => {
        const end = reap(pid, this.#pidfd);
        native.close(this.#pidfd);
        this.#pidfd = -1;
        settle(streams);
        if (end === undefined) reject(new RuntimeError("INTERNAL", `process ${pid} was reaped by somebody else`));
        else resolve(end);
      });
    });
    // Told to those who call wait().
    this.#end.catch(() => undefined);
  }

  /** How it has ended, once it has. */
  wait(): Promise<ProcessEnd> {
    return this.#end;
  }

  /**
   * Sends a signal.
   * @returns `false` where the process has ended
   * @throws USAGE for an unknown signal, SYSCALL
   */
  kill(signal: Signal = "SIGTERM"): boolean {
    if (this.#pidfd < 0) return false;
    const result = native.pidfdKill(this.#pidfd, signalNumber(signal));
    if (result === -Errno.ESRCH) return false;
    check(result, "pidfd_send_signal");
    return true;
  }

  /** Gives the terminal another size. @throws USAGE where there is none, SYSCALL */
  resize(size: TerminalSize): void {
    resize(this.#streams.master, size);
  }
}

/**
 * Reaps a child that has ended.
 * @param pidfd of the child: from Linux 6.15 on it tells how one has ended that somebody else has reaped
 * @returns `undefined` where nobody can tell
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

/** Ends a child of which nobody has been told, and reaps it. */
export async function discard(pid: number): Promise<void> {
  native.kill(pid, SIGKILL);
  while (native.waitpid(pid, true) === null) await setTimeout(1);
}

/** @throws USAGE */
export function signalNumber(signal: Signal): number {
  const number = typeof signal === "number" ? signal : constants.signals[signal];
  if (Number.isInteger(number) && number > 0 && number <= 64) return number;
  throw new RuntimeError("USAGE", `unknown signal ${JSON.stringify(signal)}`);
}
