// SPDX-License-Identifier: Apache-2.0
/** Other programs: their paths, and their output. */
import { errnoText } from "../kernel/errno.ts";
import { Descriptors } from "./descriptors.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDWR, check } from "./files.ts";
import { SIGKILL, X_OK } from "../kernel/numbers.ts";
import { native } from "./native.ts";
import { beforeBlocking } from "./waiting.ts";

/** The directories of programs if PATH is not set. */
const USUAL = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const OUTPUT_LIMIT = 1 << 28;

/** PATH of this process's environment, or its default. */
export function searchPath(): string {
  return process.env["PATH"] || USUAL;
}

/** Absolute path of an executable that is in PATH. Relative directories in it are passed over. */
export function findProgram(name: string): string | undefined {
  for (const directory of searchPath().split(":")) {
    const program = `${directory}/${name}`;
    if (directory.startsWith("/") && native.access(AT_FDCWD, program, X_OK) === 0) return program;
  }
  return undefined;
}

/** How a program has ended. */
export interface Finished {
  /** Whether it exited with 0. */
  readonly good: boolean;
  /** `exit status N`, `signal: N`, or why it could not be started. */
  readonly how: string;
  /** Its output, standard output and error in one. */
  readonly output: string;
}

/**
 * Runs a program to its end; its standard input is empty, and it dies with this process.
 *
 * @param args without the name
 * @param env `NAME=value` each; the whole environment
 */
export async function runProgram(program: string, args: readonly string[], env: readonly string[]): Promise<Finished> {
  const name = program.slice(program.lastIndexOf("/") + 1);
  const descriptors = new Descriptors();
  try {
    const input = descriptors.own(check(native.open(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0), "open /dev/null"));
    const output = descriptors.own(check(native.memfd(`runt:${name}`), "memfd_create"));
    const fds = [input, output, output];
    const spawned = native.spawn({ program, args: [name, ...args], env, fds, dieWithParent: true });
    if (typeof spawned === "number") return { good: false, how: errnoText(-spawned), output: "" };
    let exited: ReturnType<typeof native.waitpid> = null;
    let isOver = false;
    try {
      await beforeBlocking(spawned.pidfd);
      isOver = true;
    } finally {
      if (!isOver) native.pidfdKill(spawned.pidfd, SIGKILL);
      exited = native.waitpid(spawned.pid, false);
      native.close(spawned.pidfd);
    }
    const said = native.readFile(AT_FDCWD, `/proc/self/fd/${output}`, OUTPUT_LIMIT);
    const text = typeof said === "string" ? said : "";
    if (exited === null || typeof exited === "number") return { good: false, how: "it was lost", output: text };
    const { signaled, status } = exited;
    return { good: !signaled && status === 0, how: `${signaled ? "signal: " : "exit status "}${status}`, output: text };
  } finally {
    descriptors.close();
  }
}
