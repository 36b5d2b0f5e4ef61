// SPDX-License-Identifier: Apache-2.0
/** Failure records of `init`, as they come over the control socket or the FIFO of `start`. */
import { CALLS, FAILURE_SIZE } from "../plan/steps.ts";

/** The contents of a failure record; see `native/README.md`. */
export interface Failure {
  /** `Stage` of init in which it happened. */
  readonly stage: number;
  /** Index of the step in the plan. */
  readonly step: number;
  /** Positive, or 0 where no system call failed. */
  readonly errno: number;
  /** System call or check, one of `CALLS`. */
  readonly call: string;
  /** For `hook`: the wait status, or `HOOK_TIMED_OUT`; for `execve`: the kind of the file, one of `MissingKind`. */
  readonly value: number;
  /** The path, option or name that it was about. */
  readonly subject: string;
}

/** Reads a record; `undefined` if `bytes` is not one. */
export function parseFailure(bytes: Uint8Array): Failure | undefined {
  if (bytes.length < FAILURE_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const subject = bytes.subarray(24, FAILURE_SIZE);
  const end = subject.indexOf(0);
  return {
    stage: view.getUint32(4, true),
    step: view.getUint32(8, true),
    errno: view.getUint32(12, true),
    call: CALLS[view.getUint32(16, true)] ?? "unknown call",
    value: view.getUint32(20, true),
    subject: new TextDecoder().decode(end < 0 ? subject : subject.subarray(0, end)),
  };
}
