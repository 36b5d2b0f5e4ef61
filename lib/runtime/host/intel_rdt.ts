// SPDX-License-Identifier: Apache-2.0
/**
 * `linux.intelRdt`: the resctrl groups of a container.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#intelrdt
 */
import type { RdtRecord } from "../record.ts";
import { RuntimeError } from "../../errors.ts";
import type { LinuxIntelRdt } from "../../spec/types.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, exists, O_CLOEXEC, O_WRONLY, readText, readTextIfExists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { parseMountinfo } from "../../sys/proc.ts";

const RDTGROUP_SUPER_MAGIC = 0x7655821;
const USUAL_MOUNTPOINT = "/sys/fs/resctrl";
const AT = "/linux/intelRdt";

/** The mounted resctrl; tests use a replacement. */
export interface Resctrl {
  readonly root: string;
  mkdir(path: string): number;
  rmdir(path: string): number;
}

/** The resctrl file system of this host; `undefined` where none is mounted. */
export function findResctrl(): Resctrl | undefined {
  const usual = native.statfs(USUAL_MOUNTPOINT);
  // Without the directory the kernel or the machine has no resctrl at all.
  if (typeof usual === "number") return undefined;
  const root =
    usual.type === RDTGROUP_SUPER_MAGIC
      ? USUAL_MOUNTPOINT
      : parseMountinfo(readText("/proc/self/mountinfo", 1 << 26), ["resctrl"])[0]?.mountpoint;
  if (root === undefined) return undefined;
  return {
    root,
    mkdir: (path) => native.mkdir(AT_FDCWD, path, 0o755),
    rmdir: (path) => native.rmdir(AT_FDCWD, path),
  };
}

/** The property of `linux.intelRdt` that this host cannot provide: its JSON Pointer, and the reason. Changes nothing. */
export function rdtProblem(rdt: LinuxIntelRdt, resctrl: Resctrl | undefined): readonly [string, string] | undefined {
  if (resctrl === undefined && asksNothing(rdt)) return undefined;
  if (resctrl === undefined) return [AT, "intelRdt is specified in config, but Intel RDT is not enabled: no resctrl is mounted"];
  const lacks = (name: string): boolean => !exists(`${resctrl.root}/info/${name}`);
  if ((rdt.l3CacheSchema ?? "") !== "" && lacks("L3")) {
    return [`${AT}/l3CacheSchema`, "l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled"];
  }
  if ((rdt.memBwSchema ?? "") !== "" && lacks("MB")) {
    return [`${AT}/memBwSchema`, "memBwSchema is specified in config, but Intel RDT/MBA is not enabled"];
  }
  return undefined;
}

/** Engines write an empty `intelRdt`; where there is no resctrl that is no reason to fail. */
export function asksNothing(rdt: LinuxIntelRdt): boolean {
  const { closID = "", l3CacheSchema = "", memBwSchema = "", schemata = [], enableMonitoring = false } = rdt;
  return closID === "" && l3CacheSchema === "" && memBwSchema === "" && schemata.length === 0 && !enableMonitoring;
}

/**
 * Checks, before anything is made, that this host can provide `rdt`.
 * @throws HOST_UNABLE
 */
export function requireResctrl(rdt: LinuxIntelRdt, resctrl = findResctrl()): Resctrl {
  const problem = rdtProblem(rdt, resctrl);
  if (problem === undefined && resctrl !== undefined) return resctrl;
  const [pointer, reason] = problem ?? [AT, "no resctrl is mounted"];
  throw new RuntimeError("HOST_UNABLE", `linux.intelRdt: ${reason}`, { pointer });
}

/**
 * As {@link requireResctrl}, with runc's words for its flags.
 * @throws HOST_UNABLE
 */
export function requireForUpdate(rdt: LinuxIntelRdt, resctrl = findResctrl()): Resctrl {
  for (const [schema, file, what] of [
    [rdt.l3CacheSchema, "L3", "Intel RDT/CAT: l3 cache schema"],
    [rdt.memBwSchema, "MB", "Intel RDT/MBA: memory bandwidth schema"],
  ] as const) {
    if (schema === undefined || (resctrl !== undefined && exists(`${resctrl.root}/info/${file}`))) continue;
    throw new RuntimeError("HOST_UNABLE", `${what} is not enabled`);
  }
  return requireResctrl(rdt, resctrl);
}

/** The paths of a container's groups, and whether they will be its own. Makes nothing. */
export function rdtRecord(rdt: LinuxIntelRdt, id: string, { root }: Resctrl): RdtRecord {
  const { closID = "" } = rdt;
  const path = closID === "/" ? root : `${root}/${closID === "" ? id : closID}`;
  return {
    path,
    remove: closID === "" && !exists(path),
    ...(rdt.enableMonitoring === true ? { monitor: `${path}/mon_groups/${id}` } : {}),
  };
}

/**
 * Makes the groups of a container where they are missing, and moves a process into them.
 * @returns a function that removes the groups that were made
 * @throws CONFIG_INVALID for a class that is missing or has other schemata, SYSCALL with resctrl's own explanation
 */
export function joinRdt(rdt: LinuxIntelRdt, record: RdtRecord, pid: number, resctrl: Resctrl): () => void {
  const { closID = "", l3CacheSchema = "", memBwSchema = "", schemata = [] } = rdt;
  const compared = [l3CacheSchema, memBwSchema].filter((line) => line !== "");
  const lines = [...compared, ...schemata.filter((line) => line !== "")];
  const there = exists(record.path);
  const made: string[] = [];
  const undo = (): void => {
    for (const path of made.splice(0).reverse()) resctrl.rmdir(path);
  };
  if (closID !== "" && lines.length === 0 && !there) {
    const reason = `there is no class of service ${record.path}, and no schema is given to make it with`;
    throw new RuntimeError("CONFIG_INVALID", `linux.intelRdt.closID: ${reason}`, { pointer: `${AT}/closID` });
  }
  const isShared = closID !== "" && there;
  if (isShared) compareSchemata(compared, `${record.path}/schemata`);
  try {
    if (!there) make(record.path, resctrl, made);
    const writes = isShared ? schemata.filter((line) => line !== "") : lines;
    for (const line of writes) write(`${record.path}/schemata`, `${line}\n`, resctrl);
    write(`${record.path}/tasks`, String(pid), resctrl);
    if (record.monitor !== undefined) {
      if (!exists(record.monitor)) make(record.monitor, resctrl, made);
      write(`${record.monitor}/tasks`, String(pid), resctrl);
    }
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
}

/** Moves one more process of the container into its groups. @throws SYSCALL */
export function addToRdt(record: RdtRecord, pid: number): void {
  for (const path of [record.path, record.monitor]) {
    // A group that its owner has removed meanwhile has already released its processes.
    if (path !== undefined && exists(path)) write(`${path}/tasks`, String(pid));
  }
}

/** Changes the schemata of a container's class. @throws SYSCALL */
export function updateRdt(record: RdtRecord, lines: readonly string[], resctrl?: Resctrl): void {
  for (const line of lines) write(`${record.path}/schemata`, `${line}\n`, resctrl);
}

/** Removes the groups that are the container's own; a group that is gone already is no error. @throws SYSCALL */
export function removeRdt(record: RdtRecord, rmdir = (path: string): number => native.rmdir(AT_FDCWD, path)): void {
  const path = record.remove ? record.path : record.monitor;
  if (path === undefined) return;
  const result = rmdir(path);
  if (result < 0 && result !== -Errno.ENOENT) throw refused(`rmdir ${path}`, -result);
}

function make(path: string, resctrl: Resctrl, made: string[]): void {
  const result = resctrl.mkdir(path);
  if (result < 0) throw refused(`mkdir ${path}`, -result, resctrl);
  made.push(path);
}

function write(path: string, text: string, resctrl?: Resctrl): void {
  const result = native.writeFile(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0, text);
  if (result < 0) throw refused(`write ${JSON.stringify(text.trim())} to ${path}`, -result, resctrl);
}

/** The error with the kernel's text on its last refusal, which says more than an errno. */
function refused(what: string, errno: number, resctrl?: Resctrl): RuntimeError {
  const status = resctrl === undefined ? undefined : readTextIfExists(`${resctrl.root}/info/last_cmd_status`)?.trim();
  const more = status === undefined || status === "" || status === "ok" ? "" : `, last_cmd_status: ${status}`;
  return new RuntimeError("SYSCALL", `linux.intelRdt: ${what}: ${errnoText(errno)}${more}`, { pointer: AT, errno });
}

/**
 * A class that exists belongs to another program or container: it must have the schemata already.
 * @throws CONFIG_INVALID
 */
function compareSchemata(wanted: readonly string[], path: string): void {
  if (wanted.length === 0) return;
  const found = parseSchemata(readText(path).split("\n"));
  for (const [key, value] of parseSchemata(wanted)) {
    const other = found.get(key);
    if (other === value) continue;
    const text = `linux.intelRdt: ${path} has ${key}=${other ?? "nothing"}, but config.json wants ${value}; a class that exists is not changed`;
    throw new RuntimeError("CONFIG_INVALID", text, { pointer: AT, path });
  }
}

/** `L3:0=0ff;1=c0` as `L3:0` → `ff`, `L3:1` → `c0`: the kernel pads and sorts the values that it gets. */
export function parseSchemata(lines: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const resource = line.slice(0, colon).trim();
    for (const part of line.slice(colon + 1).split(";")) {
      const [id = "", value = ""] = part.split("=");
      const plain = value
        .trim()
        .toLowerCase()
        .replace(/^0+(?=.)/, "");
      if (id.trim() !== "") found.set(`${resource}:${id.trim()}`, plain);
    }
  }
  return found;
}
