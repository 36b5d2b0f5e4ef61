// SPDX-License-Identifier: Apache-2.0
/**
 * The one error type of runt. Library code throws nothing else; only `lib/cli` turns it into text on
 * stderr, a log entry and an exit code.
 */

/** Every code that a {@link RuntimeError} can carry; the list is closed. */
export type ErrorCode =
  /** config.json, state.json or a process file is missing, unreadable, not JSON, or breaks a rule. */
  | "CONFIG_INVALID"
  /** A property of config.json that this runt cannot do yet. */
  | "NOT_SUPPORTED"
  /** Something that this host (kernel, LSM, cgroup tree) cannot do. */
  | "HOST_UNABLE"
  /** The arguments of a command are wrong. */
  | "USAGE"
  | "INVALID_ID"
  | "CONTAINER_EXISTS"
  | "CONTAINER_NOT_FOUND"
  /** The record of a container cannot be read: somebody else has written to it. */
  | "STATE_DAMAGED"
  /** The container is not in a state in which the operation is allowed. */
  | "WRONG_STATE"
  | "CONTAINER_NOT_RUNNING"
  /** A system call of the runtime itself failed. */
  | "SYSCALL"
  /** A step of `init` failed inside the container's namespaces. */
  | "STEP_FAILED"
  /** `init` went away without saying why (killed, or out of memory). */
  | "INIT_DIED"
  | "HOOK_FAILED"
  | "CGROUP"
  | "CGROUP_NOT_EMPTY"
  | "CGROUP_FROZEN"
  | "TIMEOUT"
  /** A program of a container has not ended well, where the caller has asked for an error then. */
  | "PROGRAM_FAILED"
  /** An image that is damaged, hostile, or of a form that is not known. */
  | "IMAGE_INVALID"
  /** An AbortSignal has ended the operation; `cause` is its reason. */
  | "ABORTED"
  /** A signal has ended the command; `signal` is its number. */
  | "INTERRUPTED"
  /** A defect of runt. */
  | "INTERNAL";

/** Facts of an error that a program may want to read; each is optional. */
export interface ErrorFacts {
  /** JSON Pointer into config.json of the property that the failed action came from. */
  readonly pointer?: string;
  /** File, directory or program that the failed action was about. */
  readonly path?: string;
  /** Positive errno of the failed system call. */
  readonly errno?: number;
  /** Name of the failed system call, such as `mount`. */
  readonly syscall?: string;
  /** The message as runc has it, where ours explains more than that. */
  readonly brief?: string;
  /** As `brief`, where runc prints that line alone, and logs nothing: its init has printed it. */
  readonly bare?: string;
  /** Number of the signal that has ended the command. */
  readonly signal?: number;
  /** Every problem of a config.json, when there can be several. */
  readonly problems?: readonly Problem[];
}

/** Of many problems a message and a log show so many, and the number of the rest. */
export const SHOWN_PROBLEMS = 20;

/** One problem of a JSON document: where it is, what was found, what is allowed. */
export interface Problem {
  /** JSON Pointer (RFC 6901) of the value, `""` for the whole document. */
  readonly pointer: string;
  /** 1-based line of the value in the file; 0 if there is no such place. */
  readonly line: number;
  /** 1-based column, counted in UTF-16 units; 0 if there is no such place. */
  readonly column: number;
  /** What is wrong, in one sentence without the place: found and allowed. */
  readonly message: string;
}

/** An operation that failed, with a code, the facts, and the cause if there was one. */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  /**
   * @param code one of the closed list
   * @param message what was attempted and why it failed, in one line, without a prefix such as "error:"
   * @param facts what a program may want to read
   * @param cause the error behind this one
   */
  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.facts = facts;
  }

  /** The same error with text before its message, and before the brief one; code, the other facts and cause are kept. */
  prefixed(text: string): RuntimeError {
    const { brief } = this.facts;
    const facts = brief === undefined ? this.facts : { ...this.facts, brief: `${text}${brief}` };
    return new RuntimeError(this.code, `${text}${this.message}`, facts, this.cause);
  }
}

/** `error` as a {@link RuntimeError}; what is not one becomes `INTERNAL`. */
export function asRuntimeError(error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new RuntimeError("INTERNAL", text, {}, error);
}
