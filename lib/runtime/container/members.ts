// SPDX-License-Identifier: Apache-2.0
/** The processes of a container that has no cgroup to look them up in, or has left its cgroup. */
import type { KnownNamespace, MadeNamespaces } from "../record.ts";
import * as K from "../../kernel/plan_numbers.ts";
import { readNamespaces } from "../../plan/namespaces.ts";
import { withDescriptor } from "../../sys/descriptors.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../sys/files.ts";
import { NS_GET_PARENT, SIGKILL, SIGSTOP } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { signalProcess } from "../../sys/send_signals.ts";
import { readable } from "../../sys/waiting.ts";
import { savedConfig } from "./saved_config.ts";
import { isAlive, processStat } from "./status.ts";
import { find, ids } from "./store.ts";
import type { ContainerRecord } from "../record.ts";

/** How long {@link killMembers} goes on; milliseconds. */
const KILL_PATIENCE = 5000;
/** Rounds in which members are stopped: each finds the processes that were forked before their parent was stopped. */
const STOP_ROUNDS = 10;
/** After this many rounds without a member {@link killMembers} concludes that there is none. */
const QUIET_ROUNDS = 4;

/** Namespaces that identify a process, as /proc/PID/ns calls them, and the flag that makes them. */
const KINDS: readonly (readonly [kind: string, flag: number])[] = [
  ["mnt", K.CLONE_NEWNS],
  ["user", K.CLONE_NEWUSER],
  ["ipc", K.CLONE_NEWIPC],
  ["uts", K.CLONE_NEWUTS],
  ["net", K.CLONE_NEWNET],
  ["cgroup", K.CLONE_NEWCGROUP],
  ["time", K.CLONE_NEWTIME],
];

/**
 * Notes which namespaces were made for a container, so that its processes can be found by them when its first one is gone.
 *
 * @param pid its first process, which is in all of them
 * @param made CLONE_NEW*
 */
export function madeNamespaces(pid: number, made: number): MadeNamespaces {
  const found: Record<string, KnownNamespace> = {};
  for (const [kind, flag] of KINDS) {
    if ((made & flag) === 0) continue;
    const namespace = identify(`/proc/${pid}/ns/${kind}`);
    if (namespace !== undefined) found[kind] = namespace;
  }
  return found;
}

/**
 * Pids of the processes of a container, and of their descendants, which may be in further namespaces. Members are in its own pid
 * namespace; without one they are its first process, while it exists, and the processes in a namespace that was made for it.
 *
 * A process cannot leave a user namespace, nor any other one without CAP_SYS_ADMIN over it.
 *
 * @param root the state directory: processes of other containers in it, which may share the namespaces, are left out
 */
export function memberPids(record: ContainerRecord, root: string): number[] {
  return [...membersFound(record, root).keys()].sort((one, other) => one - other);
}

/** The properties of a process that are looked at. */
interface Seen {
  readonly parent: number;
  readonly startTime: number;
  /** Directory in /proc with its namespaces: of its first thread, or of another thread where the first has ended. */
  readonly folder: string;
}

/** The members, with their start times. */
function membersFound(record: ContainerRecord, root: string): Map<number, number> {
  const first = isAlive(record.init_process_pid, record.init_process_start) ? record.init_process_pid : 0;
  const all = everyProcess();
  const others = record.own_pid_namespace ? new Set<number>() : otherContainers(record, root, all);
  const isMember = record.own_pid_namespace ? inPidNamespace(first) : inMadeNamespace(record, first, root);
  const children = new Map<number, number[]>();
  const waiting: number[] = [];
  for (const [pid, seen] of all) {
    const siblings = children.get(seen.parent);
    if (siblings === undefined) children.set(seen.parent, [pid]);
    else siblings.push(pid);
    if (pid === first || (!others.has(pid) && isMember(seen))) waiting.push(pid);
  }
  const found = new Map<number, number>();
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    const seen = all.get(pid);
    if (found.has(pid) || seen === undefined || pid === process.pid || others.has(pid)) continue;
    found.set(pid, seen.startTime);
    waiting.push(...(children.get(pid) ?? []));
  }
  return found;
}

function everyProcess(): Map<number, Seen> {
  const all = new Map<number, Seen>();
  const names = native.readdir(AT_FDCWD, "/proc");
  for (const name of typeof names === "number" ? [] : names) {
    const pid = Number(name);
    const stat = pid > 0 ? processStat(pid) : undefined;
    if (stat === undefined) continue;
    const { parent, startTime, isDead } = stat;
    const folder = isDead ? livingThread(pid) : `/proc/${pid}`;
    if (folder !== undefined) all.set(pid, { parent, startTime, folder });
  }
  return all;
}

/** A process whose first thread has ended looks like an ended process, and has no namespaces. */
function livingThread(pid: number): string | undefined {
  const threads = native.readdir(AT_FDCWD, `/proc/${pid}/task`);
  for (const name of typeof threads === "number" ? [] : threads) {
    const folder = `/proc/${pid}/task/${name}`;
    if (Number(name) !== pid && numberOf(`${folder}/ns/mnt`) !== undefined) return folder;
  }
  return undefined;
}

function inPidNamespace(first: number): (seen: Seen) => boolean {
  const own = first === 0 ? undefined : numberOf(`/proc/${first}/ns/pid`);
  return ({ folder }) => own !== undefined && numberOf(`${folder}/ns/pid`) === own;
}

/**
 * Engines let containers, or programs of the host, join some namespaces, so these are weaker evidence than unshared ones: a
 * process that is in them, but in the mount namespace of another container or of the runtime, is not the container's.
 */
function inMadeNamespace(record: ContainerRecord, first: number, root: string): (seen: Seen) => boolean {
  const namespaces = record.namespaces ?? namespacesOf(record, first, root);
  const made = Object.entries(namespaces);
  const mount = namespaces["mnt"]?.number;
  const elsewhere = new Set<number | undefined>();
  if (mount !== undefined) elsewhere.add(numberOf("/proc/self/ns/mnt"));
  for (const other of otherRecords(record, root)) elsewhere.add(numberOf(`/proc/${other.init_process_pid}/ns/mnt`));
  elsewhere.delete(mount);
  const same = new Map<string, boolean>();
  const isIt = (folder: string, kind: string, { number, id }: KnownNamespace): boolean => {
    const path = `${folder}/ns/${kind}`;
    if (numberOf(path) !== number) return false;
    // The kernel may give the number of a namespace that is gone to a new one.
    let known = same.get(kind);
    if (known === undefined) {
      known = id === undefined ? first !== 0 && numberOf(`/proc/${first}/ns/${kind}`) === number : identify(path)?.id === id;
      same.set(kind, known);
    }
    return known;
  };
  const chains = new Map<number, boolean>();
  return ({ folder }) => {
    for (const [kind, namespace] of made) {
      const isIn = kind === "user" ? isBelow(folder, namespace, chains, isIt) : isIt(folder, kind, namespace);
      if (isIn && (kind === "mnt" || kind === "user" || !elsewhere.has(numberOf(`${folder}/ns/mnt`)))) return true;
    }
    return false;
  };
}

/** Namespaces of a container that has left its cgroup: the record has none, but its first process is in them. */
function namespacesOf({ id }: ContainerRecord, first: number, root: string): MadeNamespaces {
  if (first === 0) return {};
  const entry = find(root, id);
  try {
    return madeNamespaces(first, readNamespaces(savedConfig(entry)).made);
  } finally {
    entry.close();
  }
}

/** Whether a process is in a user namespace, or in a descendant of it, however deep. */
function isBelow(
  folder: string,
  wanted: KnownNamespace,
  chains: Map<number, boolean>,
  isIt: (folder: string, kind: string, namespace: KnownNamespace) => boolean,
): boolean {
  if (isIt(folder, "user", wanted)) return true;
  const number = numberOf(`${folder}/ns/user`);
  if (number === undefined) return false;
  let known = chains.get(number);
  if (known === undefined) {
    known = hasAncestor(`${folder}/ns/user`, wanted);
    chains.set(number, known);
  }
  return known;
}

function hasAncestor(path: string, wanted: KnownNamespace): boolean {
  let fd = native.open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  while (fd >= 0) {
    const above = native.ioctlInt(fd, NS_GET_PARENT, 0);
    native.close(fd);
    fd = above;
    const stat = fd < 0 ? fd : native.stat(fd, "", false);
    if (typeof stat === "number" || stat.ino !== wanted.number) continue;
    // A namespace keeps its ancestors alive, so a different id is that of a namespace that was made later.
    const isSame = wanted.id === undefined || native.namespaceId(fd) === wanted.id;
    native.close(fd);
    return isSame;
  }
  return false;
}

/** Records of the other containers of a state directory that have a first process. */
function otherRecords(record: ContainerRecord, root: string): ContainerRecord[] {
  const found: ContainerRecord[] = [];
  for (const id of ids(root)) {
    if (id === record.id) continue;
    try {
      const entry = find(root, id);
      const other = entry.read();
      entry.close();
      if (other !== undefined && isAlive(other.init_process_pid, other.init_process_start)) found.push(other);
    } catch {
      // The container is gone, or its record is damaged: then its first process is not known.
    }
  }
  return found;
}

/** Pids of the first processes of other containers, and of their descendants. */
function otherContainers(record: ContainerRecord, root: string, all: ReadonlyMap<number, Seen>): Set<number> {
  const first = new Set(otherRecords(record, root).map(({ init_process_pid: pid }) => pid));
  const found = new Set<number>();
  for (const pid of first.size === 0 ? [] : all.keys()) {
    for (let at = pid; at > 1; at = all.get(at)?.parent ?? 0) {
      // A container that an engine in this container has made is a part of it.
      if (at === record.init_process_pid) break;
      if (!first.has(at)) continue;
      found.add(pid);
      break;
    }
  }
  return found;
}

/**
 * Sends a signal to all {@link memberPids}. Before SIGKILL they are stopped, so that none escapes by forking, and SIGKILL is
 * repeated until none is left.
 *
 * @returns the processes that still exist
 */
export async function killMembers(record: ContainerRecord, signal: number, root: string): Promise<number[]> {
  const sendAll = (which: ReadonlyMap<number, number>, what: number): void => {
    for (const [pid, startTime] of which) signalProcess(pid, what, () => processStat(pid)?.startTime === startTime);
  };
  if (signal !== SIGKILL) {
    sendAll(membersFound(record, root), signal);
    return [];
  }
  const end = native.now() + KILL_PATIENCE;
  const stopped = new Set<number>();
  for (let round = 0; round < STOP_ROUNDS; round++) {
    const fresh = new Map([...membersFound(record, root)].filter(([pid]) => !stopped.has(pid)));
    if (fresh.size === 0) break;
    sendAll(fresh, SIGSTOP);
    for (const pid of fresh.keys()) stopped.add(pid);
  }
  for (;;) {
    const left = membersFound(record, root);
    sendAll(left, SIGKILL);
    if (!record.own_pid_namespace) chase(record, root, end);
    if (left.size === 0 || native.now() > end) return [...left.keys()];
    await readable(-1, 2);
  }
}

/**
 * Kills processes that fork and end faster than all of /proc can be read: each round looks only at processes that are new since
 * the round before. It ends after several rounds in which no member appeared, and no process ended before it was looked at.
 */
function chase(record: ContainerRecord, root: string, end: number): void {
  const first = isAlive(record.init_process_pid, record.init_process_start) ? record.init_process_pid : 0;
  const isMember = inMadeNamespace(record, first, root);
  const others = otherContainers(record, root, everyProcess());
  let known = new Set<string>();
  for (let quiet = 0; quiet < QUIET_ROUNDS && native.now() < end;) {
    const names = native.readdir(AT_FDCWD, "/proc");
    let isQuiet = true;
    for (const name of typeof names === "number" ? [] : names) {
      const pid = Number(name);
      if (!(pid > 0) || known.has(name) || others.has(pid) || pid === process.pid) continue;
      const seen = { parent: 0, startTime: 0, folder: `/proc/${name}` };
      if (signalProcess(pid, SIGKILL, () => isMember(seen)) || native.access(AT_FDCWD, seen.folder, 0) < 0) isQuiet = false;
    }
    known = new Set(typeof names === "number" ? [] : names);
    quiet = isQuiet ? quiet + 1 : 0;
  }
}

/**
 * Reaps ended children of this process in the container's pid namespace, whose first process cannot end
 * before they are reaped. They come from an `exec` in a thread of this program that was ended meanwhile.
 *
 * @param record of a container with a pid namespace of its own whose first process was killed
 */
export function reapStrays(record: ContainerRecord): void {
  const namespace = numberOf(`/proc/${record.init_process_pid}/ns/pid`);
  const names = native.readdir(AT_FDCWD, "/proc");
  for (const name of namespace === undefined || typeof names === "number" ? [] : names) {
    const pid = Number(name);
    if (!(pid > 0) || pid === record.init_process_pid || numberOf(`/proc/${pid}/ns/pid`) !== namespace) continue;
    // For a process that is another's child this does nothing.
    native.waitpid(pid, true);
  }
}

/** The number in `mnt:[4026531841]`. */
function numberOf(path: string): number | undefined {
  const name = native.readlink(AT_FDCWD, path);
  return typeof name === "string" ? Number(name.slice(name.indexOf("[") + 1, -1)) : undefined;
}

function identify(path: string): KnownNamespace | undefined {
  const number = numberOf(path);
  const fd = native.open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return undefined;
  const id = withDescriptor(fd, () => native.namespaceId(fd));
  if (number === undefined) return undefined;
  return typeof id === "string" ? { number, id } : { number };
}
