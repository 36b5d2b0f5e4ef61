// SPDX-License-Identifier: Apache-2.0
/** The cgroup of a container on cgroup v1, with the v2 mount of a hybrid host beside it. */

import { RuntimeError } from "../../errors.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, O_WRONLY, SMALL_FILE, syscallError } from "../../sys/files.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { inUserNamespace } from "../../sys/user_namespace.ts";
import { deviceWrites, devicesList, parseDevicesList, sameFilter, wantedFilter } from "./devices.ts";
import { freeze, readFreezer, refuseFrozen as refuseFrozenV1, thaw, thawTree } from "./freezer.ts";
import type { FreezerState } from "../cgroup.ts";
import { changeLimits } from "../files/rollback.ts";
import { isOptional } from "../place/path.ts";
import { resourceWrites } from "./resources.ts";
import { cgroupOfProcess } from "../place/path_of_process.ts";
import { signalAll } from "../files/kill.ts";
import { inheritCpuset, makeCgroup, parentOf, processesBelow, refuseInUse, removeTree, subPath } from "../files/tree.ts";
import { refuseFrozen } from "../files/unified_freezer.ts";
import { performWrites } from "../files/write.ts";
import type { Cgroup, LimitOptions } from "../cgroup.ts";
import type { Log } from "../../log.ts";
import type { LinuxResources } from "../../spec/types.ts";

/** The time that `remove` waits for all hierarchies together; milliseconds. */
const REMOVE_PATIENCE = 2000;
/** Facts about a container for the driver. */
export interface V1Options {
  readonly isNew: boolean;
  /** The runtime is not root on the host: device rules cannot be set. */
  readonly rootless: boolean;
  /** Hierarchies in which no cgroup can be made are left out. */
  readonly mayLackRights: boolean;
  /** `path` of each entry of `linux.devices`: it takes the place of a default device of the same path. */
  readonly devicePaths: readonly string[];
  /** The container's first process: if a cgroup is gone, another process joins the cgroup of the first one. Default: none. */
  readonly firstProcess?: number;
}

/** See {@link Cgroup}. */
export class CgroupV1 implements Cgroup {
  readonly paths: Record<string, string>;
  readonly #log: Log;
  readonly #options: V1Options;
  /** There is a cgroup of this container: it was made earlier, or `create` has succeeded. */
  #isMade: boolean;
  /** The container's first process needs not join the v2 hierarchy: it was cloned into it. */
  #isBornInUnified = false;
  /** Directories made by `create`, in order. */
  readonly #made: string[] = [];
  /** Directories that were there, and empty, before a process of the container came. */
  readonly #found: string[] = [];

  constructor(paths: Record<string, string>, log: Log, options: V1Options) {
    this.paths = paths;
    this.#log = log;
    this.#options = options;
    this.#isMade = !options.isNew;
  }

  create(): void {
    try {
      // A cgroup that exists may be in use, and then nothing of it is touched.
      const first = this.paths["devices"] === undefined ? Object.keys(this.paths)[0] : "devices";
      if (first !== undefined) this.#make(first);
      for (const controller of Object.keys(this.paths)) {
        if (controller !== first) this.#make(controller);
      }
      this.#isMade = true;
    } catch (error) {
      // A process that was born there has to go first, and that is the caller's.
      if (!this.#isBornInUnified) this.undo();
      throw error;
    }
  }

  cloneIntoFd(below: Readonly<Record<string, string>> = {}): number | undefined {
    const directory = this.paths[""];
    if (directory === undefined) return undefined;
    if (this.#options.isNew) this.#make("");
    const fd = native.open(AT_FDCWD, `${directory}${subPath(below[""])}`, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) return undefined;
    this.#isBornInUnified = true;
    return fd;
  }

  /** The v2 hierarchy of a hybrid host is joined later then, or not at all. */
  cloneIntoRefused(): boolean {
    this.#isBornInUnified = false;
    return true;
  }

  #make(controller: string): void {
    const directory = this.paths[controller] as string;
    // cpu and cpuacct may be one hierarchy, of which the directory has just been made.
    if (this.#made.includes(directory) || this.#found.includes(directory)) return;
    const errno = makeCgroup(directory, this.#made);
    // A cgroup in use is refused in any hierarchy: `kill` and `delete` end all processes in the container's cgroups.
    if (errno === Errno.EEXIST) {
      refuseInUse(directory);
      this.#found.push(directory);
    }
    if (errno === 0 || errno === Errno.EEXIST) {
      if (controller === "freezer") refuseFrozenV1(directory);
      if (controller === "") refuseFrozen(directory);
      return;
    }
    const isDenied = errno === Errno.EACCES || errno === Errno.EPERM || errno === Errno.EROFS;
    const why = errnoText(errno);
    if (isOptional(controller) || (this.#options.mayLackRights && isDenied)) {
      this.#log.debug(`cgroup ${directory}: ${why}: the container does not join it`);
      delete this.paths[controller];
      return;
    }
    throw new RuntimeError("CGROUP", `linux.cgroupsPath: mkdir ${directory}: ${why}`, {
      pointer: "/linux/cgroupsPath",
      path: directory,
      errno,
    });
  }

  limit(resources: LinuxResources | undefined, options: LimitOptions = {}): void {
    const update = options.update === true;
    const writes = resourceWrites(resources ?? {}, { read: (controller, file) => this.#read(controller, file) }, update);
    if (resources?.memory?.kernel !== undefined) {
      this.#log.debug("linux.resources.memory.kernel: ignored: kernels from 5.16 on do not have this limit");
    }
    const cpuset = this.paths["cpuset"];
    // The kernel takes only values that the cgroup above has, and that one may be new, too.
    if (!update && cpuset !== undefined && writes[0]?.controller === "cpuset") {
      inheritCpuset(parentOf(cpuset));
    }
    if (update) {
      changeLimits(this.paths, writes, this.#log);
      return;
    }
    performWrites(this.paths, writes);
    if (cpuset !== undefined) inheritCpuset(cpuset);
    this.#limitDevices(resources?.devices ?? []);
  }

  #read(controller: string, file: string): string | undefined {
    const directory = this.paths[controller];
    if (directory === undefined) return undefined;
    const text = native.readFile(AT_FDCWD, `${directory}/${file}`, SMALL_FILE);
    return typeof text === "number" ? undefined : text;
  }

  #limitDevices(rules: NonNullable<LinuxResources["devices"]>): void {
    const directory = this.paths["devices"];
    if (directory === undefined) return;
    const target = wantedFilter(rules, this.#options.devicePaths);
    const before = this.#devicesList();
    const writes = deviceWrites(parseDevicesList(before), target);
    try {
      performWrites(this.paths, writes);
    } catch (error) {
      // The kernel lets no process in a user namespace write device rules; those of the host's cgroup apply there.
      if (this.#options.rootless || inUserNamespace()) {
        this.#log.debug("linux.resources.devices: not set: no right to in a user namespace");
        return;
      }
      throw error;
    }
    const after = this.#devicesList();
    if (after === devicesList(target) || sameFilter(parseDevicesList(after), target)) return;
    throw new RuntimeError("CGROUP", "linux.resources.devices: resulting devices cgroup doesn't precisely match target", {
      pointer: "/linux/resources/devices",
      path: `${directory}/devices.list`,
    });
  }

  #devicesList(): string {
    const path = `${this.paths["devices"]}/devices.list`;
    const text = native.readFile(AT_FDCWD, path, SMALL_FILE);
    if (typeof text === "number") throw syscallError(-text, `read ${path}`, { path });
    return text;
  }

  joinFds(below: Readonly<Record<string, string>> = {}): number[] {
    const fds: number[] = [];
    const seen: string[] = [];
    try {
      for (const [controller, directory] of Object.entries(this.paths)) {
        if (controller === "" && this.#isBornInUnified) continue;
        const at = `${directory}${subPath(below[controller])}`;
        if (seen.includes(at)) continue;
        seen.push(at);
        const path = joinFile(controller, at);
        let fd = native.open(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
        if (fd === -Errno.ENOENT && below[controller] === undefined) fd = this.#joinFirst(controller) ?? fd;
        if (fd >= 0) fds.push(fd);
        else if (!isOptional(controller) || below[controller] !== undefined) throw syscallError(-fd, `open ${path}`, { path });
      }
    } catch (error) {
      for (const fd of fds) native.close(fd);
      throw error;
    }
    return fds;
  }

  /** Opens the present cgroup of the container's first process: its own cgroup is gone, because the container has left it. */
  #joinFirst(controller: string): number | undefined {
    const { firstProcess } = this.#options;
    const directory = firstProcess === undefined ? undefined : cgroupOfProcess(firstProcess, controller);
    if (directory === undefined) return undefined;
    this.#log.debug(
      `cgroup ${this.paths[controller] ?? ""} is gone: joining ${directory}, where the container's first process is`,
    );
    return native.open(AT_FDCWD, joinFile(controller, directory), O_WRONLY | O_CLOEXEC, 0);
  }

  /** Lists the processes of all hierarchies: a container that may do so moves its processes in each as it likes. */
  processes(): number[] {
    const pids = new Set<number>();
    for (const directory of new Set(Object.values(this.paths))) for (const pid of processesBelow(directory)) pids.add(pid);
    return [...pids].sort((one, other) => one - other);
  }

  freezerState(): FreezerState {
    const directory = this.paths["freezer"];
    return directory === undefined ? "thawed" : (readFreezer(directory) ?? "thawed");
  }

  freeze(): void {
    freeze(this.#freezer());
  }

  thaw(): void {
    thaw(this.#freezer());
  }

  thawKilled(): void {
    // One that was refused, because it is frozen, stays as it was found.
    if (!this.#isMade) return;
    if (this.paths["freezer"] !== undefined) thawTree(this.paths["freezer"]);
  }

  #freezer(): string {
    const directory = this.paths["freezer"];
    if (directory !== undefined) return directory;
    throw new RuntimeError("HOST_UNABLE", "cannot toggle freezer: cgroups not configured for container");
  }

  oomKills(): number {
    for (const line of (this.#read("memory", "memory.oom_control") ?? "").split("\n")) {
      if (line.startsWith("oom_kill ")) return Number(line.slice(9));
    }
    return 0;
  }

  killAll(signal: number): void {
    if (!this.#isMade) return;
    const unified = this.paths[""];
    if (signal === SIGKILL && unified !== undefined) {
      // Linux 5.14. Processes that left the v2 cgroup by themselves are found below.
      native.writeFile(AT_FDCWD, `${unified}/cgroup.kill`, O_WRONLY, 0, "1");
    }
    const directory = this.paths["freezer"];
    const freezer =
      directory === undefined
        ? undefined
        : {
            directory,
            read: () => readFreezer(directory),
            freeze: () => freeze(directory),
            thaw: () => {
              thaw(directory);
              if (signal === SIGKILL) this.thawKilled();
            },
          };
    signalAll(signal, { list: () => this.processes(), freezer, log: this.#log });
    if (signal === SIGKILL) this.thawKilled();
  }

  remove(): void {
    if (!this.#isMade) return;
    const patience = { left: REMOVE_PATIENCE };
    let failed: RuntimeError | undefined;
    for (const directory of Object.values(this.paths)) {
      const errno = removeTree(directory, patience);
      if (errno === 0) continue;
      failed ??= new RuntimeError("CGROUP", `unable to remove cgroup: rmdir ${directory}: ${errnoText(errno)}`, {
        path: directory,
        errno,
      });
    }
    if (failed !== undefined) throw failed;
  }

  undo(): void {
    this.#isMade = !this.#options.isNew;
    const patience = { left: REMOVE_PATIENCE };
    for (let path = this.#made.pop(); path !== undefined; path = this.#made.pop()) {
      const isOwn = Object.values(this.paths).includes(path);
      // A directory above may meanwhile hold another container's cgroup: then it stays.
      const errno = isOwn ? removeTree(path, patience) : -native.rmdir(AT_FDCWD, path);
      if (errno !== 0) this.#log.debug(`rmdir ${path}: ${errnoText(errno)}`);
    }
  }
}

/**
 * The file by which a process joins a cgroup. A thread that writes 0 to `tasks` moves itself without the lock that stops every
 * fork and exit of the host meanwhile. The process that joins has one thread only. v2 knows processes only.
 */
function joinFile(controller: string, directory: string): string {
  return controller === "" ? `${directory}/cgroup.procs` : `${directory}/tasks`;
}
