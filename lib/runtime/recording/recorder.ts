// SPDX-License-Identifier: Apache-2.0
/** The process that records the system calls of a container (`native/init/recorder.h`), as the runtime sees it. */
import { RuntimeError } from "../../errors.ts";
import { initExecutable } from "../../init/executable.ts";
import { Errno } from "../../kernel/errno.ts";
import { SOCK_DGRAM, SOCK_SEQPACKET } from "../../kernel/numbers.ts";
import type { SeccompFilter } from "../../plan/facts.ts";
import { Message } from "../../plan/steps.ts";
import { FLAG_WAIT_KILLABLE_RECV, FLAG_NEW_LISTENER } from "../../seccomp/constants.ts";
import { seccompNative } from "../../seccomp/native.ts";
import { encodePolicies, FLAGS_OFFSET, NotesFlag } from "../../seccomp/notes.ts";
import { numberPolicies, policiesFor } from "../../seccomp/policies.ts";
import { recordingFilter, recordingFlags } from "../../seccomp/recording_filter.ts";
import { unreportedCalls } from "../../seccomp/unreported.ts";
import { parseSeccomp } from "../../spec/documents/seccomp_file.ts";
import type { Config } from "../../spec/types.ts";
import { Descriptors, withDescriptor } from "../../sys/descriptors.ts";
import { AT_FDCWD, check, checkValue, exists, O_CLOEXEC, O_RDONLY, O_RDWR } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { readable } from "../../sys/waiting.ts";
import type { RecordingOptions } from "../options.ts";
import { checkFile } from "./file.ts";

/** In the container's directory: the recorder's socket, and, when it has ended, why there is no profile; empty if there is one. */
const SOCKET = "recorder.sock";
export const OUTCOME = "recorder.outcome";
/** Why there is no profile where the recorder could not say that. */
export const RECORDER_KILLED = "the process that records them was killed";
const NAME = "runt:[0:RECORD]";
/** How long the recorder of an ended container may take to write the profile; milliseconds. */
const PATIENCE = 20_000;
/** The first kernel that tells a reader that nobody is left to be read (5.9). */
const NEEDED = [5, 9] as const;

/** What the program that makes the profile gets as its argument, in JSON. */
export interface FinishRequest extends RecordingOptions {
  /** The container's directory. */
  readonly state: string;
}

/**
 * Checks what does not need the container.
 * @throws USAGE, CONFIG_INVALID, SYSCALL for the file; HOST_UNABLE
 */
export function checkRecording({ file, append = false }: RecordingOptions, config: Config): void {
  if (config.process === undefined) {
    throw new RuntimeError("USAGE", "--record-seccomp: config.json has no process, and so nothing to record");
  }
  const [major = 0, minor = 0] = native.kernelRelease().split(".").map(Number);
  if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
    throw new RuntimeError("HOST_UNABLE", `--record-seccomp needs Linux ${NEEDED.join(".")}, this is ${native.kernelRelease()}`);
  }
  const former = checkFile(file, append);
  if (former !== undefined) parseSeccomp(former, file);
}

/** The filter for a process that is recorded. @param own the compiled profile of the container @throws CONFIG_INVALID */
export function recordingOf(own: SeccompFilter | undefined): SeccompFilter {
  const bytes = new Uint8Array(16);
  withDescriptor(check(native.open(AT_FDCWD, "/dev/urandom", O_RDONLY | O_CLOEXEC, 0), "open /dev/urandom"), (fd) => {
    if (native.read(fd, bytes) !== bytes.length) throw new RuntimeError("HOST_UNABLE", "read /dev/urandom: too few bytes");
  });
  const view = new DataView(bytes.buffer);
  const marks = { fifth: view.getBigUint64(0, true), sixth: view.getBigUint64(8, true) };
  // Else a signal would interrupt calls that no signal interrupts otherwise, until the answer. Before the receipt it does anyway.
  const killable = seccompNative().hasFlag(FLAG_WAIT_KILLABLE_RECV | FLAG_NEW_LISTENER) ? FLAG_WAIT_KILLABLE_RECV : 0;
  return {
    filter: recordingFilter(own?.filter, marks, unreportedCalls(own?.filter)),
    flags: recordingFlags(own?.flags ?? 0, killable),
    marks,
  };
}

/** The recorder of a container that is being made. */
export class Recorder {
  readonly pid: number;
  readonly #notes: number;
  readonly #life: number;
  readonly #socketPath: string;
  readonly #descriptors: Descriptors;

  /**
   * Starts it. It ends with the runtime until it has a listener.
   * @param state the container's directory
   * @throws SYSCALL, CONFIG_INVALID
   */
  static start(options: RecordingOptions, config: Config, state: string): Recorder {
    const policies = numberPolicies(policiesFor(config.linux?.seccomp, options.arguments ?? []));
    const descriptors = new Descriptors();
    const socketPath = `${state}/${SOCKET}`;
    try {
      const notes = descriptors.own(check(native.memfd("runt:notes"), "memfd_create"));
      const head = encodePolicies(policies);
      if (native.write(notes, head) !== head.length) throw new RuntimeError("HOST_UNABLE", "write to a memfd: too few bytes");
      const socket = check(native.bindUnix(socketPath, SOCK_DGRAM), `bind ${socketPath}`, { path: socketPath });
      return withDescriptor(socket, () => {
        native.chmod(AT_FDCWD, socketPath, 0o600);
        const [life, theirs] = checkValue(native.socketpair(SOCK_SEQPACKET), "socketpair");
        descriptors.own(life);
        return withDescriptor(theirs, () => {
          const pid = spawnRecorder({ ...options, state }, [notes, socket, theirs]);
          return new Recorder(pid, notes, life, socketPath, descriptors);
        });
      });
    } catch (error) {
      descriptors.close();
      throw error;
    }
  }

  private constructor(pid: number, notes: number, life: number, socketPath: string, descriptors: Descriptors) {
    this.pid = pid;
    this.#notes = notes;
    this.#life = life;
    this.#socketPath = socketPath;
    this.#descriptors = descriptors;
  }

  /** Gives it a listener, which stays the caller's. @throws SYSCALL, INIT_DIED */
  take(listener: number): void {
    sendListener(this.#socketPath, listener);
  }

  /** Ends it; nothing is written. */
  abort(): void {
    native.sendMessage(this.#life, "0", []);
    native.waitpid(this.pid, false);
    this.close();
  }

  /** It has ended too early: processes of the container that are left get ENOSYS for each call. */
  isLost(): boolean {
    if (isThere(this.#socketPath)) return false;
    const flags = new Uint8Array(4);
    return native.readAt(this.#notes, flags, FLAGS_OFFSET) === 4 && ((flags[0] ?? 0) & NotesFlag.FINISHED) === 0;
  }

  /** Lets go of it; it stays. */
  close(): void {
    this.#descriptors.close();
  }
}

function spawnRecorder(request: FinishRequest, fds: readonly [notes: number, socket: number, life: number]): number {
  const descriptors = new Descriptors();
  try {
    const none = descriptors.own(check(native.open(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0), "open /dev/null"));
    const { path, args } = finisher(JSON.stringify(request));
    const program = descriptors.own(check(native.open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), `open ${path}`, { path }));
    const spawned = native.spawn({
      program: descriptors.own(initExecutable()),
      args: [NAME, "record", ...args],
      env: [],
      fds: [none, none, none, ...fds, program],
    });
    const { pid, pidfd } = checkValue(spawned, "start the recorder");
    native.close(pidfd);
    return pid;
  } finally {
    descriptors.close();
  }
}

/** The program that makes the profile, and its arguments. The library has a module for it. */
function finisher(request: string): { readonly path: string; readonly args: readonly string[] } {
  if (process.env["RUNT_COMPILED"] === "1") return { path: "/proc/self/exe", args: ["runt", FINISH, request] };
  const module = `${import.meta.dirname}/../../library/recorded`;
  const extension = exists(`${module}.js`) ? "js" : "ts";
  return { path: process.execPath, args: ["node", `${module}.${extension}`, request] };
}

/** The word by which the program is told that it is to make a profile; no command has this name. */
export const FINISH = "@recorded";

/**
 * Gives a listener to the recorder of a container that is there.
 * @throws WRONG_STATE where the recorder has ended
 */
export function joinRecording(state: string, listener: number): void {
  sendListener(`${state}/${SOCKET}`, listener);
}

function sendListener(path: string, listener: number): void {
  const socket = native.connectUnix(path, SOCK_DGRAM);
  if (socket < 0) throw gone();
  const sent = withDescriptor(socket, () => native.sendMessage(socket, message(), [listener]));
  if (sent < 0) throw gone();
}

function gone(): RuntimeError {
  return new RuntimeError("WRONG_STATE", "the process that records the container's system calls has been killed");
}

function message(): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, Message.RECORD, true);
  return bytes;
}

function isThere(path: string): boolean {
  const socket = native.connectUnix(path, SOCK_DGRAM);
  if (socket < 0) return socket === -Errno.EAGAIN;
  native.close(socket);
  return true;
}

/**
 * Waits until the recorder of an ended container has written the profile.
 * @param finish no process of the container is left: the recorder need not wait for one that nobody reaps
 * @returns why there is no profile
 */
export async function awaitRecorder(state: string, finish: boolean): Promise<string | undefined> {
  const path = `${state}/${SOCKET}`;
  if (finish) {
    const socket = native.connectUnix(path, SOCK_DGRAM);
    if (socket >= 0) withDescriptor(socket, () => native.sendMessage(socket, message(), []));
  }
  const end = native.now() + PATIENCE;
  while (isThere(path)) {
    if (native.now() > end) return "the process that records them does not end";
    await readable(-1, 2);
  }
  const text = native.readFile(AT_FDCWD, `${state}/${OUTCOME}`, 65536);
  if (typeof text !== "string") return RECORDER_KILLED;
  return text === "" ? undefined : text;
}
