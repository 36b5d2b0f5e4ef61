/** Failure records of `init` as errors that a person can use. */
import { RuntimeError } from "../errors.ts";
import { RLIMITS } from "../kernel/plan_numbers.ts";
import { CALLS, FAILURE_SIZE, MountFlag, Stage, type Step } from "../plan/steps.ts";
import { propertyName } from "../spec/json/property_name.ts";
import { Errno, errnoText } from "../kernel/errno.ts";
import { outputText } from "./hook_output.ts";

/** What a failure record says; see `native/README.md`. */
export interface Failure {
  /** `Stage` of init in which it happened. */
  readonly stage: number;
  /** Index of the step in the plan. */
  readonly step: number;
  /** Positive, or 0 where no system call failed. */
  readonly errno: number;
  /** System call or check, one of `CALLS`. */
  readonly call: string;
  /** For `hook`: the wait status, or {@link HOOK_TIMED_OUT}; for `execve`: what the file is, see {@link noProgram}. */
  readonly value: number;
  /** The path, option or name that it was about. */
  readonly subject: string;
}

/** Of linux/sched.h. */
const SCHED_FIFO = 1;
const SCHED_RR = 2;

/** `value` of a hook that ran longer than its timeout. */
const HOOK_TIMED_OUT = 0x10000;

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

/**
 * The error for a failed step.
 * @param hookOutput what the failed hook had printed
 */
export function failureError(
  failure: Failure,
  steps: readonly Step[],
  hookOutput: () => string,
): RuntimeError {
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
  const reason = errnoText(failure.errno);
  const described = describe(step, failure, reason);
  // Callers look for runc's words, which begin so.
  const text = step?.op === "mount" ? `error during container init: ${described}` : `${where(step)}${described}`;
  return new RuntimeError("STEP_FAILED", `${text}${tooFewFiles(failure, steps)}`, facts);
}

/** A hint for whatever has to open a file after the step that leaves too few. */
function tooFewFiles({ errno, step }: Failure, steps: readonly Step[]): string {
  if (errno !== Errno.EMFILE) return "";
  const limited = steps.slice(0, step).some((each) => each.op === "rlimit" && each.fields.resource === RLIMITS["RLIMIT_NOFILE"]);
  return limited ? ": is RLIMIT_NOFILE of process.rlimits too low?" : "";
}

/** What makes the namespaces comes before the plan's first step. */
function namespacesError({ call, errno }: Failure): RuntimeError {
  const hint = NAMESPACE_HINTS[errno];
  const text = `linux.namespaces: ${call}: ${errnoText(errno)}${hint === undefined ? "" : ` (${hint})`}`;
  return new RuntimeError("STEP_FAILED", text, { errno, syscall: call, pointer: "/linux/namespaces" });
}

/** What the kernel means when it makes no namespaces. */
const NAMESPACE_HINTS: Readonly<Record<number, string>> = {
  [Errno.EPERM]: "CAP_SYS_ADMIN is missing, or a seccomp filter of the container or service that this runs in forbids it",
  [Errno.EAGAIN]: "RLIMIT_NPROC, or the pids limit of the cgroup, is reached",
  [Errno.ENOSPC]: "a limit in /proc/sys/user/max_*_namespaces is reached",
  [Errno.EINVAL]: "the kernel does not have one of them",
};

function where(step: Step | undefined): string {
  return step === undefined || step.origin === "" ? "" : `${propertyName(step.origin)}: `;
}

function describe(step: Step | undefined, failure: Failure, reason: string): string {
  const { call, subject } = failure;
  const quoted = subject === "" ? "" : ` ${JSON.stringify(subject)}`;
  switch (step?.op) {
    case "mount": {
      const { source, target, fstype } = step.fields;
      const what = source === "" ? fstype : source;
      const strict = (step.fields.flags & MountFlag.STRICT_TARGET) !== 0;
      if (strict && (failure.errno === Errno.ELOOP || failure.errno === Errno.ENOTDIR)) {
        const must = `filesystem ${JSON.stringify(fstype)} must be mounted on ordinary directory`;
        return `error mounting ${JSON.stringify(what)} to rootfs at ${JSON.stringify(target)}: ${where(step)}${must}: ${call}: ${reason}`;
      }
      if (call === "verify") {
        const place = `error mounting ${JSON.stringify(what)} to rootfs at ${JSON.stringify(target)}: ${where(step)}`;
        return place + misplaced(failure.errno, subject, reason);
      }
      const unmapped = failure.errno === Errno.EINVAL ? /^([ug]id)=[0-9]+$/.exec(subject)?.[1] : undefined;
      const hint = unmapped === undefined ? "" : `: is it in linux.${unmapped}Mappings?`;
      const about = subject === "" || subject === target ? "" : ` (${subject}${hint})`;
      return `error mounting ${JSON.stringify(what)} to rootfs at ${JSON.stringify(target)}: ${where(step)}${call}: ${reason}${about}`;
    }
    case "findProgram":
      return programError(step.fields.name, step.fields.search, failure, reason);
    case "exec":
      if (isMissing(call)) return missingError(step.fields.args[0] ?? "", failure, reason);
      if (failure.value !== 0) return `exec ${subject}: ${reason}: ${noProgram(failure.value)}`;
      // The file is there: so what it names as its interpreter or loader is not, or not for this machine.
      return `exec ${subject}: ${reason}${failure.errno === Errno.ENOENT ? " (it has gone since it was found, or its interpreter or loader is missing)" : ""}`;
    case "cgroup": {
      const hint = failure.errno === Errno.ENOSPC ? " (cpuset.cpus or cpuset.mems of the cgroup is empty)" : "";
      return `join the cgroup: ${call}: ${reason}${hint}`;
    }
    case "credentials":
      if (failure.errno === Errno.EINVAL && (call === "setresuid" || call === "setresgid")) {
        const what = call === "setresuid" ? "uid" : "gid";
        return `cannot set ${what} to unmapped user in user namespace (${step.fields[what]} is not in linux.${what}Mappings)`;
      }
      if (failure.errno === Errno.EPERM && call === "setgroups") {
        return `cannot set any additional groups in a rootless container: setgroups: ${reason} (map groups with newgidmap)`;
      }
      return `${step.op}: ${call}${quoted}: ${reason}`;
    case "changeDirectory":
      return call === "getcwd" || call === "verify"
        ? "current working directory is outside of container mount namespace root -- possible container breakout detected"
        : `chdir to cwd (${JSON.stringify(step.fields.path)}) set in config.json failed: ${reason}`;
    case "joinNamespace":
      return `join namespace ${JSON.stringify(step.fields.path)}: ${call}: ${reason}`;
    // Podman looks for these paths in backquotes.
    case "apparmorProfile":
      return `apply profile ${JSON.stringify(step.fields.profile)}: write to \`/proc/self/attr/apparmor/exec\`: ${reason}`;
    case "selinuxLabel":
      return `write to \`/proc/self/attr/${step.fields.attribute}\`: ${reason}`;
    case "scheduler":
      if (failure.errno === Errno.EPERM) return `scheduler: ${call}: ${reason} (${schedulerHint(step.fields.policy)})`;
      return `${step.op}: ${call}: ${reason}`;
    case "rlimit": {
      const hint = failure.errno === Errno.EPERM ? ` (the hard limit ${step.fields.hard} is above the runtime's own, which takes CAP_SYS_RESOURCE)` : "";
      return `error setting rlimit type ${step.fields.resource}: ${reason}${hint}`;
    }
    case "oomScoreAdj": {
      const hint = failure.errno === Errno.EACCES ? " (it is lower than the runtime's own, which takes CAP_SYS_RESOURCE)" : "";
      return `write oom_score_adj = ${step.fields.value}: ${reason}${hint}`;
    }
    case "memoryPolicy": {
      const hint = failure.errno === Errno.EINVAL ? " (mode, nodes and flags do not go together, or none of the nodes is one of this host's)" : "";
      return `${call}: ${reason}${hint}`;
    }
    case "cpuAffinity": {
      const hint = failure.errno === Errno.EINVAL ? " (the host has none of these CPUs, or the container's cgroup allows none of them)" : "";
      return `${call}: ${reason}${hint}`;
    }
    case "device": {
      const hint = failure.errno === Errno.EEXIST ? " (what is there is not this device)" : boundHint(step.fields.bind, failure);
      return `${step.op}: ${call}${quoted}: ${reason}${hint}`;
    }
    case "sysctl":
      return `write sysctl ${step.fields.key} = ${JSON.stringify(step.fields.value)}: ${call}: ${reason}`;
    default:
      return `${step?.op ?? "init"}: ${call}${quoted}: ${reason}`;
  }
}

/** Why the kernel may not permit a policy. */
function schedulerHint(policy: number): string {
  const missing = "or a privilege is missing";
  if (policy === SCHED_FIFO || policy === SCHED_RR) {
    return `the cgroup has no real-time share, which linux.resources.cpu.realtimeRuntime gives it on cgroup v1; ${missing}`;
  }
  return `process scheduler can't be used together with AllowedCPUs, which linux.resources.cpu.cpus sets; ${missing}`;
}

/** Where a device cannot be made, what is bound instead, and is not there or is another one. */
function boundHint(bind: number, { call, errno }: Failure): string {
  const isAbsent = call === "open" && errno === Errno.ENOENT;
  if (!isAbsent && call !== "verify") return "";
  const why = bind === 1 ? "in a user namespace" : "where mknod is not permitted";
  return ` (${why} the host's device of that name is bound${isAbsent ? "" : ", and that is another one"})`;
}

/** Why nothing is mounted there; `subject` is where the target really lies. */
function misplaced(errno: number, subject: string, reason: string): string {
  if (errno === Errno.EPERM) return `${JSON.stringify(subject)} cannot be mounted because it is inside /proc`;
  if (errno === Errno.EXDEV) return `the target is ${subject}, outside of the root`;
  return errno === Errno.EINVAL ? "the target is the root itself" : `verify: ${reason} (${subject})`;
}

/** With the words that engines look for: they decide between exit codes 126 and 127 by them. */
function programError(name: string, search: string, failure: Failure, reason: string): string {
  const quoted = JSON.stringify(name);
  if (name.includes("/")) {
    if (failure.call === "verify") return `exec: ${quoted}: ${reason}: it is a directory`;
    return failure.call === "faccessat" ? `exec: ${quoted}: ${reason}` : `exec: ${quoted}: stat ${name}: ${reason}`;
  }
  const looked = ` (looked in ${search})`;
  if (failure.errno === Errno.ENOENT) return `exec: ${quoted}: executable file not found in $PATH${looked}`;
  return `exec: ${quoted}: ${reason}${looked}`;
}

/** Whether it is not the program that is missing, but what it names. */
function isMissing(call: string): boolean {
  return call === "interpreter" || call === "loader";
}

/** The program is there; what it names as its interpreter or loader is not, or is no program. */
function missingError(program: string, { call, subject }: Failure, reason: string): string {
  const what = call === "loader" ? "the dynamic loader" : "the interpreter of its first line";
  const hint = subject.endsWith("\r")
    ? ": the script has lines that end in a carriage return, as on Windows"
    : call === "loader"
      ? ": is it a program for another system or C library?"
      : "";
  return `exec ${program}: ${reason}: not of the file itself, but of ${what}, ${JSON.stringify(subject)}${hint}`;
}

/** Machines of ELF programs (e_machine), by the names that uname(2) gives them. */
const MACHINES: Readonly<Record<number, string>> = {
  3: "i386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64", 258: "loongarch64",
};

/** Why the kernel takes a file for no program, by what `native/init/missing.h` says that it is. */
function noProgram(kind: number): string {
  if (kind === 1) return "the file is empty";
  if (kind < 0x10000) return 'it is neither an ELF program nor a script with "#!" and an interpreter in its first line';
  const machine = kind & 0xffff;
  return `it is a program for ${MACHINES[machine] ?? `another machine (ELF number ${machine})`}`;
}

function hookError(
  failure: Failure,
  step: Extract<Step, { op: "hook" }>,
  output: string,
  facts: object,
): RuntimeError {
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
  undefined, "hangup", "interrupt", "quit", "illegal instruction", "trace/breakpoint trap", "aborted", "bus error",
  "floating point exception", "killed", "user defined signal 1", "segmentation fault", "user defined signal 2",
  "broken pipe", "alarm clock", "terminated", "stack fault", "child exited", "continued", "stopped (signal)", "stopped",
  "stopped (tty input)", "stopped (tty output)", "urgent I/O condition", "CPU time limit exceeded",
  "file size limit exceeded", "virtual timer expired", "profiling timer expired", "window changed", "I/O possible",
  "power failure", "bad system call",
];
