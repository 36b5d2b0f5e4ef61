// SPDX-License-Identifier: Apache-2.0
/** The record that the state directory keeps of a container. */

import type { SystemdUnit } from "../cgroups/cgroup.ts";
import type { Hooks } from "../spec/types.ts";

/** A namespace: its inode number, which may be reused after its end, and, where the kernel has one, its id, which is unique. */
export interface KnownNamespace {
  readonly number: number;
  readonly id?: string;
}

/** Namespaces that were made for a container, by the name in /proc/PID/ns. */
export type MadeNamespaces = Readonly<Record<string, KnownNamespace>>;

/** The record of a container's resctrl groups. */
export interface RdtRecord {
  /** Directory of its class of service. */
  readonly path: string;
  /** The directory is the container's own, and goes with it. */
  readonly remove: boolean;
  /** Directory of its monitoring group. */
  readonly monitor?: string;
}
/** A mount that was added to an existing container. */
export interface LiveMount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
  /**
   * The kernel's identity of the mount, in decimal: its number, which may be reused after its end; device and inode of its
   * root; and the device of its file system. The upper half of a device is its major number.
   */
  readonly mount: string;
  readonly device: string;
  readonly inode: string;
  readonly filesystem: string;
}

/** A file in a container: device and inode, in decimal. */
export interface KnownFile {
  readonly device: string;
  readonly inode: string;
}

/** A device that was added to an existing container. */
export interface LiveDevice {
  readonly type: "b" | "c";
  readonly major: number;
  /** -1: all. */
  readonly minor: number;
  /** Letters of r, w and m. */
  readonly access: string;
  /** Absolute path in the container; absent: the rule alone was added. */
  readonly path?: string;
  /** The node that was made at the path; absent where the device existed before. */
  readonly node?: KnownFile;
  /** The mount on that node. */
  readonly mount?: Omit<LiveMount, "destination">;
}

/** The record of a container; it has runc's names for fields that runc has too. */
export interface ContainerRecord {
  /** {@link STATE_VERSION} of the runt that made the container; runt 0.1 wrote none. */
  readonly state_version?: number;
  /** The version of runt that made the container, for people who look into the file. */
  readonly runt_version?: string;
  /** `PLAN_VERSION` of the init that waits in the container until `start`. */
  readonly plan_version?: number;
  readonly id: string;
  readonly oci_version: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** 0 while the container is being created. */
  readonly init_process_pid: number;
  /** Start time of that process in clock ticks since boot of the host's time namespace: a pid alone may have been reused. */
  readonly init_process_start: number;
  /** Directory of the container in each cgroup hierarchy. */
  readonly cgroup_paths: Readonly<Record<string, string>>;
  /** `--cgroup-manager disabled`: it has no cgroup, and runs in those of the runtime that made it. */
  readonly no_cgroup?: true;
  /** The unit that systemd has for the container. */
  readonly systemd?: SystemdUnit;
  /** JSON of its limits without device rules, as updates have left them; absent: those of config.json. */
  readonly resources?: string;
  /** Groups of resctrl. */
  readonly intel_rdt?: RdtRecord;
  /** Hooks that are still to come. */
  readonly hooks?: Pick<Hooks, "poststart" | "poststop">;
  /** config.json has a process; without one `start` is an error. */
  readonly has_process: boolean;
  /** The container has a pid namespace of its own, so it ends with its first process. */
  readonly own_pid_namespace: boolean;
  /** Namespaces that were made for it, where neither a cgroup nor a pid namespace identifies its processes. */
  readonly namespaces?: MadeNamespaces;
  /** `create` was told to make no session keyring; `exec` joins none then. */
  readonly no_new_keyring?: boolean;
  /** The targets of descriptors 0, 1 and 2 of the first process at `create`, such as `pipe:[1234]`; "" is a closed one. */
  readonly external_descriptors?: readonly string[];
  /** It was not started by init but restored by CRIU, with or without a time namespace of its own. */
  readonly restored?: { readonly time_namespace: boolean };
  /** The parent of its first process, which notes how that has ended; the start time is as that of the first process. */
  readonly keeper?: { readonly pid: number; readonly start: number };
  /** Its system calls are recorded, into this file. */
  readonly recording?: { readonly file: string };
  /** Mounts that `mounts add` has added, in its order. */
  readonly mounts?: readonly LiveMount[];
  /** Devices that `devices add` has added, in its order. */
  readonly devices?: readonly LiveDevice[];
  /** Index in init's plan of the first step after `start`. */
  readonly program_step: number;
}

/** Why something cannot be done with a container that has `no_cgroup`. */
export const NO_CGROUP = "it has no cgroup: it was made with --cgroup-manager disabled";
