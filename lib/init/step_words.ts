// SPDX-License-Identifier: Apache-2.0
/** The words of a failed step, an entry for each operation whose name, call and errno do not say enough. */
import { SCHED_FIFO, SCHED_RR } from "../kernel/numbers.ts";
import { Errno } from "../kernel/errno.ts";
import { MissingKind, MountFlag, type OpName, type StepFields } from "../plan/steps.ts";
import type { Failure } from "./failure_record.ts";

/** A failed step, with the parts of its message. */
export interface FailedStep extends Failure {
  /** Name of the operation. */
  readonly op: string;
  /** The errno in words. */
  readonly reason: string;
  /** The property that the step comes from, as the beginning of a text, or "". */
  readonly place: string;
}

/** The words for one operation. */
type Words<Name extends OpName> = (failed: FailedStep, fields: StepFields<Name>) => string;

const WORDS: { readonly [Name in OpName]?: Words<Name> } = {
  apparmorProfile: ({ reason }, { profile }) =>
    // Podman looks for these paths in backquotes.
    `apply profile ${JSON.stringify(profile)}: write to \`/proc/self/attr/apparmor/exec\`: ${reason}`,
  cgroup: (failed) =>
    `join the cgroup: ${called(failed)}${hint(failed, Errno.ENOSPC, "cpuset.cpus or cpuset.mems of the cgroup is empty")}`,
  changeDirectory: ({ call, reason }, { path }) =>
    call === "getcwd" || call === "verify"
      ? "current working directory is outside of container mount namespace root -- possible container breakout detected"
      : `chdir to cwd (${JSON.stringify(path)}) set in config.json failed: ${reason}`,
  cpuAffinity: (failed) =>
    called(failed) + hint(failed, Errno.EINVAL, "the host has none of these CPUs, or the container's cgroup allows none of them"),
  credentials: credentialsWords,
  detachedMount: detachedMountWords,
  detachedNode: (failed) => `cannot make a device node: ${called(failed)}`,
  device: (failed, { bind }) =>
    failed.errno === Errno.EEXIST
      ? `${plain(failed)} (what is there is not this device)`
      : `${plain(failed)}${boundHint(bind, failed)}`,
  deviceNode: (failed) => `cannot make a device node: ${called(failed)}`,
  exec: execWords,
  findProgram: programWords,
  joinNamespace: (failed, { path }) => `join namespace ${JSON.stringify(path)}: ${called(failed)}`,
  liveNode: (failed, { path }) =>
    `cannot make a device node at ${JSON.stringify(path)}: ${called(failed)}${hint(failed, Errno.EEXIST, "what is there is not this device")}`,
  memoryPolicy: (failed) =>
    called(failed) +
    hint(failed, Errno.EINVAL, "mode, nodes and flags do not go together, or none of the nodes is one of this host's"),
  mount: mountWords,
  oomScoreAdj: (failed, { value }) =>
    `write oom_score_adj = ${value}: ${failed.reason}` +
    hint(failed, Errno.EACCES, "it is lower than the runtime's own, which takes CAP_SYS_RESOURCE"),
  rlimit: (failed, { resource, hard }) =>
    `error setting rlimit type ${resource}: ${failed.reason}` +
    hint(failed, Errno.EPERM, `the hard limit ${hard} is above the runtime's own, which takes CAP_SYS_RESOURCE`),
  scheduler: (failed, { policy }) => `scheduler: ${called(failed)}${hint(failed, Errno.EPERM, schedulerHint(policy))}`,
  selinuxLabel: ({ reason }, { attribute }) => `write to \`/proc/self/attr/${attribute}\`: ${reason}`,
  unmount: (failed, { path }) =>
    `error unmounting ${JSON.stringify(path)}: ` +
    (failed.errno === Errno.EBUSY && failed.call === "verify" ? "something else has been mounted over it" : called(failed)),
  sysctl: (failed, { key, value }) => `write sysctl ${key} = ${JSON.stringify(value)}: ${called(failed)}`,
};

/** The words for a step of the operation `op`; `undefined` stands for a failure that belongs to no step. */
export function stepWords(op: OpName | undefined, failed: FailedStep, fields: object): string {
  const words = op === undefined ? undefined : WORDS[op];
  return words === undefined ? plain(failed) : words(failed, fields as never);
}

/** Whether the interpreter or loader is missing, and not the program itself. */
export function isMissing(call: string): boolean {
  return call === "interpreter" || call === "loader";
}

function plain(failed: FailedStep): string {
  const { op, call, subject, reason } = failed;
  const about = subject === "" ? "" : ` ${JSON.stringify(subject)}`;
  // The program carries its init; the library has one as a file, beside which the library may have been replaced.
  const release = call === "decode" ? " (init is not of the same release: install both packages in one version)" : "";
  return `${op}: ${call}${about}: ${reason}${release}`;
}

function called({ call, reason }: FailedStep): string {
  return `${call}: ${reason}`;
}

/** The meaning of an errno in this place. */
function hint({ errno }: FailedStep, expected: number, text: string): string {
  return errno === expected ? ` (${text})` : "";
}

function mountWords(failed: FailedStep, { source, target, fstype, flags }: StepFields<"mount">): string {
  const { errno, call, subject, place, reason } = failed;
  const what = source === "" ? fstype : source;
  const start = `error mounting ${JSON.stringify(what)} to rootfs at ${JSON.stringify(target)}: ${place}`;
  if ((flags & MountFlag.STRICT_TARGET) !== 0 && (errno === Errno.ELOOP || errno === Errno.ENOTDIR)) {
    return `${start}filesystem ${JSON.stringify(fstype)} must be mounted on ordinary directory: ${called(failed)}`;
  }
  if (call === "verify") return start + misplaced(errno, subject, reason);
  const unmapped = errno === Errno.EINVAL ? /^([ug]id)=[0-9]+$/.exec(subject)?.[1] : undefined;
  const isMapped = unmapped === undefined ? "" : `: is it in linux.${unmapped}Mappings?`;
  const about = subject === "" || subject === target ? "" : ` (${subject}${isMapped})`;
  return `${start}${called(failed)}${about}`;
}

function detachedMountWords(failed: FailedStep, { source, fstype, flags }: StepFields<"detachedMount">): string {
  const { subject } = failed;
  const what = (flags & MountFlag.BIND) !== 0 || fstype === "" ? source : fstype;
  return `error mounting ${JSON.stringify(what)}: ${called(failed)}${subject === "" || subject === what ? "" : ` (${subject})`}`;
}

/** The reason why nothing is mounted there; `subject` is the real path of the target. */
function misplaced(errno: number, subject: string, reason: string): string {
  if (errno === Errno.EPERM) return `${JSON.stringify(subject)} cannot be mounted because it is inside /proc`;
  if (errno === Errno.EXDEV) return `the target is ${subject}, outside of the root`;
  return errno === Errno.EINVAL ? "the target is the root itself" : `verify: ${reason} (${subject})`;
}

function credentialsWords(failed: FailedStep, fields: StepFields<"credentials">): string {
  const { errno, call, reason } = failed;
  if (errno === Errno.EINVAL && (call === "setresuid" || call === "setresgid")) {
    const id = call === "setresuid" ? "uid" : "gid";
    return `cannot set ${id} to unmapped user in user namespace (${fields[id]} is not in linux.${id}Mappings)`;
  }
  if (errno === Errno.EPERM && call === "setgroups") {
    return `cannot set any additional groups in a rootless container: setgroups: ${reason} (map groups with newgidmap)`;
  }
  return plain(failed);
}

/** The reason why the kernel may not permit a policy. */
function schedulerHint(policy: number): string {
  const missing = "or a privilege is missing";
  if (policy === SCHED_FIFO || policy === SCHED_RR) {
    return `the cgroup has no real-time share, which linux.resources.cpu.realtimeRuntime gives it on cgroup v1; ${missing}`;
  }
  return `process scheduler can't be used together with AllowedCPUs, which linux.resources.cpu.cpus sets; ${missing}`;
}

/** The reason why a device cannot be made: the host's device, which is bound instead, is missing or is another one. */
function boundHint(bind: number, { call, errno }: Failure): string {
  const isAbsent = call === "open" && errno === Errno.ENOENT;
  if (!isAbsent && call !== "verify") return "";
  const why = bind === 1 ? "in a user namespace" : "where mknod is not permitted";
  return ` (${why} the host's device of that name is bound${isAbsent ? "" : ", and that is another one"})`;
}

/** With the words that engines look for: they decide between exit codes 126 and 127 by them. */
function programWords({ errno, call, reason }: FailedStep, { name, search }: StepFields<"findProgram">): string {
  const start = `exec: ${JSON.stringify(name)}: `;
  if (name.includes("/")) {
    if (call === "verify") return `${start}${reason}: it is a directory`;
    return call === "faccessat" ? `${start}${reason}` : `${start}stat ${name}: ${reason}`;
  }
  return `${start}${errno === Errno.ENOENT ? "executable file not found in $PATH" : reason} (looked in ${search})`;
}

function execWords(failed: FailedStep, { args }: StepFields<"exec">): string {
  const { call, subject, reason, value } = failed;
  if (isMissing(call)) return missingWords(args[0] ?? "", failed);
  if (value !== 0) return `exec ${subject}: ${reason}: ${noProgram(value)}`;
  // The file is there: so its interpreter or loader is missing, or is not for this machine.
  const gone = "it has gone since it was found, or its interpreter or loader is missing";
  return `exec ${subject}: ${reason}${hint(failed, Errno.ENOENT, gone)}`;
}

/** The program is there; its interpreter or loader is missing, or is no program. */
function missingWords(program: string, { call, subject, reason }: FailedStep): string {
  const what = call === "loader" ? "the dynamic loader" : "the interpreter of its first line";
  const start = `exec ${program}: ${reason}: not of the file itself, but of ${what}, ${JSON.stringify(subject)}`;
  if (subject.endsWith("\r")) return `${start}: the script has lines that end in a carriage return, as on Windows`;
  return call === "loader" ? `${start}: is it a program for another system or C library?` : start;
}

/** Machines of ELF programs (e_machine), by the names that uname(2) gives them. */
const MACHINES: Readonly<Record<number, string>> = {
  3: "i386",
  8: "mips",
  20: "ppc",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "x86_64",
  183: "aarch64",
  243: "riscv64",
  258: "loongarch64",
};

/** The reason why the kernel does not execute a file. @param kind one of {@link MissingKind} */
function noProgram(kind: number): string {
  if (kind === MissingKind.EMPTY) return "the file is empty";
  if (kind < MissingKind.FOREIGN)
    return 'it is neither an ELF program nor a script with "#!" and an interpreter in its first line';
  const machine = kind - MissingKind.FOREIGN;
  return `it is a program for ${MACHINES[machine] ?? `another machine (ELF number ${machine})`}`;
}
