import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import { RuntimeError } from "../errors.ts";
import { Errno } from "../sys/errno.ts";
import { check } from "../sys/files.ts";
import { POLLIN } from "../sys/linux.ts";
import { native } from "../sys/native.ts";
import { resize, type Streams, type TerminalSize } from "./stdio.ts";
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
    this.#end = new Promise((resolve) => {
      watchOnce(this.#pidfd, POLLIN, () => {
        native.close(this.#pidfd);
        this.#pidfd = -1;
        resolve(reap(pid));
      });
    });
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

/** Reaps a child that has ended. */
export function reap(pid: number): ProcessEnd {
  const exited = native.waitpid(pid, true);
  if (exited === null || typeof exited === "number") {
    throw new RuntimeError("INTERNAL", `process ${pid} was reaped by somebody else`);
  }
  return exited.signaled ? { exitCode: 128 + exited.status, signal: exited.status } : { exitCode: exited.status };
}

/** @throws USAGE */
export function signalNumber(signal: Signal): number {
  const number = typeof signal === "number" ? signal : constants.signals[signal];
  if (Number.isInteger(number) && number > 0 && number <= 64) return number;
  throw new RuntimeError("USAGE", `unknown signal ${JSON.stringify(signal)}`);
}
