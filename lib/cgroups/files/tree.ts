// SPDX-License-Identifier: Apache-2.0
/** Directories of cgroup file systems: making and removing them, and the processes in them. */

import { RuntimeError } from "../../errors.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, SMALL_FILE, syscallError } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { walkTree } from "./walk.ts";

const NO_FDS = new Int32Array(0);

/** Blocks for a time in milliseconds. */
export function pause(milliseconds: number): void {
  native.poll(NO_FDS, milliseconds);
}

/** The directory above; "/" for a path of one name. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}

/**
 * Makes a cgroup and the missing ones above it.
 *
 * @param made gets every directory that was made, the outermost first
 * @returns 0, or a positive errno; EEXIST if the cgroup was there
 */
export function makeCgroup(directory: string, made: string[]): number {
  let result = native.mkdir(AT_FDCWD, directory, 0o755);
  if (result === -Errno.ENOENT && directory !== "/") {
    const above = makeCgroup(parentOf(directory), made);
    if (above !== 0 && above !== Errno.EEXIST) return above;
    result = native.mkdir(AT_FDCWD, directory, 0o755);
  }
  if (result === 0) made.push(directory);
  return -result;
}

/**
 * Pids of all processes in a cgroup and those below it, as seen from the runtime's pid namespace. Processes that it does not
 * see are left out.
 *
 * @returns an empty list if the cgroup is gone
 * @throws RuntimeError `SYSCALL`
 */
export function processesBelow(directory: string): number[] {
  return pidsBelow(directory).filter((pid) => pid > 0);
}

/** The number of processes in a cgroup and those below it, also in outer pid namespaces. @throws RuntimeError `SYSCALL` */
export function populationBelow(directory: string): number {
  return pidsBelow(directory).length;
}

/** On cgroup v2 a process that the runtime's pid namespace does not show is a 0. */
function pidsBelow(directory: string): number[] {
  const pids: number[] = [];
  walkTree(directory, (fd) => {
    let text = native.readFile(fd, "cgroup.procs", SMALL_FILE);
    // cgroup v2: a threaded cgroup tells its threads only.
    const isThreaded = text === -Errno.EOPNOTSUPP;
    if (isThreaded) text = native.readFile(fd, "cgroup.threads", SMALL_FILE);
    if (typeof text === "number") {
      // Cgroups may disappear while this loop runs.
      if (text === -Errno.ENOENT || text === -Errno.ENODEV) return;
      throw syscallError(-text, `read cgroup.procs in ${directory}, or below it`, { path: directory });
    }
    for (const line of text.split("\n")) {
      if (line !== "") pids.push(isThreaded ? processOfThread(Number(line)) : Number(line));
    }
  });
  return pids;
}

/** A pidfd stands for a process, and not for a thread. */
function processOfThread(thread: number): number {
  const text = thread > 0 ? native.readFile(AT_FDCWD, `/proc/${thread}/status`, SMALL_FILE) : 0;
  const [, process] = typeof text === "string" ? (/^Tgid:\s*([0-9]+)$/m.exec(text) ?? []) : [];
  return process === undefined ? thread : Number(process);
}

/**
 * The path of a cgroup below a container's, from that one on: "" or `/path`.
 *
 * @throws RuntimeError `USAGE` for a path that leads out
 */
export function subPath(path: string | undefined): string {
  if (path === undefined) return "";
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw new RuntimeError("USAGE", `bad sub cgroup path: ${path}`, { path });
  return names.length === 0 ? "" : `/${names.join("/")}`;
}

/** The time that {@link removeTree} may still wait, in milliseconds; one budget serves several trees. */
export interface Patience {
  left: number;
}

/**
 * Removes a cgroup with everything below it. One that is gone is fine.
 *
 * @param patience a process that has been killed keeps its cgroup busy until the kernel is done with it
 * @returns 0, or the positive errno of the rmdir that failed
 */
export function removeTree(directory: string, patience: Patience): number {
  const first = removeDirectory(AT_FDCWD, directory);
  if (first === 0) return 0;
  const self = native.stat(AT_FDCWD, directory, false);
  if (self === -Errno.ENOENT) return 0;
  const above = native.stat(AT_FDCWD, parentOf(directory), false);
  if (typeof self === "number" || typeof above === "number") return first;
  // `cgroupsPath` can name the root of a hierarchy. The cgroups below that are not the container's.
  if (self.dev !== above.dev) return first;
  const failed = walkTree(
    directory,
    () => undefined,
    (above, name) => removePatiently(above, name, patience),
  );
  return failed === 0 ? removePatiently(AT_FDCWD, directory, patience) : failed;
}

function removePatiently(above: number, name: string, patience: Patience): number {
  let result = removeDirectory(above, name);
  for (let delay = 1; result === Errno.EBUSY && patience.left > 0; delay *= 2) {
    const wait = Math.min(delay, patience.left);
    pause(wait);
    patience.left -= wait;
    result = removeDirectory(above, name);
  }
  return result;
}

function removeDirectory(above: number, name: string): number {
  const result = native.rmdir(above, name);
  return result === -Errno.ENOENT ? 0 : -result;
}

/**
 * Gives a cpuset cgroup, and those above it that lack them, the cpus and memory nodes of the one above: a process
 * cannot join a v1 cpuset without any. The root of a hierarchy always has some.
 *
 * @throws RuntimeError `CGROUP`
 */
export function inheritCpuset(directory: string): void {
  const prefix = native.access(AT_FDCWD, `${directory}/cpuset.cpus`, 0) === 0 ? "cpuset." : "";
  for (const name of ["cpus", "mems"]) inherit(directory, `${prefix}${name}`);
}

function inherit(directory: string, file: string): string {
  const path = `${directory}/${file}`;
  const own = native.readFile(AT_FDCWD, path, SMALL_FILE);
  if (typeof own === "number") throw cpusetError(`read ${path}`, -own, path);
  const value = own.trim();
  if (value !== "") return value;
  const wanted = inherit(parentOf(directory), file);
  const result = native.writeFile(AT_FDCWD, path, 1, 0, wanted);
  if (result < 0) throw cpusetError(`write ${JSON.stringify(wanted)} to ${path}`, -result, path);
  return wanted;
}

function cpusetError(what: string, errno: number, path: string): RuntimeError {
  return new RuntimeError("CGROUP", `linux.cgroupsPath: take over the cpuset of the cgroup above: ${what}: ${errnoText(errno)}`, {
    pointer: "/linux/cgroupsPath",
    path,
    errno,
  });
}

/** @throws RuntimeError `CGROUP_NOT_EMPTY` where processes are in a cgroup, or below it */
export function refuseInUse(directory: string): void {
  const count = populationBelow(directory);
  if (count === 0) return;
  const text = `container's cgroup is not empty: ${count} process(es) found`;
  throw new RuntimeError("CGROUP_NOT_EMPTY", text, { pointer: "/linux/cgroupsPath", path: directory });
}
