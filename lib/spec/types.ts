// SPDX-License-Identifier: Apache-2.0
/**
 * The types of config.json and of the state, for Linux, named as in the OCI runtime specification 1.3.0.
 * They describe a document that {@link parseConfig} has accepted: optional properties are absent rather
 * than `null`, and each number is in its range. Properties that the specification does not know, and those
 * of other platforms, may be there too and are ignored.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md
 */

/** A 64-bit integer of a JSON file: a `number` where that is exact (up to 2^53-1), else a `bigint`. */
export type Int64 = number | bigint;

/** A value whose properties can be written at every depth; a `Config` that is read can be changed as `Writable<Config>`. */
export type Writable<Value> = Value extends (...values: never) => unknown
  ? Value
  : Value extends readonly (infer Each)[]
    ? Writable<Each>[]
    : Value extends object
      ? { -readonly [Name in keyof Value]: Writable<Value[Name]> }
      : Value;

/** A config.json. */
export interface Config {
  /** SemVer 2.0.0 version of the specification that the bundle follows. */
  readonly ociVersion: string;
  /** The container's process; `start` needs it. */
  readonly process?: Process;
  /** The container's root file system. */
  readonly root?: Root;
  readonly hostname?: string;
  /** NIS domain name. */
  readonly domainname?: string;
  /** Mounts after the root, in the order in which they are made. */
  readonly mounts?: readonly Mount[];
  readonly hooks?: Hooks;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: Linux;
}

export interface Root {
  /** Absolute, or relative to the bundle. */
  readonly path: string;
  /** Default false. */
  readonly readonly?: boolean;
}

export interface Mount {
  /** Absolute path in the container; a relative one counts from "/". */
  readonly destination: string;
  readonly type?: string;
  /** A device, a name for a virtual file system, or for bind mounts a path (relative to the bundle). */
  readonly source?: string;
  /** Options as in fstab(5). */
  readonly options?: readonly string[];
  readonly uidMappings?: readonly LinuxIDMapping[];
  readonly gidMappings?: readonly LinuxIDMapping[];
}

export interface Process {
  /** A pseudo terminal is made. Default false. */
  readonly terminal?: boolean;
  /** Size of the terminal; ignored where `terminal` is false. */
  readonly consoleSize?: Box;
  /** Absolute path in the container. */
  readonly cwd: string;
  /** `NAME=value` each. */
  readonly env?: readonly string[];
  /** Arguments as for execvp; needed by `start`. */
  readonly args?: readonly string[];
  readonly user: User;
  readonly rlimits?: readonly POSIXRlimit[];
  readonly noNewPrivileges?: boolean;
  readonly capabilities?: LinuxCapabilities;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  /** -1000 to 1000; absent leaves it as it is. */
  readonly oomScoreAdj?: number;
  readonly scheduler?: Scheduler;
  readonly ioPriority?: LinuxIOPriority;
  readonly execCPUAffinity?: CPUAffinity;
}

/** Size of a terminal in characters. */
export interface Box {
  readonly height: number;
  readonly width: number;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  /** Default: the runtime's choice (0022). */
  readonly umask?: number;
  readonly additionalGids?: readonly number[];
}

export interface POSIXRlimit {
  /** `RLIMIT_*` as getrlimit(2) spells it. */
  readonly type: string;
  /** 2^64-1 is RLIM_INFINITY. */
  readonly soft: Int64;
  readonly hard: Int64;
}

/** Sets of names such as `CAP_CHOWN`. */
export interface LinuxCapabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly permitted?: readonly string[];
  readonly ambient?: readonly string[];
}

export type LinuxSchedulerPolicy =
  | "SCHED_OTHER"
  | "SCHED_FIFO"
  | "SCHED_RR"
  | "SCHED_BATCH"
  | "SCHED_ISO"
  | "SCHED_IDLE"
  | "SCHED_DEADLINE";

export type LinuxSchedulerFlag =
  | "SCHED_FLAG_RESET_ON_FORK"
  | "SCHED_FLAG_RECLAIM"
  | "SCHED_FLAG_DL_OVERRUN"
  | "SCHED_FLAG_KEEP_POLICY"
  | "SCHED_FLAG_KEEP_PARAMS"
  | "SCHED_FLAG_UTIL_CLAMP_MIN"
  | "SCHED_FLAG_UTIL_CLAMP_MAX";

/** As for sched_setattr(2); the last three are nanoseconds, for SCHED_DEADLINE. */
export interface Scheduler {
  readonly policy: LinuxSchedulerPolicy;
  readonly nice?: number;
  readonly priority?: number;
  readonly flags?: readonly LinuxSchedulerFlag[];
  readonly runtime?: Int64;
  readonly deadline?: Int64;
  readonly period?: Int64;
}

export interface LinuxIOPriority {
  readonly class: "IOPRIO_CLASS_RT" | "IOPRIO_CLASS_BE" | "IOPRIO_CLASS_IDLE";
  /** 0 (highest) to 7; the specification does not require it. */
  readonly priority?: number;
}

/** CPU lists such as `0-3,7`. */
export interface CPUAffinity {
  readonly initial?: string;
  readonly final?: string;
}

/** Programs to run at points of the container's life. */
export interface Hooks {
  /** Deprecated; before `createRuntime`, in the runtime's namespaces. */
  readonly prestart?: readonly Hook[];
  readonly createRuntime?: readonly Hook[];
  readonly createContainer?: readonly Hook[];
  readonly startContainer?: readonly Hook[];
  readonly poststart?: readonly Hook[];
  readonly poststop?: readonly Hook[];
}

export interface Hook {
  /** Absolute path. */
  readonly path: string;
  /** Includes argv[0]. */
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** Seconds, more than 0. Default: none. */
  readonly timeout?: number;
}

export interface Linux {
  readonly namespaces?: readonly LinuxNamespace[];
  readonly uidMappings?: readonly LinuxIDMapping[];
  readonly gidMappings?: readonly LinuxIDMapping[];
  /** By the name of the clock. */
  readonly timeOffsets?: Readonly<Record<string, LinuxTimeOffset>>;
  readonly devices?: readonly LinuxDevice[];
  /** By the device's name on the host. */
  readonly netDevices?: Readonly<Record<string, LinuxNetDevice>>;
  /** Absolute: below the cgroup mount; relative: the runtime's choice of parent. */
  readonly cgroupsPath?: string;
  readonly resources?: LinuxResources;
  readonly intelRdt?: LinuxIntelRdt;
  readonly memoryPolicy?: LinuxMemoryPolicy;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly seccomp?: LinuxSeccomp;
  /** Propagation of the root mount; "" is as if it were absent. */
  readonly rootfsPropagation?: string;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  /** SELinux context of the mounts. */
  readonly mountLabel?: string;
  readonly personality?: LinuxPersonality;
}

export type LinuxNamespaceType = "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";

export interface LinuxNamespace {
  readonly type: LinuxNamespaceType;
  /** Absolute path of a namespace to join; absent or "": a new one. */
  readonly path?: string;
}

export interface LinuxIDMapping {
  readonly containerID: number;
  readonly hostID: number;
  /** The number of ids from there. */
  readonly size: number;
}

export interface LinuxTimeOffset {
  readonly secs?: Int64;
  readonly nanosecs?: number;
}

export type LinuxDeviceType = "c" | "b" | "u" | "p";

/** A device node to make in the container. */
export interface LinuxDevice {
  readonly type: LinuxDeviceType;
  /** Absolute path in the container. */
  readonly path: string;
  /** Absent only for a FIFO (`p`). */
  readonly major?: Int64;
  readonly minor?: Int64;
  /** Permission bits; engines send the S_IFMT bits too. Default 0666. */
  readonly fileMode?: number;
  /** Owner in the container. Default 0. */
  readonly uid?: number;
  readonly gid?: number;
}

export interface LinuxNetDevice {
  /** Name in the container. Default: the one on the host. */
  readonly name?: string;
}

/** Limits of the cgroup; -1 is "no limit" where the specification says so. */
export interface LinuxResources {
  readonly devices?: readonly LinuxDeviceCgroup[];
  readonly memory?: LinuxMemory;
  readonly cpu?: LinuxCPU;
  readonly pids?: LinuxPids;
  readonly blockIO?: LinuxBlockIO;
  readonly hugepageLimits?: readonly LinuxHugepageLimit[];
  readonly network?: LinuxNetwork;
  /** By the name of the HCA device. */
  readonly rdma?: Readonly<Record<string, LinuxRdma>>;
  /** cgroup v2 files by name. */
  readonly unified?: Readonly<Record<string, string>>;
}

/** One rule; later rules win. */
export interface LinuxDeviceCgroup {
  readonly allow: boolean;
  /** Absent, "" or `a`: every type. */
  readonly type?: "" | "a" | "c" | "b";
  /** Absent or -1: every number. */
  readonly major?: Int64;
  readonly minor?: Int64;
  /** Some of `r`, `w`, `m`. */
  readonly access?: string;
}

/** Limits in bytes; -1 is no limit. */
export interface LinuxMemory {
  readonly limit?: Int64;
  readonly reservation?: Int64;
  /** Memory and swap together. */
  readonly swap?: Int64;
  /** Deprecated, ignored. */
  readonly kernel?: Int64;
  readonly kernelTCP?: Int64;
  /** 0 to 100. */
  readonly swappiness?: Int64;
  readonly disableOOMKiller?: boolean;
  readonly useHierarchy?: boolean;
  readonly checkBeforeUpdate?: boolean;
}

/** Times in microseconds. */
export interface LinuxCPU {
  readonly shares?: Int64;
  readonly quota?: Int64;
  readonly burst?: Int64;
  readonly period?: Int64;
  readonly realtimeRuntime?: Int64;
  readonly realtimePeriod?: Int64;
  /** CPU list such as `0-3,7`. */
  readonly cpus?: string;
  readonly mems?: string;
  /** 1: SCHED_IDLE. */
  readonly idle?: Int64;
}

export interface LinuxPids {
  /** -1 is no limit. */
  readonly limit?: Int64;
}

export interface LinuxBlockIO {
  /** 10 to 1000. */
  readonly weight?: number;
  readonly leafWeight?: number;
  readonly weightDevice?: readonly LinuxWeightDevice[];
  readonly throttleReadBpsDevice?: readonly LinuxThrottleDevice[];
  readonly throttleWriteBpsDevice?: readonly LinuxThrottleDevice[];
  readonly throttleReadIOPSDevice?: readonly LinuxThrottleDevice[];
  readonly throttleWriteIOPSDevice?: readonly LinuxThrottleDevice[];
}

export interface LinuxBlockIODevice {
  readonly major: Int64;
  readonly minor: Int64;
}

export interface LinuxWeightDevice extends LinuxBlockIODevice {
  readonly weight?: number;
  readonly leafWeight?: number;
}

export interface LinuxThrottleDevice extends LinuxBlockIODevice {
  /** Bytes or operations a second. */
  readonly rate: Int64;
}

export interface LinuxHugepageLimit {
  /** Such as `2MB`. */
  readonly pageSize: string;
  /** Bytes. */
  readonly limit: Int64;
}

export interface LinuxNetwork {
  readonly classID?: number;
  readonly priorities?: readonly LinuxInterfacePriority[];
}

export interface LinuxInterfacePriority {
  readonly name: string;
  readonly priority: number;
}

export interface LinuxRdma {
  readonly hcaHandles?: number;
  readonly hcaObjects?: number;
}

export interface LinuxIntelRdt {
  readonly closID?: string;
  readonly schemata?: readonly string[];
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly enableMonitoring?: boolean;
}

/** As for set_mempolicy(2). */
export type LinuxMemoryPolicyMode =
  | "MPOL_DEFAULT"
  | "MPOL_BIND"
  | "MPOL_INTERLEAVE"
  | "MPOL_WEIGHTED_INTERLEAVE"
  | "MPOL_PREFERRED"
  | "MPOL_PREFERRED_MANY"
  | "MPOL_LOCAL";

export type LinuxMemoryPolicyFlag = "MPOL_F_NUMA_BALANCING" | "MPOL_F_RELATIVE_NODES" | "MPOL_F_STATIC_NODES";

export interface LinuxMemoryPolicy {
  readonly mode: LinuxMemoryPolicyMode;
  readonly nodes?: string;
  readonly flags?: readonly LinuxMemoryPolicyFlag[];
}

export interface LinuxPersonality {
  readonly domain: "LINUX" | "LINUX32";
  readonly flags?: readonly string[];
}

export type LinuxSeccompAction =
  | "SCMP_ACT_KILL"
  | "SCMP_ACT_KILL_PROCESS"
  | "SCMP_ACT_KILL_THREAD"
  | "SCMP_ACT_TRAP"
  | "SCMP_ACT_ERRNO"
  | "SCMP_ACT_TRACE"
  | "SCMP_ACT_ALLOW"
  | "SCMP_ACT_LOG"
  | "SCMP_ACT_NOTIFY";

export type LinuxSeccompOperator =
  | "SCMP_CMP_NE"
  | "SCMP_CMP_LT"
  | "SCMP_CMP_LE"
  | "SCMP_CMP_EQ"
  | "SCMP_CMP_GE"
  | "SCMP_CMP_GT"
  | "SCMP_CMP_MASKED_EQ";

export interface LinuxSeccomp {
  readonly defaultAction: LinuxSeccompAction;
  /** Default EPERM. */
  readonly defaultErrnoRet?: number;
  /** `SCMP_ARCH_*`; the native one is always there. */
  readonly architectures?: readonly string[];
  /** `SECCOMP_FILTER_FLAG_*`. */
  readonly flags?: readonly string[];
  /** Unix socket that gets the notification descriptor. */
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly LinuxSyscall[];
}

export interface LinuxSyscall {
  readonly names: readonly string[];
  readonly action: LinuxSeccompAction;
  readonly errnoRet?: number;
  readonly args?: readonly LinuxSeccompArg[];
}

export interface LinuxSeccompArg {
  /** Which argument, 0 to 5. */
  readonly index: number;
  readonly value: Int64;
  /** The value to compare with, for SCMP_CMP_MASKED_EQ. Default 0. */
  readonly valueTwo?: Int64;
  readonly op: LinuxSeccompOperator;
}

export type ContainerState = "creating" | "created" | "running" | "stopped";

/** The state as hooks and `state` get it. */
export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: ContainerState;
  /** In the runtime's pid namespace; absent (or 0) once it is stopped. */
  readonly pid?: number;
  /** Absolute path. */
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
