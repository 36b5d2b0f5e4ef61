// SPDX-License-Identifier: Apache-2.0
/**
 * All processes that one process of `exec` has started: they may outlive it, in sessions of their own, so that only a cgroup
 * knows them all.
 */
import { attachCgroup } from "../../cgroups/open.ts";
import { isUnified } from "../../cgroups/place/path.ts";
import { Errno } from "../../kernel/errno.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import type { ContainerRecord } from "../../runtime/record.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/** The cgroup of one process of `exec`, below the container's. */
export interface Tree {
  /** A controller of the hierarchy; "" is cgroup v2. */
  readonly controller: string;
  readonly directory: string;
}

/** On cgroup v1 one hierarchy is enough, the freezer's most of all: processes that stand still cannot fork. */
const CONTROLLERS = ["freezer", "pids", "devices", "name=systemd"];
/** The most rounds of the search for processes without a cgroup of their own. */
const ROUNDS = 20;
/** Directories that are looked at after an end, at most. */
const LOOKED_AT = 8;

let lastNumber = 0;
/** Cgroups of processes that have ended, in which others go on. */
const inUse = new Set<string>();

/** Makes a cgroup; `undefined` where there is none, or no right to make one: then {@link killTree} uses sessions. */
export function makeTree(record: ContainerRecord): { readonly tree: Tree; readonly below: Record<string, string> } | undefined {
  const { cgroup_paths: paths } = record;
  const controller = isUnified(paths) ? "" : CONTROLLERS.find((name) => paths[name] !== undefined);
  const parent = controller === undefined ? undefined : paths[controller];
  if (controller === undefined || parent === undefined) return undefined;
  const name = `exec-${process.pid}-${++lastNumber}-${Math.random().toString(36).slice(2, 8)}`;
  const directory = `${parent}/${name}`;
  if (native.mkdir(AT_FDCWD, directory, 0o755) < 0) return undefined;
  return { tree: { controller, directory }, below: { [controller]: name } };
}

/** A process has ended; its cgroup goes too, now or when the last process that it has started has ended. */
export function dropTree({ directory }: Tree): void {
  inUse.add(directory);
  let left = LOOKED_AT;
  for (const each of [...inUse].reverse()) {
    if (left-- === 0) break;
    const removed = native.rmdir(AT_FDCWD, each);
    if (removed !== -Errno.EBUSY) inUse.delete(each);
  }
}

/**
 * Sends a signal to a process of `exec` and to all processes that it has started.
 * @param pid the process, as this program's pid namespace knows it; it leads the session of that number, which the kernel does
 *   not reuse as long as a process is in the session
 */
export function killTree(pid: number, tree: Tree | undefined, signal: number): void {
  if (tree !== undefined) {
    attachCgroup({ [tree.controller]: tree.directory }).killAll(signal);
    return;
  }
  const told = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const found = family(pid).filter((each) => !told.has(each));
    if (found.length === 0) return;
    for (const each of found) {
      told.add(each);
      native.kill(each, signal);
    }
    if (signal !== SIGKILL) return;
  }
}

/** Those of its session, and their descendants. */
function family(session: number): number[] {
  const names = native.readdir(AT_FDCWD, "/proc");
  const parents = new Map<number, number>();
  const found = new Set<number>();
  for (const name of typeof names === "number" ? [] : names) {
    const pid = Number(name);
    const text = pid > 0 ? native.readFile(AT_FDCWD, `/proc/${pid}/stat`, 4096) : 0;
    if (typeof text === "number") continue;
    const [state, parent, , its] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") continue;
    parents.set(pid, Number(parent));
    if (Number(its) === session) found.add(pid);
  }
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}
