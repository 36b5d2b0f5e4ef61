/** The processes of a container that has no cgroup to look them up in. */
import { AT_FDCWD } from "../sys/files.ts";
import { SIGKILL, SIGSTOP } from "../sys/linux.ts";
import { native } from "../sys/native.ts";
import { parentOf } from "./status.ts";
import type { ContainerRecord } from "./store.ts";

/** Rounds of {@link killMembers}: each finds what was forked before its parent stood still. */
const STOP_ROUNDS = 10;

/**
 * Pids of the processes in the container's own pid namespace, and of their descendants, which may be in further ones.
 * Without a pid namespace of its own: the first process and its descendants, as long as it is there.
 *
 * @param record of a container whose first process runs
 */
export function members(record: ContainerRecord): number[] {
  const first = record.init_process_pid;
  const namespace = record.own_pid_namespace ? pidNamespace(first) : undefined;
  const children = new Map<number, number[]>();
  const waiting: number[] = [];
  const names = native.readdir(AT_FDCWD, "/proc");
  for (const name of typeof names === "number" ? [] : names) {
    const pid = Number(name);
    if (!(pid > 0)) continue;
    const parent = parentOf(pid);
    if (parent === undefined) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
    if (pid === first || (namespace !== undefined && pidNamespace(pid) === namespace)) waiting.push(pid);
  }
  const found = new Set<number>();
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    if (found.has(pid)) continue;
    found.add(pid);
    waiting.push(...(children.get(pid) ?? []));
  }
  return [...found].sort((one, other) => one - other);
}

/** Sends a signal to all {@link members}; before SIGKILL they are stopped, so that none escapes by forking. */
export function killMembers(record: ContainerRecord, signal: number): void {
  const stopped = new Set<number>();
  for (let round = 0; signal === SIGKILL && round < STOP_ROUNDS; round++) {
    const fresh = members(record).filter((pid) => !stopped.has(pid));
    if (fresh.length === 0) break;
    for (const pid of fresh) {
      stopped.add(pid);
      native.kill(pid, SIGSTOP);
    }
  }
  const pids = signal === SIGKILL ? stopped : members(record);
  for (const pid of pids) native.kill(pid, signal);
}

/**
 * Reaps what has ended of this process's own children in the container's pid namespace, where its first process cannot end
 * before they are reaped. They come from an `exec` in a thread of this program that has been ended meanwhile.
 *
 * @param record of a container with a pid namespace of its own whose first process was killed
 */
export function reapStrays(record: ContainerRecord): void {
  const namespace = pidNamespace(record.init_process_pid);
  const names = native.readdir(AT_FDCWD, "/proc");
  for (const name of namespace === undefined || typeof names === "number" ? [] : names) {
    const pid = Number(name);
    if (!(pid > 0) || pid === record.init_process_pid || pidNamespace(pid) !== namespace) continue;
    // Of another's child the kernel tells nothing.
    native.waitpid(pid, true);
  }
}

function pidNamespace(pid: number): string | undefined {
  const name = native.readlink(AT_FDCWD, `/proc/${pid}/ns/pid`);
  return typeof name === "string" ? name : undefined;
}
