// SPDX-License-Identifier: Apache-2.0
import type { Config } from "../spec/types.ts";
import type { Log } from "../log.ts";
import type { Process } from "../spec/types.ts";

type ConsoleSize = NonNullable<Process["consoleSize"]>;

/** The settings that every operation of the runtime needs; made once from the global flags. */
export interface RuntimeContext {
  /** Absolute directory with one directory a container. `/run/runt` by default. */
  readonly root: string;
  readonly log: Log;
  /** cgroups through systemd instead of cgroupfs. */
  readonly systemdCgroup: boolean;
  /** Containers are made without a cgroup, in those of the runtime. Default false. */
  readonly withoutCgroups?: boolean;
  /** `true`: behave as for an unprivileged user; "auto" decides from the effective uid. */
  readonly rootless: boolean | "auto";
}

/** Descriptors of the caller that a process gets. */
export interface StandardStreams {
  /** The descriptors that become 0, 1 and 2. Default: the caller's own. */
  readonly stdio?: readonly [number, number, number];
  /** Connected AF_UNIX socket that gets the master of the console, instead of `consoleSocket`; stays the caller's. */
  readonly consoleFd?: number;
}

/** How the system calls of a container are recorded. */
export interface RecordingOptions {
  /** Absolute path of the file that gets the profile when the container has ended. */
  readonly file: string;
  /** The form of the file. Default: that of the file that is there, else that of `linux.seccomp`. */
  readonly format?: "oci" | "docker";
  /** What is in the file stays allowed; without it a file that is there is an error. Default false. */
  readonly append?: boolean;
  /** Calls whose numbers are part of the profile, besides those whose arguments always are. Default: none. */
  readonly arguments?: readonly ("ioctl" | "prctl")[];
}

/** Options of `create` and `run`; the flags of the same names. */
export interface CreateOptions extends StandardStreams {
  readonly id: string;
  /** Absolute path of the bundle. */
  readonly bundle: string;
  /** Absolute path of a file to read in the place of the bundle's config.json. */
  readonly configFile?: string;
  /** File that gets the pid of the container's first process: written aside and renamed, no newline. */
  readonly pidFile?: string;
  /** AF_UNIX socket that gets the master of the console. */
  readonly consoleSocket?: string;
  /** AF_UNIX socket that gets a pidfd of the container's first process. */
  readonly pidfdSocket?: string;
  /** MS_MOVE and chroot instead of pivot_root. Default false. */
  readonly noPivot?: boolean;
  /** No new session keyring. Default false. */
  readonly noNewKeyring?: boolean;
  /** How many descriptors from 3 upwards the container inherits. Default 0. */
  readonly preserveFds?: number;
  /** A process beside the container waits for its end, and notes it until `delete`. Default false. */
  readonly keepExit?: boolean;
  /** The system calls of the container are recorded, and make a seccomp profile. Default: they are not. */
  readonly recordSeccomp?: RecordingOptions;
}

/** The processes of a new container that are children of the caller's. */
export interface MadeContainer {
  /** The first process; with a keeper it is the keeper's child. */
  readonly pid: number;
  /** The process that notes the end of the first one: of a container that was made with `keepExit`. */
  readonly keeperPid?: number;
}

/** Options of `run`. */
export interface RunOptions extends CreateOptions {
  /** Return once the process runs, instead of when it has ended. Default false. */
  readonly detach?: boolean;
  /** Leave the container's state behind when it has ended. Default false. */
  readonly keep?: boolean;
  /** Do not become the reaper of orphaned descendants. Default false. */
  readonly noSubreaper?: boolean;
}

/** Changes to the process of config.json for `exec`; properties that are not given stay. */
export interface ProcessChanges {
  /** The program and its arguments; at least one. */
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Additions, `NAME=value` each. */
  readonly env?: readonly string[];
  /** Default false, whatever config.json says. */
  readonly terminal?: boolean;
  /** Size of the terminal, in characters. Default: as in config.json. */
  readonly consoleSize?: ConsoleSize;
  readonly uid?: number;
  readonly gid?: number;
  /** Additions. */
  readonly additionalGids?: readonly number[];
  /** Additions to the bounding, effective and permitted set; to the ambient set where there is an inheritable one. */
  readonly capabilities?: readonly string[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
}

/** Options of `exec`. */
export interface ExecOptions extends StandardStreams {
  /** The container's config.json as {@link savedConfig} gives it, from a caller that keeps it. Default: it is read. */
  readonly config?: Config;
  readonly id: string;
  /** The process to run: a file with a whole `process`, its text (named `from` in errors), or changes to config.json's. */
  readonly process: { readonly file: string } | { readonly text: string; readonly from: string } | ProcessChanges;
  /** Return once the process runs, instead of when it has ended. Default false. */
  readonly detach?: boolean;
  /** File that gets the pid of the process: written aside and renamed, no newline. */
  readonly pidFile?: string;
  /** AF_UNIX socket that gets the master of the console. */
  readonly consoleSocket?: string;
  /** AF_UNIX socket that gets a pidfd of the process. */
  readonly pidfdSocket?: string;
  /** How many descriptors from 3 upwards the process inherits. Default 0. */
  readonly preserveFds?: number;
  /** A cgroup below the container's to run in, by controller; "" is every hierarchy. Default: the container's. */
  readonly cgroups?: Readonly<Record<string, string>>;
  /** A paused container is no error; the process runs once it is resumed. Default false. */
  readonly ignorePaused?: boolean;
}

/** How the first process of a container has ended. */
export interface End {
  /** Exit status, or 128 and the number of the signal. */
  readonly exitCode: number;
  /** Number of the signal that ended it. */
  readonly signal?: number;
  /** The signal came while the kernel killed processes of the container for want of memory. */
  readonly oomKilled: boolean;
}

/** The end that the keeper noted. */
export interface KeptEnd extends End {
  /** RFC 3339 with nanoseconds, UTC. */
  readonly ended: string;
}

/** A container as `state` and `list` report it (runtime.md §State, and runc's additions). */
export interface StateReport {
  readonly ociVersion: string;
  readonly id: string;
  /** 0 where the container is stopped. */
  readonly pid: number;
  readonly status: "creating" | "created" | "running" | "paused" | "stopped";
  readonly bundle: string;
  /** Absolute path of the root file system. */
  readonly rootfs: string;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The end of a stopped container that was made with `keepExit`. */
  readonly exit?: KeptEnd;
  /** Name (or number) of the user that owns the state directory; filled in by `list` only, else "". */
  readonly owner: string;
}
