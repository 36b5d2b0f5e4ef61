// SPDX-License-Identifier: Apache-2.0
/**
 * `process` of config.json as steps.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#process
 */
import { KEEP_GROUPS } from "../spec/annotations.ts";
import { pathInContainer } from "../spec/clean_path.ts";
import type { Config, Hook, Linux, Process } from "../spec/types.ts";
import { apparmorStep, attributeSteps, selinuxStep } from "./attributes.ts";
import { capabilityMasks } from "./capabilities.ts";
import type { SeccompFilter, Slot } from "./facts.ts";
import { RLIMITS, SECCOMP_FILTER_FLAG_NEW_LISTENER } from "../kernel/plan_numbers.ts";
import type { Step } from "./steps.ts";

/** The search path for a program without a slash if the container's environment has no PATH (execvp). */
const DEFAULT_SEARCH = "/bin:/usr/bin";
/** Bytes of a mask that has every CPU that a kernel may have; more are ignored. */
const ALL_CPUS = 1024;
/** The umask where `process.user.umask` is not given; that of runc and crun. */
const DEFAULT_UMASK = 0o022;

/** The facts that a process is planned from, besides `process` itself, and the plan that its steps are added to. */
export interface ProcessPlan {
  /** Properties of the container that hold for each of its processes, such as `seccomp` and `personality`. */
  readonly linux: Linux | undefined;
  /** `oomScoreAdj` was set before a user namespace or the container was joined. */
  readonly adjusted: boolean;
  /** SELinux is in force on this host; else labels are ignored. */
  readonly selinux: boolean;
  readonly steps: Step[];
  /** Descriptors that the steps refer to, by their place in this list. */
  readonly slots: Slot[];
  /** The filter of all processes of the container. */
  readonly seccomp?: SeccompFilter | undefined;
  /** The process keeps the supplementary groups that it has. */
  readonly keepGroups?: boolean | undefined;
}

/**
 * Everything that is done to a process between the making of its container, or the joining of it, and the wait for
 * `start`: for `create` and `exec` alike.
 */
export function processSteps(process: Process, plan: ProcessPlan): void {
  const { adjusted, linux, selinux, steps, seccomp, keepGroups = false } = plan;
  if (!adjusted) oomScoreAdjStep(process, steps);
  const rlimits = process.rlimits ?? [];
  for (let index = 0; index < rlimits.length; index++) {
    const limit = rlimits[index];
    const resource = limit === undefined ? undefined : RLIMITS[limit.type];
    if (limit === undefined || resource === undefined) continue;
    const fields = { resource, soft: BigInt(limit.soft), hard: BigInt(limit.hard) };
    steps.push({ op: "rlimit", origin: `/process/rlimits/${index}`, fields });
  }
  const mask = process.user.umask ?? DEFAULT_UMASK;
  steps.push({ op: "umask", origin: "/process/user/umask", fields: { mask } });
  apparmorStep(process, steps);
  if (process.noNewPrivileges === true) {
    steps.push({ op: "noNewPrivileges", origin: "/process/noNewPrivileges", fields: {} });
  }
  attributeSteps(process, linux, steps);
  if (selinux) selinuxStep(process, steps);
  const cwd = pathInContainer(process.cwd);
  // Tried with both ids, as with runc: only root may be allowed to enter, or only the user (root of a user
  // namespace, or of an NFS that squashes it).
  steps.push({ op: "changeDirectory", origin: "/process/cwd", fields: { path: cwd, attempt: 1 } });
  // Before a filter, which need not allow the system calls of this step.
  steps.push({ op: "standardStreams", origin: "", fields: { uid: process.user.uid } });
  steps.push({
    op: "credentials",
    origin: "/process/user",
    fields: {
      uid: process.user.uid,
      gid: process.user.gid,
      groups: process.user.additionalGids ?? [],
      keepGroups: keepGroups ? 1 : 0,
      ...capabilityMasks(process.capabilities),
      // Without no_new_privs the filter takes CAP_SYS_ADMIN.
      forFilter: seccomp !== undefined && process.noNewPrivileges !== true ? 1 : 0,
    },
  });
  steps.push({ op: "changeDirectory", origin: "/process/cwd", fields: { path: cwd, attempt: 0 } });
  const name = process.args?.[0] ?? "";
  const search = value(process.env ?? [], "PATH") ?? DEFAULT_SEARCH;
  steps.push({ op: "findProgram", origin: "/process/args/0", fields: { name, search } });
  readySteps(seccomp, steps);
}

/**
 * The filter comes as late as possible: it has to allow every later system call. So the state is saved before it, because
 * init reads the answer to that. A listener goes to its agent before the container is reported as created; init has to read
 * anyway to wait for that. A recorder waits for nothing, and so notes nothing but the calls that every filter sees.
 */
function readySteps(seccomp: SeccompFilter | undefined, steps: Step[]): void {
  const isRecorded = seccomp?.marks !== undefined;
  const notifies = !isRecorded && seccomp !== undefined && (seccomp.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) !== 0;
  if (notifies) seccompStep(seccomp, steps);
  steps.push({ op: "ready", origin: "", fields: {} });
  if (!notifies) seccompStep(seccomp, steps);
}

function seccompStep(seccomp: SeccompFilter | undefined, steps: Step[]): void {
  if (seccomp === undefined) return;
  const { filter, flags, marks } = seccomp;
  if (marks === undefined) steps.push({ op: "seccomp", origin: "/linux/seccomp", fields: { filter, flags } });
  else steps.push({ op: "recordSeccomp", origin: "/linux/seccomp", fields: { filter, flags, ...marks } });
}

/** Whether the annotation of crun, which podman sends for `--group-add keep-groups`, leaves the groups as they are. */
export function keepsOriginalGroups({ annotations }: Config): boolean {
  return annotations?.[KEEP_GROUPS] === "1";
}

/** Allows all CPUs, not those that the runtime happens to be bound to; the cgroup's cpuset still holds. */
export function anyCpu(): Step {
  return { op: "cpuAffinity", origin: "", fields: { mask: new Uint8Array(ALL_CPUS).fill(255), attempt: 1 } };
}

/** `process.oomScoreAdj`; nothing where it is absent. */
export function oomScoreAdjStep({ oomScoreAdj }: Process, steps: Step[]): void {
  if (oomScoreAdj === undefined) return;
  steps.push({ op: "oomScoreAdj", origin: "/process/oomScoreAdj", fields: { value: BigInt(oomScoreAdj) } });
}

/** The last step: the program itself. */
export function execStep(process: Process, preserve: number, extraEnv: readonly string[]): Step {
  const env = lastOfEach([...(process.env ?? []), ...extraEnv]);
  const home = value(env, "HOME") ? 0 : 1;
  return { op: "exec", origin: "/process/args", fields: { args: process.args ?? [], env, preserve, home } };
}

/**
 * Hooks that init runs. They get `stateHead` + pid + `stateTail` on stdin.
 * @param defaultEnv the environment of a hook that has none
 */
export function hookSteps(
  kind: "createContainer" | "startContainer",
  hooks: readonly Hook[] | undefined,
  defaultEnv: readonly string[],
  state: readonly [head: string, tail: string],
  slot: number,
  steps: Step[],
): void {
  const list = hooks ?? [];
  const home = kind === "startContainer" ? 1 : 0;
  for (let index = 0; index < list.length; index++) {
    const hook = list[index];
    if (hook === undefined) continue;
    const fields = {
      path: hook.path,
      args: hook.args !== undefined && hook.args.length > 0 ? hook.args : [hook.path],
      env: hook.env !== undefined && hook.env.length > 0 ? hook.env : defaultEnv,
      timeoutMs: Math.min((hook.timeout ?? 0) * 1000, 0xffffffff),
      stateHead: state[0],
      stateTail: state[1],
      slot,
      home: hook.env !== undefined && hook.env.length > 0 ? 0 : home,
    };
    steps.push({ op: "hook", origin: `/hooks/${kind}/${index}`, fields });
  }
}

function value(env: readonly string[], name: string): string | undefined {
  const prefix = `${name}=`;
  for (let index = env.length - 1; index >= 0; index--) {
    const entry = env[index];
    if (entry?.startsWith(prefix) === true) return entry.slice(prefix.length);
  }
  return undefined;
}

/** Keeps the last of several entries with one name, as runc does; getenv(3) would find the first. */
function lastOfEach(env: readonly string[]): readonly string[] {
  const last = new Map<string, string>();
  for (const entry of env) {
    const end = entry.indexOf("=");
    const name = end < 0 ? entry : entry.slice(0, end);
    last.delete(name);
    last.set(name, entry);
  }
  return last.size === env.length ? env : [...last.values()];
}

/** A terminal for the process, if it wants one. */
export function consoleStep(process: Process, relays: boolean, steps: Step[], slots: Slot[]): void {
  if (process.terminal !== true) return;
  const { height, width } = process.consoleSize ?? { height: 0, width: 0 };
  const fields = { slot: slots.length, height, width, relayed: relays ? 1 : 0 };
  slots.push({ kind: "consoleSocket" });
  steps.push({ op: "console", origin: "/process/terminal", fields });
}
