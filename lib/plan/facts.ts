// SPDX-License-Identifier: Apache-2.0
import type { StepFields } from "./steps.ts";

/** A piece of a `mounts` entry of type `cgroup`, which on cgroup v1 is many mounts. */
export type CgroupPiece =
  | { readonly op: "mount"; readonly fields: StepFields<"mount"> }
  | { readonly op: "symlink"; readonly fields: StepFields<"symlink"> }
  | { readonly op: "mountAttributes"; readonly fields: StepFields<"mountAttributes"> };

/** A compiled `linux.seccomp`. */
export interface SeccompFilter {
  /** BPF program, 8 bytes an instruction. */
  readonly filter: Uint8Array;
  /** SECCOMP_FILTER_FLAG_* for seccomp(2). */
  readonly flags: number;
  /**
   * Of a filter whose listener goes to the recorder of system calls: the last two arguments of the calls that it lets pass without
   * being asked. Absent: the listener, if there is one, is an agent's.
   */
  readonly marks?: { readonly fifth: bigint; readonly sixth: bigint };
}

/** The facts that planning needs beyond config.json; the caller looks them up, so that planning stays pure. */
export interface PlanFacts {
  readonly id: string;
  /** Absolute path of the bundle; relative bind sources count from here. */
  readonly bundle: string;
  /** Absolute path of the root file system. */
  readonly rootfs: string;
  /** MS_MOVE and chroot instead of pivot_root. */
  readonly noPivot: boolean;
  /** No new session keyring. */
  readonly noNewKeyring: boolean;
  /** The number of descriptors from 3 that the container inherits. */
  readonly preserveFds: number;
  /** The runtime itself carries the bytes of the console, from and to its own terminal. */
  readonly relaysConsole: boolean;
  /** Additions of the runtime to the environment of the process. */
  readonly extraEnv: readonly string[];
  /** The process waits for `start`; false for `run`, which has no separate `start`. */
  readonly waitForStart: boolean;
  /** /proc/kcore exists, so /dev/core is made. */
  readonly kcore: boolean;
  /** The filter of `linux.seccomp`. Absent: no filter. */
  readonly seccomp?: SeccompFilter;
  /** SELinux is in force on this host; else labels are ignored. */
  readonly selinux: boolean;
  /** The parts of `mounts` entries of type `cgroup` on this host, by index of the entry. */
  readonly cgroupMounts: Readonly<Record<number, readonly CgroupPiece[]>>;
  /** By index in `mounts`: the target of a source that is a symbolic link and is to be copied (`copy-symlink`). */
  readonly links: Readonly<Record<number, string>>;
  /** Indexes in `mounts` of those whose source the runtime opens for init (see `lib/plan/mount_trees.ts`). */
  readonly trees: readonly number[];
}

/** A descriptor that the runtime hands to init; its place in the plan's list is the `slot` of steps. */
export type Slot =
  | { readonly kind: "namespace"; readonly path: string; readonly flag: number; readonly origin: string }
  | { readonly kind: "startFifo" }
  /** A pidfd of the container's first process. */
  | { readonly kind: "container" }
  | { readonly kind: "consoleSocket" }
  | { readonly kind: "hookOutput" };
