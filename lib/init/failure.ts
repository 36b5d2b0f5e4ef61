// SPDX-License-Identifier: Apache-2.0
/** Failure records of `init` as errors that a person can use. */
import { RuntimeError } from "../errors.ts";
import { RLIMITS } from "../kernel/plan_numbers.ts";
import { HOOK_TIMED_OUT, Stage, type Step } from "../plan/steps.ts";
import { propertyName } from "../spec/json/property_name.ts";
import { Errno, errnoText } from "../kernel/errno.ts";
import type { Failure } from "./failure_record.ts";
import { outputText } from "./hook_output.ts";
import { isMissing, stepWords } from "./step_words.ts";

/**
 * The error for a failed step.
 * @param hookOutput gives the output of the failed hook
 */
export function failureError(failure: Failure, steps: readonly Step[], hookOutput: () => string): RuntimeError {
  const step = steps[failure.step];
  if (step === undefined && (failure.call === "clone" || failure.call === "unshare")) return namespacesError(failure);
  const facts = {
    errno: failure.errno,
    syscall: failure.call,
    ...(step !== undefined && step.origin !== "" ? { pointer: step.origin } : {}),
    ...(failure.subject !== "" ? { path: failure.subject } : {}),
    ...(step?.op === "exec" && (isMissing(failure.call) || failure.value !== 0)
      ? { bare: `exec ${step.fields.args[0] ?? ""}: ${errnoText(failure.errno)}` }
      : {}),
  };
  if (failure.errno === Errno.ENOMEM && failure.stage === Stage.INIT) {
    const hint = "is linux.resources.memory.limit, or RLIMIT_AS or RLIMIT_DATA in process.rlimits, too low?";
    const text = `${where(step)}${failure.call}: out of memory: ${hint}`;
    return new RuntimeError("STEP_FAILED", text, facts);
  }
  if (step?.op === "hook") return hookError(failure, step, hookOutput(), facts);
  const failed = { ...failure, op: step?.op ?? "init", reason: errnoText(failure.errno), place: where(step) };
  const described = stepWords(step?.op, failed, step?.fields ?? {});
  // Callers look for runc's words, which begin so.
  const text = step?.op === "mount" ? `error during container init: ${described}` : `${where(step)}${described}`;
  return new RuntimeError("STEP_FAILED", `${text}${tooFewFiles(failure, steps)}`, facts);
}

/** A hint for a step that cannot open a file because an earlier step has set RLIMIT_NOFILE too low. */
function tooFewFiles({ errno, step }: Failure, steps: readonly Step[]): string {
  if (errno !== Errno.EMFILE) return "";
  const limited = steps.slice(0, step).some((each) => each.op === "rlimit" && each.fields.resource === RLIMITS["RLIMIT_NOFILE"]);
  return limited ? ": is RLIMIT_NOFILE of process.rlimits too low?" : "";
}

/** The error for the namespaces, which are made before the plan's first step. */
function namespacesError({ call, errno }: Failure): RuntimeError {
  const hint = NAMESPACE_HINTS[errno];
  const text = `linux.namespaces: ${call}: ${errnoText(errno)}${hint === undefined ? "" : ` (${hint})`}`;
  return new RuntimeError("STEP_FAILED", text, { errno, syscall: call, pointer: "/linux/namespaces" });
}

/** The reasons why the kernel makes no namespaces, by errno. */
const NAMESPACE_HINTS: Readonly<Record<number, string>> = {
  [Errno.EPERM]: "CAP_SYS_ADMIN is missing, or a seccomp filter of the container or service that this runs in forbids it",
  [Errno.EAGAIN]: "RLIMIT_NPROC, or the pids limit of the cgroup, is reached",
  [Errno.ENOSPC]: "a limit in /proc/sys/user/max_*_namespaces is reached",
  [Errno.EINVAL]: "the kernel does not have one of them",
};

function where(step: Step | undefined): string {
  return step === undefined || step.origin === "" ? "" : `${propertyName(step.origin)}: `;
}

function hookError(failure: Failure, step: Extract<Step, { op: "hook" }>, output: string, facts: object): RuntimeError {
  const [, , kind, index] = step.origin.split("/");
  const name = `error running ${kind} hook #${index}: ${step.fields.path}`;
  let reason: string;
  if (failure.call !== "hook") reason = `${failure.call}: ${errnoText(failure.errno)}`;
  else if (failure.value === HOOK_TIMED_OUT) {
    reason = `hook ran past specified timeout of ${step.fields.timeoutMs / 1000}s`;
  } else reason = waitStatusText(failure.value);
  return new RuntimeError("HOOK_FAILED", `${name}: ${reason}${outputText(output)}`, facts);
}

/** A wait status in words, as Go prints it. */
function waitStatusText(status: number): string {
  const signal = status & 0x7f;
  return signal === 0 ? `exit status ${(status >> 8) & 0xff}` : `signal: ${signalText(signal)}`;
}

/** A signal in words, as Go prints it. */
export function signalText(signal: number): string {
  return SIGNALS[signal] ?? String(signal);
}

/** By number, which is the same on x86_64 and aarch64. */
const SIGNALS: readonly (string | undefined)[] = [
  undefined,
  "hangup",
  "interrupt",
  "quit",
  "illegal instruction",
  "trace/breakpoint trap",
  "aborted",
  "bus error",
  "floating point exception",
  "killed",
  "user defined signal 1",
  "segmentation fault",
  "user defined signal 2",
  "broken pipe",
  "alarm clock",
  "terminated",
  "stack fault",
  "child exited",
  "continued",
  "stopped (signal)",
  "stopped",
  "stopped (tty input)",
  "stopped (tty output)",
  "urgent I/O condition",
  "CPU time limit exceeded",
  "file size limit exceeded",
  "virtual timer expired",
  "profiling timer expired",
  "window changed",
  "I/O possible",
  "power failure",
  "bad system call",
];
