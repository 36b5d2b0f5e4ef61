// SPDX-License-Identifier: Apache-2.0
/**
 * The steps for the kernel's attributes of a process besides its ids: security labels, scheduling, I/O priority,
 * personality and memory policy.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#linux-process
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#memory-policy
 */
import { parseCpuList } from "../spec/rules/cpu_list.ts";
import type {
  Linux,
  LinuxMemoryPolicy,
  LinuxMemoryPolicyFlag,
  LinuxMemoryPolicyMode,
  LinuxSchedulerFlag,
  LinuxSchedulerPolicy,
  Process,
  Scheduler,
} from "../spec/types.ts";
import type { Step } from "./steps.ts";

/** SCHED_* of linux/sched.h. */
const POLICIES: Readonly<Record<LinuxSchedulerPolicy, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};

/** SCHED_FLAG_* of linux/sched.h. */
const FLAGS: Readonly<Record<LinuxSchedulerFlag, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};

const IO_CLASSES = { IOPRIO_CLASS_RT: 1, IOPRIO_CLASS_BE: 2, IOPRIO_CLASS_IDLE: 3 } as const;
/** IOPRIO_CLASS_SHIFT of linux/ioprio.h. */
const IO_CLASS_SHIFT = 13;

/** PER_* of linux/personality.h. */
const DOMAINS = { LINUX: 0, LINUX32: 8 } as const;

/** MPOL_* of linux/mempolicy.h. */
const MEMORY_MODES: Readonly<Record<LinuxMemoryPolicyMode, number>> = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
};

const MEMORY_FLAGS: Readonly<Record<LinuxMemoryPolicyFlag, number>> = {
  MPOL_F_NUMA_BALANCING: 1 << 13,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_STATIC_NODES: 1 << 15,
};

/** Modes of `linux.memoryPolicy`, for `features`. */
export function memoryPolicyModes(): string[] {
  return Object.keys(MEMORY_MODES);
}

/** Flags of `linux.memoryPolicy`, for `features`. */
export function memoryPolicyFlags(): string[] {
  return Object.keys(MEMORY_FLAGS);
}

/**
 * A new session keyring, with the SELinux label of the process.
 * @param selinux SELinux is in force on this host; else the label is ignored
 */
export function keyringSteps(id: string, process: Process | undefined, selinux: boolean, steps: Step[]): void {
  const label = selinux ? (process?.selinuxLabel ?? "") : "";
  const labelStep = (value: string): void => {
    steps.push({ op: "selinuxLabel", origin: "/process/selinuxLabel", fields: { attribute: "keycreate", label: value } });
  };
  if (label !== "") labelStep(label);
  steps.push({ op: "sessionKeyring", origin: "", fields: { name: `_ses.${id}` } });
  if (label !== "") labelStep("");
}

/** `process.apparmorProfile`. */
export function apparmorStep({ apparmorProfile: profile }: Process, steps: Step[]): void {
  if (profile === undefined || profile === "") return;
  steps.push({ op: "apparmorProfile", origin: "/process/apparmorProfile", fields: { profile } });
}

/** `process.selinuxLabel`. */
export function selinuxStep({ selinuxLabel: label }: Process, steps: Step[]): void {
  if (label === undefined || label === "") return;
  const fields = { attribute: "exec", label };
  steps.push({ op: "selinuxLabel", origin: "/process/selinuxLabel", fields });
}

/** `scheduler`, `ioPriority`, `personality` and `memoryPolicy`, in runc's order. */
export function attributeSteps(process: Process, linux: Linux | undefined, steps: Step[]): void {
  const { scheduler, ioPriority } = process;
  if (scheduler !== undefined) {
    steps.push({ op: "scheduler", origin: "/process/scheduler", fields: schedulerFields(scheduler) });
  }
  if (ioPriority !== undefined) {
    const value = (IO_CLASSES[ioPriority.class] << IO_CLASS_SHIFT) | (ioPriority.priority ?? 0);
    steps.push({ op: "ioPriority", origin: "/process/ioPriority", fields: { value } });
  }
  if (linux?.personality !== undefined) {
    const fields = { domain: DOMAINS[linux.personality.domain] };
    steps.push({ op: "personality", origin: "/linux/personality", fields });
  }
  if (linux?.memoryPolicy !== undefined) {
    steps.push({ op: "memoryPolicy", origin: "/linux/memoryPolicy", fields: memoryFields(linux.memoryPolicy) });
  }
}

function schedulerFields({ policy, nice = 0, priority = 0, flags = [], ...times }: Scheduler) {
  let bits = 0;
  for (const flag of flags) bits |= FLAGS[flag];
  return {
    policy: POLICIES[policy],
    flags: BigInt(bits),
    nice: BigInt(nice),
    priority,
    runtime: BigInt(times.runtime ?? 0),
    deadline: BigInt(times.deadline ?? 0),
    period: BigInt(times.period ?? 0),
  };
}

function memoryFields({ mode, nodes = "", flags = [] }: LinuxMemoryPolicy) {
  let bits = MEMORY_MODES[mode];
  for (const flag of flags) bits |= MEMORY_FLAGS[flag];
  const mask = nodes === "" ? "" : parseCpuList(nodes);
  return { mode: bits, nodes: typeof mask === "string" ? new Uint8Array(0) : mask };
}
