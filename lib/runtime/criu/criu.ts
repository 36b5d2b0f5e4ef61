// SPDX-License-Identifier: Apache-2.0
/**
 * CRIU as a child process that is driven over a socket (`criu swrk`): this is CRIU's interface for programs.
 *
 * @see https://criu.org/RPC
 */
import { RuntimeError } from "../../errors.ts";
import { errnoText } from "../../kernel/errno.ts";
import { Descriptors } from "../../sys/descriptors.ts";
import { AT_FDCWD, check, checkValue } from "../../sys/files.ts";
import { POLLIN, SIGKILL, SOCK_SEQPACKET } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { findProgram, runProgram, searchPath } from "../../sys/find_program.ts";
import { beforeBlocking } from "../../sys/waiting.ts";
import { decodeResponse, encodeRequest, CriuType, type CriuFields, type CriuResponse } from "./messages.ts";
import { callersEnvironment } from "../../sys/environment.ts";

/** How long CRIU may take to end after its socket is closed; milliseconds. */
const END_PATIENCE = 2000;
const STDIO = [0, 1, 2] as const;
/** An error message gets at most this many lines of errors from the log. */
const ERROR_LINES = 4;

/** The callback for CRIU's notifications; `fds` belong to the callee. */
export type OnNotify = (script: string, pid: number, fds: readonly number[]) => void | Promise<void>;

/** A running `criu swrk`. */
export class Criu {
  readonly pid: number;
  #socket: number;
  readonly #pidfd: number;
  #isReaped = false;

  /**
   * Starts it.
   * @param fds descriptors that CRIU gets from 4 on; they stay the caller's
   * @param stdio the descriptors that become 0, 1 and 2
   * @param path of the program; default: the first in PATH
   * @throws HOST_UNABLE where it is not installed, SYSCALL
   */
  static start(fds: readonly number[] = [], stdio: readonly number[] = STDIO, path?: string): Criu {
    const program = path ?? findCriu();
    const descriptors = new Descriptors();
    try {
      const [ours, theirs] = checkValue(native.socketpair(SOCK_SEQPACKET), "socketpair");
      descriptors.own(ours);
      descriptors.own(theirs);
      const options = { program, args: ["criu", "swrk", "3"], env: callersEnvironment(), fds: [...stdio, theirs, ...fds] };
      const { pid, pidfd } = checkValue(native.spawn(options), `start ${program}`, { path: program });
      return new Criu(pid, pidfd, descriptors.release(ours));
    } finally {
      descriptors.close();
    }
  }

  private constructor(pid: number, pidfd: number, socket: number) {
    this.pid = pid;
    this.#pidfd = pidfd;
    this.#socket = socket;
  }

  /**
   * Sends one request, and waits until CRIU has done it.
   * @throws HOST_UNABLE with CRIU's message if it fails, and any error of `onNotify`: CRIU then undoes its work
   */
  async request(request: CriuFields, what: string, onNotify: OnNotify): Promise<CriuResponse> {
    this.#send(request);
    const buffer = new Uint8Array(64 * 1024);
    for (;;) {
      await beforeBlocking(this.#socket);
      const { size, fds } = checkValue(native.receiveMessage(this.#socket, buffer), "recvmsg");
      const said = size === 0 ? undefined : decodeResponse(buffer.subarray(0, size));
      if (said?.type === CriuType.NOTIFY && said.success && said.notify !== undefined) {
        await onNotify(said.notify.script, said.notify.pid, fds);
        this.#send({ type: CriuType.NOTIFY, notify_success: true });
        continue;
      }
      for (const fd of fds) native.close(fd);
      if (said?.success === true) return said;
      const reason = said === undefined ? "it ended without an answer" : reasonOf(said);
      throw new RuntimeError("HOST_UNABLE", `${what}: criu failed: ${reason}`);
    }
  }

  #send(request: CriuFields): void {
    check(native.sendMessage(this.#socket, encodeRequest(request), []), "send a request to criu");
  }

  /** Closes the socket, and waits until CRIU has ended. */
  close(): void {
    if (this.#isReaped) return;
    this.#isReaped = true;
    native.close(this.#socket);
    // Without a client CRIU undoes its work and ends, unless something that it waits for hangs.
    if (native.poll(new Int32Array([this.#pidfd, POLLIN]), END_PATIENCE) <= 0) native.pidfdKill(this.#pidfd, SIGKILL);
    native.waitpid(this.pid, false);
    native.close(this.#pidfd);
  }
}

function reasonOf({ errno, message }: CriuResponse): string {
  const words = [errno === 0 ? "" : errnoText(errno), message.trim()].filter((word) => word !== "");
  return words.length === 0 ? "it names no reason" : words.join(", ");
}

/** @throws HOST_UNABLE */
function findCriu(): string {
  const program = findProgram("criu");
  if (program !== undefined) return program;
  const text = `checkpoint and restore need CRIU: no executable "criu" in PATH (${searchPath()}); it is the package criu`;
  throw new RuntimeError("HOST_UNABLE", text);
}

/** The problem with this host that `criu check` reports; `undefined` if it reports none. */
async function criuCheck(): Promise<string | undefined> {
  const { good, output } = await runProgram(findCriu(), ["check"], [`PATH=${searchPath()}`]);
  return good ? undefined : output.trim().split("\n").slice(-ERROR_LINES).join("; ") || "it fails";
}

/**
 * The error of a failed dump or restore, with the lines of CRIU's log that give the reason, and the output of `criu check` if it
 * finds fault with the host.
 */
export async function explained(error: unknown, what: string, logFile: string): Promise<unknown> {
  if (!(error instanceof RuntimeError) || error.code !== "HOST_UNABLE") return error;
  const text = native.readFile(AT_FDCWD, logFile, 256 << 20);
  const lines: string[] = [];
  for (const line of typeof text === "string" ? text.split("\n") : []) {
    const at = line.indexOf("Error (");
    // Without CAP_SYS_RESOURCE CRIU prints this line, and goes on.
    if (at >= 0 && !line.includes("RLIMIT_NOFILE")) lines.push(line.slice(at).trim());
  }
  const message = lines.length === 0 ? error.message : `${what}: criu failed: ${lines.slice(0, ERROR_LINES).join("; ")}`;
  let verdict: string | undefined;
  try {
    verdict = await criuCheck();
  } catch {
    verdict = undefined;
  }
  const host = verdict === undefined ? "" : `; criu check: ${verdict}`;
  const where = typeof text === "string" ? ` (see ${logFile})` : "";
  const facts = { ...error.facts, path: logFile };
  return new RuntimeError(error.code, `${message}${host}${where}`, facts, error);
}

/** No notification is expected. */
export function ignoreNotify(_script: string, _pid: number, fds: readonly number[]): void {
  for (const fd of fds) native.close(fd);
}
