// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, readlinkSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Text of a file, or `""` where it cannot be read (a process may have gone). */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function unescapeMountinfo(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** One line of mountinfo. */
export interface MountInfo {
  readonly id: number;
  readonly root: string;
  readonly target: string;
  /** Options of the mount itself. */
  readonly options: readonly string[];
  /** Propagation fields, such as `shared:3` and `master:3`. */
  readonly propagation: readonly string[];
  readonly fsType: string;
  readonly source: string;
  /** Options of the file system. */
  readonly superOptions: readonly string[];
}

/** The mounts in the text of a mountinfo file, in its order. */
export function parseMountinfo(text: string): MountInfo[] {
  const mounts: MountInfo[] = [];
  for (const line of text.split("\n")) {
    const [left, right] = line.split(" - ");
    if (left === undefined || right === undefined) continue;
    const fields = left.split(" ");
    const [fsType = "", source = "", superOptions = ""] = right.split(" ");
    mounts.push({
      id: Number(fields[0]),
      root: unescapeMountinfo(fields[3] ?? ""),
      target: unescapeMountinfo(fields[4] ?? ""),
      options: (fields[5] ?? "").split(","),
      propagation: fields.slice(6),
      fsType,
      source: unescapeMountinfo(source),
      superOptions: superOptions.split(","),
    });
  }
  return mounts;
}

/** Options of a hierarchy of cgroup v1 that name no controller. */
const NO_CONTROLLER = /^(rw|ro|xattr|noprefix|clone_children|cpuset_v2_mode|favordynmods|release_agent=.*)$/;

/** Directory of each mounted cgroup v1 controller of this host. */
export function cgroupMounts(): Map<string, string> {
  const found = new Map<string, string>();
  for (const mount of parseMountinfo(readText("/proc/self/mountinfo"))) {
    if (mount.fsType === "cgroup2" && !found.has("")) found.set("", mount.target);
    if (mount.fsType !== "cgroup") continue;
    for (const option of mount.superOptions) {
      if (!NO_CONTROLLER.test(option) && !found.has(option)) found.set(option, mount.target);
    }
  }
  return found;
}

/** Whether this host has cgroup v2 alone. */
export const PURE_V2: boolean = [...cgroupMounts().keys()].join() === "";

/** Whether this host can set the limits of a controller, with either version of cgroups. */
export function hasLimits(name: string): boolean {
  if (!PURE_V2) return hasController(name);
  return readText(join(cgroupMounts().get("") ?? "", "cgroup.controllers"))
    .trim()
    .split(" ")
    .includes(name);
}

/** Whether this host has the cgroup v1 controller `name`. */
export function hasController(name: string): boolean {
  return cgroupMounts().has(name);
}

/** Path of the cgroup of `pid` in the hierarchy of `controller` (`""`: version 2), as /proc says; with version 2 alone there is one. */
export function cgroupPathOf(pid: number, wanted: string): string | undefined {
  const controller = PURE_V2 ? "" : wanted;
  for (const line of readText(`/proc/${pid}/cgroup`).split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) continue;
    if (controllers.split(",").some((each) => each === controller)) return path;
  }
  return undefined;
}

/** Directory of the cgroup of `pid` on this host for `controller`. */
export function cgroupDirOf(pid: number, controller: string): string {
  const mount = cgroupMounts().get(PURE_V2 ? "" : controller);
  const path = cgroupPathOf(pid, controller);
  if (mount === undefined || path === undefined) throw new Error(`no cgroup of ${controller}`);
  return join(mount, path);
}

/** Text of a control file of the cgroup of `pid`, without the newline. */
export function cgroupValue(pid: number, controller: string, file: string): string {
  return readFileSync(join(cgroupDirOf(pid, controller), file), "utf8").trim();
}

/** Directories of every hierarchy below the path `path`, from the root and from this process's cgroup on, deepest first. */
export function cgroupDirsUnder(path: string): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    let entries;
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries) if (entry.isDirectory()) walk(join(folder, entry.name));
    found.push(folder);
  };
  const starts = new Set<string>();
  for (const [controller, mount] of cgroupMounts()) {
    starts.add(join(mount, path));
    // A relative path of config.json counts from the cgroup of the process that runs the runtime.
    starts.add(join(mount, cgroupPathOf(process.pid, controller) ?? "/", path));
  }
  for (const start of starts) walk(start);
  return found;
}

/** Removes the cgroups below `path`, killing what is in them. */
export function removeCgroups(path: string): void {
  const folders = cgroupDirsUnder(path);
  for (const folder of folders) {
    for (const pid of readText(join(folder, "cgroup.procs")).split("\n")) {
      if (Number(pid) > 0) tryKill(Number(pid));
    }
  }
  const deadline = Date.now() + 3000;
  for (const folder of folders) {
    while (Date.now() < deadline) {
      try {
        rmdirSync(folder);
        break;
      } catch {
        if (statOf(folder) === undefined) break;
        sleep(10);
      }
    }
  }
}

export function tryKill(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    return;
  }
}

function statOf(path: string): ReturnType<typeof statSync> {
  return statSync(path, { throwIfNoEntry: false });
}

/** Waits for `ms` milliseconds without returning to the event loop. */
export function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** How many times slower than a usual host this one is: an emulated processor. Every limit of time is as much longer. */
export const SLOWNESS = Number(process.env["RUNT_TEST_SLOWNESS"] ?? "1");

/** Tries `check` every few milliseconds until it is true; false if `ms` have passed, on a usual host. */
export function waitFor(check: () => boolean, ms = 10_000): boolean {
  const deadline = Date.now() + ms * SLOWNESS;
  while (!check()) {
    if (Date.now() > deadline) return false;
    sleep(5);
  }
  return true;
}

/** Every process of this host. */
export function pids(): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0);
}

/** Whether `pid` exists and is no zombie. */
export function isAlive(pid: number): boolean {
  const stat = readText(`/proc/${pid}/stat`);
  return stat !== "" && !/^\d+ \(.*\) [ZX]/s.test(stat);
}

/** Processes, zombies left out, that a command line, an environment or a cgroup ties to `marker`. */
export function processesOf(marker: string): string[] {
  const found: string[] = [];
  for (const pid of pids()) {
    if (pid === process.pid || !isAlive(pid)) continue;
    const command = readText(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    // On cgroup v1 the kernel starts it, to tell systemd which cgroup has become empty.
    if (command.includes("systemd-cgroups-agent")) continue;
    const signs = [command, readText(`/proc/${pid}/environ`), readText(`/proc/${pid}/cgroup`)];
    if (signs.some((text) => text.includes(marker))) found.push(`${pid} ${command}`);
  }
  return found;
}

/** What /proc/PID/ns/NAME links to, such as `pid:[4026531836]`. */
export function namespaceOf(pid: number | "self", name: string): string {
  return readlinkSync(`/proc/${pid}/ns/${name}`);
}

/**
 * What the open descriptors of a process are. A container's process may close some after `create` has returned: what it
 * held for its last answer. Those that are gone before they can be read are left out.
 */
export function openFiles(pid: number): string[] {
  const targets: string[] = [];
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      targets.push(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return targets;
}

/** A field of /proc/PID/status. */
export function statusField(pid: number, name: string): string {
  const line = readText(`/proc/${pid}/status`)
    .split("\n")
    .find((each) => each.startsWith(`${name}:`));
  return (line ?? "").slice(name.length + 1).trim();
}

/** A directory on a tmpfs where there is one that allows programs, else the usual one. */
export function temporaryFolder(): string {
  const wanted = process.env["RUNT_TEST_DIR"];
  if (wanted !== undefined) return wanted;
  const mounts = parseMountinfo(readText("/proc/self/mountinfo"));
  const shm = mounts.findLast((each) => each.target === "/dev/shm");
  const usable = shm?.fsType === "tmpfs" && !["noexec", "nodev"].some((each) => shm.options.includes(each));
  return usable ? "/dev/shm" : tmpdir();
}
