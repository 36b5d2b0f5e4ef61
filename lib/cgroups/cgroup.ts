// SPDX-License-Identifier: Apache-2.0
/** The operations on a container's cgroup, whatever the host's cgroup version. */

import type { LinuxResources } from "../spec/types.ts";

/** State of a cgroup itself: one that only stands still because of an ancestor is `thawed`. */
export type FreezerState = "thawed" | "frozen";

/** The unit of systemd that a container's cgroup is; kept in the state. */
export interface SystemdUnit {
  readonly name: string;
  /** It is one of the user's own systemd. */
  readonly user: boolean;
}

/** The options of setting limits. */
export interface LimitOptions {
  /** Limits of a container that runs are changed: device rules and cpusets that are not given stay. */
  readonly update?: boolean;
}

/**
 * The cgroup of one container, in one or (v1) several hierarchies. For a new container the order is `create`,
 * `limit`, `joinFds`; nothing happens on the host before `create`.
 */
export interface Cgroup {
  /** Absolute directory by controller (v1: `memory`, `name=systemd`; "" is cgroup v2), as in the state. */
  readonly paths: Readonly<Record<string, string>>;
  /**
   * Makes the container's cgroup v2 and opens it, for a clone straight into it (CLONE_INTO_CGROUP): to join it
   * later by `cgroup.procs` takes a lock that waits for all processors, up to several milliseconds. To be called
   * before `create`, or `joinFds`; the descriptor is the caller's. For a container that exists nothing is made. On a
   * host with cgroup v2 alone it does all that `create` does: a process must not be born in a cgroup that is in use.
   *
   * @param below as for {@link Cgroup.joinFds}
   * @returns `undefined` where there is no v2 hierarchy, or no such cgroup in it
   * @throws RuntimeError `USAGE` for a path that leads out; on v2 as `create`
   */
  cloneIntoFd(below?: Readonly<Record<string, string>>): number | undefined;
  /**
   * The kernel has refused the clone into the cgroup of {@link Cgroup.cloneIntoFd}.
   *
   * @param errno positive
   * @returns whether a process can be made elsewhere and join later, by `joinFds`
   * @throws RuntimeError `CGROUP` with a better reason
   */
  cloneIntoRefused(errno: number): boolean;
  /**
   * Makes the directories. If it fails, it removes those that it made, unless a process was born in the cgroup
   * ({@link Cgroup.cloneIntoFd}): then that process has to end, and `undo` does the rest.
   *
   * @throws RuntimeError `CGROUP_NOT_EMPTY`, `CGROUP_FROZEN`, `CGROUP`
   */
  create(): void;
  /**
   * Sets limits. Has to be called for a new container before a process joins, also without any.
   *
   * On v2 only `joinFds` limits the number of processes of a new container: the processes that set it up are in the
   * cgroup before.
   *
   * @throws RuntimeError `CGROUP`, `HOST_UNABLE`, `CONFIG_INVALID`, with the property's pointer
   */
  limit(resources: LinuxResources | undefined, options?: LimitOptions): void;
  /** The unit of the systemd driver; without one the cgroup belongs to the runtime alone. */
  readonly unit?: SystemdUnit;
  /**
   * With the systemd driver: makes the unit with the container's first process in it, and sets limits. Comes after `limit`
   * and before `joinFds`.
   *
   * @param pid as the runtime sees it
   * @throws RuntimeError `HOST_UNABLE`, `CGROUP`, `TIMEOUT`, and as `limit`
   */
  register?(pid: number): void;
  /**
   * Descriptors that a process joins by writing "0" to each; they belong to the caller.
   *
   * @param below path of a cgroup below the container's, by controller; default: the container's own
   * @throws RuntimeError `SYSCALL`, `USAGE` for a path that leads out
   */
  joinFds(below?: Readonly<Record<string, string>>): number[];
  /** Pids of all processes, with those of cgroups below; empty if the cgroup is gone. */
  processes(): number[];
  /** @throws RuntimeError `CGROUP` */
  freezerState(): FreezerState;
  /** @throws RuntimeError `CGROUP`, `HOST_UNABLE` if there is no freezer */
  freeze(): void;
  /** @throws RuntimeError `CGROUP`, `HOST_UNABLE` if there is no freezer */
  thaw(): void;
  /** Thaws killed processes, so that they end: on cgroup v1 a frozen one does not, even if the container itself froze it. */
  thawKilled(): void;
  /** The number of processes that the kernel has killed for want of memory; 0 if the kernel does not count them. */
  oomKills(): number;
  /**
   * For the systemd driver with a memory limit; systemd removes the cgroup as soon as it is empty. The number of processes that
   * were killed since then in the cgroup or beside it: exact enough for a process that has lived for moments.
   */
  oomKillsAround?(): number;
  /**
   * Sends a signal to every process, none of which can escape by forking. A frozen cgroup is thawed. Before
   * `create` has succeeded nothing happens: a cgroup in its place may be another's.
   */
  killAll(signal: number): void;
  /**
   * Removes the cgroup and those below it, waiting up to 2 s for processes that are on their way out. Directories
   * above it stay, also those that `create` made, as with runc. For a new container whose `create` has not
   * succeeded nothing is removed: a cgroup in its place may be another's.
   *
   * @throws RuntimeError `CGROUP`
   */
  remove(): void;
  /** Removes the directories that `create` of this object made, those above included; never fails. */
  undo(): void;
}

/** Events that a watch has seen. */
export interface OomNews {
  /** The number of times that the kernel ran out of memory for the container. */
  readonly ooms: number;
  /** The cgroup has been removed; nothing more will come. */
  readonly gone: boolean;
}

/** A watch on one container; {@link OomWatch.close} gives its descriptors back. */
export interface OomWatch {
  /** Readable when something has happened. */
  readonly fd: number;
  /** The events since the last call. */
  read(): OomNews | Promise<OomNews>;
  close(): void;
}
