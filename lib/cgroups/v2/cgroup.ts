// SPDX-License-Identifier: Apache-2.0
/** The cgroup of a container on a host with cgroup v2 alone. */

import { RuntimeError } from "../../errors.ts";
import { Errno, errnoName, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, O_WRONLY, readTextIfExists, syscallError } from "../../sys/files.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { signalAll } from "../files/kill.ts";
import { makeCgroup, processesBelow, refuseInUse, removeTree, subPath } from "../files/tree.ts";
import { killsIn } from "./oom_kills.ts";
import { controllersIn, delegate, enableControllers, type Unavailable } from "./tree.ts";
import { freezeUnified, thawUnified } from "./freezer.ts";
import { readUnifiedFreezer, refuseFrozen } from "../files/unified_freezer.ts";
import type { Cgroup, LimitOptions } from "../cgroup.ts";
import type { FreezerState } from "../cgroup.ts";
import type { Log } from "../../log.ts";
import type { LinuxResources } from "../../spec/types.ts";
import { applyLimits } from "./limits.ts";

/** The time that `remove` waits for processes on their way out; milliseconds. */
const REMOVE_PATIENCE = 2000;
const POINTER = "/linux/cgroupsPath";

/** Facts about a container for the driver. */
export interface V2Options {
  readonly isNew: boolean;
  /** The mount point of the hierarchy. */
  readonly top: string;
  /** The runtime is not root on the host: device rules cannot be set. */
  readonly rootless: boolean;
  /** If no cgroup can be made, the container stays in the runtime's own. */
  readonly mayLackRights: boolean;
  /** `path` of each entry of `linux.devices`: it takes the place of a default device of the same path. */
  readonly devicePaths: readonly string[];
  /** The host's user that gets the cgroup. Default: none. */
  readonly owner?: number;
}

/**
 * Answers of clone3(2) where it cannot clone into a cgroup at all: a kernel without it, one before Linux 5.7 without the flag, a filter.
 * The kernel says EACCES where the caller may not enter the cgroup.
 */
const CALL_REFUSED: readonly number[] = [Errno.ENOSYS, Errno.E2BIG, Errno.EINVAL, Errno.EPERM];

/** See {@link Cgroup}. Its `paths` have one entry, "", or none where it may lack rights. */
export class CgroupV2 implements Cgroup {
  readonly paths: Record<string, string>;
  readonly #log: Log;
  readonly #options: V2Options;
  /** There is a cgroup of this container: it was made earlier, or `create` has succeeded. */
  #isMade: boolean;
  /** It was empty, and without programs of others, when it was made. */
  #isFresh = false;
  #isBornIn = false;
  #unavailable: Unavailable = {};
  /** The limit of processes, until all that set the container up have been made. */
  #postponed: (() => void) | undefined;
  readonly #made: string[] = [];

  constructor(paths: Record<string, string>, log: Log, options: V2Options) {
    this.paths = paths;
    this.#log = log;
    this.#options = options;
    this.#isMade = !options.isNew;
  }

  create(): void {
    const directory = this.paths[""];
    if (this.#isMade || directory === undefined) return;
    const errno = makeCgroup(directory, this.#made);
    if (errno === Errno.EEXIST) {
      refuseInUse(directory);
    } else if (errno !== 0) {
      if (this.#options.mayLackRights && isDenied(errno)) {
        this.#forget(`mkdir: ${errnoText(errno)}`);
        return;
      }
      throw new RuntimeError("CGROUP", `linux.cgroupsPath: mkdir ${directory}: ${errnoText(errno)} (${errnoName(errno)})`, {
        pointer: POINTER,
        path: directory,
        errno,
      });
    }
    refuseFrozen(directory);
    this.#isMade = true;
    this.#isFresh = errno === 0;
    this.#unavailable = enableControllers(this.#options.top, directory);
    const { owner } = this.#options;
    if (owner !== undefined) delegate(directory, owner);
  }

  /** Leaves the container in the runtime's cgroup. */
  #forget(why: string): void {
    this.#log.debug(`cgroup ${this.paths[""] ?? ""}: ${why}: the container does not join it`);
    this.undo();
    delete this.paths[""];
  }

  cloneIntoFd(below: Readonly<Record<string, string>> = {}): number | undefined {
    this.create();
    const directory = this.paths[""];
    if (directory === undefined) return undefined;
    const path = `${directory}${subPath(below[""])}`;
    const fd = native.open(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) throw syscallError(-fd, `open ${path}`, { path });
    this.#isBornIn = true;
    return fd;
  }

  cloneIntoRefused(errno: number): boolean {
    const directory = this.paths[""];
    this.#isBornIn = false;
    if (directory === undefined) return false;
    if (this.#options.mayLackRights && isDenied(errno)) {
      this.#forget(`clone into it: ${errnoText(errno)}`);
      return true;
    }
    if (CALL_REFUSED.includes(errno)) return true;
    if (errno === Errno.EBUSY && this.#options.isNew) {
      const given = controllersIn(`${directory}/cgroup.subtree_control`).join(" ");
      const text = `linux.cgroupsPath: cannot enter cgroup ${directory}: it passes controllers (${given}) on to cgroups below it, and so can have no processes of its own`;
      throw new RuntimeError("CGROUP", text, { pointer: POINTER, path: directory, errno });
    }
    if (errno !== Errno.EOPNOTSUPP || !this.#options.isNew) return false;
    const type = (readTextIfExists(`${directory}/cgroup.type`) ?? "").trim();
    // Below a threaded cgroup there are threaded ones only, which have no limits of memory or I/O.
    const result = native.writeFile(AT_FDCWD, `${directory}/cgroup.type`, O_WRONLY, 0, "threaded");
    if (result >= 0) return true;
    throw new RuntimeError(
      "CGROUP",
      `linux.cgroupsPath: cannot enter cgroup ${directory}: it is in the state "${type}", because a cgroup above it ` +
        `is threaded or has processes of its own, and it cannot become threaded: ${errnoText(-result)}`,
      { pointer: POINTER, path: directory, errno: -result },
    );
  }

  limit(resources: LinuxResources | undefined, options: LimitOptions = {}): void {
    this.#postponed = applyLimits(resources ?? {}, {
      directory: this.paths[""],
      unavailable: this.#unavailable,
      update: options.update === true,
      isFresh: this.#isFresh,
      mayLackDevices: this.#options.rootless,
      devicePaths: this.#options.devicePaths,
      log: this.#log,
    });
  }

  joinFds(below: Readonly<Record<string, string>> = {}): number[] {
    this.#postponed?.();
    this.#postponed = undefined;
    const directory = this.paths[""];
    if (directory === undefined || this.#isBornIn) return [];
    const path = `${directory}${subPath(below[""])}/cgroup.procs`;
    const fd = native.open(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0) throw syscallError(-fd, `open ${path}`, { path });
    return [fd];
  }

  processes(): number[] {
    const directory = this.paths[""];
    return directory === undefined ? [] : processesBelow(directory);
  }

  freezerState(): FreezerState {
    const directory = this.paths[""];
    return directory === undefined ? "thawed" : (readUnifiedFreezer(directory) ?? "thawed");
  }

  freeze(): void {
    freezeUnified(this.#directory());
  }

  thaw(): void {
    thawUnified(this.#directory());
  }

  thawKilled(): void {
    // One that was refused, because it is frozen, stays as it was found.
    if (this.#isMade && this.freezerState() === "frozen") this.thaw();
  }

  #directory(): string {
    const directory = this.paths[""];
    if (directory !== undefined) return directory;
    throw new RuntimeError("HOST_UNABLE", "cannot toggle freezer: cgroups not configured for container");
  }

  oomKills(): number {
    const directory = this.paths[""];
    // The cgroup may go away meanwhile.
    return directory === undefined ? 0 : (killsIn(directory) ?? 0);
  }

  killAll(signal: number): void {
    const directory = this.paths[""];
    if (!this.#isMade || directory === undefined) return;
    // Linux 5.14; not for a threaded cgroup.
    if (signal === SIGKILL && native.writeFile(AT_FDCWD, `${directory}/cgroup.kill`, O_WRONLY, 0, "1") >= 0) return;
    const freezer = {
      directory,
      read: () => readUnifiedFreezer(directory),
      freeze: () => freezeUnified(directory),
      thaw: () => thawUnified(directory),
    };
    signalAll(signal, { list: () => processesBelow(directory), freezer, log: this.#log });
  }

  remove(): void {
    const directory = this.paths[""];
    if (!this.#isMade || directory === undefined) return;
    const errno = removeTree(directory, { left: REMOVE_PATIENCE });
    if (errno === 0) return;
    throw new RuntimeError("CGROUP", `unable to remove cgroup: rmdir ${directory}: ${errnoText(errno)}`, {
      path: directory,
      errno,
    });
  }

  undo(): void {
    this.#isMade = !this.#options.isNew;
    const own = this.paths[""];
    for (let path = this.#made.pop(); path !== undefined; path = this.#made.pop()) {
      // A directory above may meanwhile hold another container's cgroup: then it stays.
      const errno = path === own ? removeTree(path, { left: REMOVE_PATIENCE }) : -native.rmdir(AT_FDCWD, path);
      if (errno !== 0) this.#log.debug(`rmdir ${path}: ${errnoText(errno)}`);
    }
  }
}

function isDenied(errno: number): boolean {
  return errno === Errno.EACCES || errno === Errno.EPERM || errno === Errno.EROFS;
}
