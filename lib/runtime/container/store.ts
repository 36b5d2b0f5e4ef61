// SPDX-License-Identifier: Apache-2.0
/**
 * The state directory: `<root>/<id>/` with `state.json`, `config.json` (as it was at `create`) and, until
 * `start`, `exec.fifo`. The layout and names are runc's.
 *
 * A status is never stored: it is computed (see `status.ts`).
 */
import { LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN } from "../../kernel/numbers.ts";
import type { ContainerRecord } from "../record.ts";
import { RuntimeError } from "../../errors.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { withDescriptor } from "../../sys/descriptors.ts";
import {
  AT_FDCWD,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_PATH,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  check,
  checkValue,
  syscallError,
} from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { readable } from "../../sys/waiting.ts";

/**
 * Raised when a field of the record changes its meaning or is removed; a new optional field keeps the number. A release reads
 * the records of the number before its own, where 0 is a record without a number, and of the number after it: it uses the fields
 * that it knows, and writes the others back unchanged. So a container survives an upgrade, and a downgrade.
 */
export const STATE_VERSION = 1;

const STATE = "state.json";
const NEXT_STATE = ".state.json.new";
const CONFIG = "config.json";
const FIFO = "exec.fifo";
/** The directory where `restore` mounts the root file system for CRIU; a `restore` that was killed leaves it behind. */
const RESTORE_ROOT = "criu-root";
const HOOK_OUTPUT = "hooks.log";
/** Written by the keeper, to the other name first. */
const EXIT = "exit.json";
const NEXT_EXIT = ".exit.json.new";
const FILES: readonly string[] = [STATE, NEXT_STATE, CONFIG, FIFO, HOOK_OUTPUT, EXIT, NEXT_EXIT];
/** A state.json or config.json that is larger than this is not runt's. */
const LIMIT = 16 << 20;
const ID = /^[A-Za-z0-9_+.-]+$/;
/** How long `delete --force` waits for another runt that holds the container; milliseconds. */
const LOCK_PATIENCE = 10_000;

/** The directory of one container, perhaps locked. */
export class Entry {
  readonly id: string;
  readonly path: string;
  /** The directory; AT_FDCWD where it has not been opened, -1 once it has been closed. */
  #fd: number;

  constructor(id: string, path: string, fd: number) {
    this.id = id;
    this.path = path;
    this.#fd = fd;
  }

  /**
   * `undefined` where there is no record: `create` is about to write it, or was killed before it did.
   * @throws STATE_DAMAGED
   */
  read(): ContainerRecord | undefined {
    const text = native.readAtOnce(this.#fd, this.#place(STATE), LIMIT);
    if (text === -Errno.ENOENT || text === -Errno.ENOTDIR) return undefined;
    if (typeof text === "number") throw syscallError(-text, `read ${this.path}/${STATE}`);
    const record = parseRecord(text);
    const path = `${this.path}/${STATE}`;
    if (record !== undefined) {
      checkVersion(record, path);
      return record;
    }
    throw new RuntimeError("STATE_DAMAGED", `${path} is damaged; "delete --force" removes the container`, { path });
  }

  #place(name: string): string {
    return this.#fd === AT_FDCWD ? `${this.path}/${name}` : name;
  }

  /** Writes the next record, which takes effect with {@link publish}. */
  prepare(record: ContainerRecord): void {
    this.writeFile(NEXT_STATE, JSON.stringify(record));
  }

  /** Replaces the record in one step: a reader sees the former record or this one, never a part. */
  publish(): void {
    // Not by a rename over the former one: ext4 then writes the new file's data to the disk at once, which takes from 0.1 ms
    // to many.
    if (native.exchange(this.#fd, NEXT_STATE, STATE) === 0) {
      native.unlink(this.#fd, NEXT_STATE);
      return;
    }
    check(native.rename(this.#fd, NEXT_STATE, this.#fd, STATE), `rename ${this.path}/${STATE}`);
  }

  writeFile(name: string, text: string): void {
    const flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    check(native.writeFile(this.#fd, name, flags, 0o600, text), `write ${this.path}/${name}`);
  }

  /** The keeper's note; `undefined` where there is none. */
  readExit(): string | undefined {
    const text = native.readFile(this.#fd, this.#place(EXIT), 4096);
    return typeof text === "string" ? text : undefined;
  }

  /** A descriptor of the directory, for the keeper. @throws SYSCALL */
  openDirectory(): number {
    return check(native.open(AT_FDCWD, this.path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), `open ${this.path}`);
  }

  /** config.json as `create` validated it. @throws SYSCALL */
  readConfig(): string {
    const text = native.readAtOnce(this.#fd, CONFIG, LIMIT);
    if (typeof text === "number") throw syscallError(-text, `read ${this.path}/${CONFIG}`);
    return text;
  }

  /**
   * Takes turns with other updates of the container, until the returned descriptor is closed. It is not the
   * container's lock, which a `start` holds while a hook runs that may update the container.
   * @throws SYSCALL
   */
  openUpdates(): number {
    const fd = check(native.open(this.#fd, CONFIG, O_RDONLY | O_CLOEXEC, 0), `open ${this.path}/${CONFIG}`);
    native.flock(fd, LOCK_EX);
    return fd;
  }

  /** Makes the FIFO on which the container's process waits for `start`. */
  makeFifo(): void {
    check(native.mkfifo(this.#fd, FIFO, 0o622), `mkfifo ${this.path}/${FIFO}`);
    // The container's user may have any id, and the umask must not matter.
    check(native.chmod(this.#fd, FIFO, 0o622), `chmod ${this.path}/${FIFO}`);
  }

  /** Opens the FIFO with `flags`; `undefined` where there is none (any more). */
  openFifo(flags: number): number | undefined {
    const fd = native.open(this.#fd, FIFO, flags | O_CLOEXEC, 0);
    return fd === -Errno.ENOENT ? undefined : check(fd, `open ${this.path}/${FIFO}`);
  }

  hasFifo(): boolean {
    return typeof native.stat(this.#fd, FIFO, false) !== "number";
  }

  removeFifo(): void {
    native.unlink(this.#fd, FIFO);
  }

  /** Makes the directory on which `restore` mounts the root file system. */
  makeRestoreRoot(): string {
    const path = `${this.path}/${RESTORE_ROOT}`;
    check(native.mkdir(this.#fd, RESTORE_ROOT, 0o755), `mkdir ${path}`);
    return path;
  }

  /** Removes that directory, and its mounts. */
  removeRestoreRoot(): void {
    native.unmount(`${this.path}/${RESTORE_ROOT}`);
    native.rmdir(this.#fd, RESTORE_ROOT);
  }

  /** A file for the output of the hooks that init runs; unlike a pipe it never makes them wait. */
  openHookOutput(): number {
    const flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    return check(native.open(this.#fd, HOOK_OUTPUT, flags, 0o600), `open ${this.path}/${HOOK_OUTPUT}`);
  }

  /** The content of that file. */
  hookOutput(): string {
    const text = native.readFile(this.#fd, HOOK_OUTPUT, 1 << 20);
    return typeof text === "string" ? text : "";
  }

  /** Takes the lock of this container. `false` where another process holds it for longer than `patience`. */
  async lock(patience: number = LOCK_PATIENCE): Promise<boolean> {
    const end = native.now() + patience;
    for (;;) {
      const result = native.flock(this.#fd, LOCK_EX | LOCK_NB);
      if (result === 0) return true;
      if (native.now() >= end) return false;
      await readable(-1, 5);
    }
  }

  /** Releases the lock. */
  unlock(): void {
    native.flock(this.#fd, LOCK_UN);
  }

  /** Whether another process holds the lock: a `create`, `start` or `delete` is at work. */
  busy(): boolean {
    const fd = native.open(AT_FDCWD, this.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) return false;
    // A shared lock: two processes that only look must not block each other, or a `create`.
    return withDescriptor(fd, () => native.flock(fd, LOCK_SH | LOCK_NB)) < 0;
  }

  /** Whether the directory still exists at its path, and has not been deleted meanwhile. */
  alive(): boolean {
    return checkValue(native.stat(this.#fd, "", false), `stat ${this.path}`).nlink > 0;
  }

  /** Removes the directory and the files that runt put into it. */
  remove(): void {
    const names = native.readdir(this.#fd, ".");
    // Without a descriptor to read the directory (EMFILE) all possible names are tried.
    for (const name of typeof names === "number" ? FILES : names) {
      if (native.unlink(this.#fd, name) !== -Errno.EISDIR) continue;
      if (name === RESTORE_ROOT) native.unmount(`${this.path}/${name}`);
      // The only other directory is that of the notify socket.
      native.unlink(this.#fd, `${name}/notify.sock`);
      native.rmdir(this.#fd, name);
    }
    const result = native.rmdir(AT_FDCWD, this.path);
    if (result < 0 && result !== -Errno.ENOENT) throw syscallError(-result, `rmdir ${this.path}`);
  }

  close(): void {
    if (this.#fd >= 0) native.close(this.#fd);
    this.#fd = -1;
  }
}

/** What may be done with an entry of {@link glance}: any other method would act on the working directory. */
export type Glance = Pick<Entry, "id" | "path" | "read" | "readExit" | "busy">;

/** A record, if it has all fields that runt relies on; `undefined` for anything else. */
function parseRecord(text: string): ContainerRecord | undefined {
  let value: Partial<ContainerRecord> | null;
  try {
    value = JSON.parse(text) as Partial<ContainerRecord> | null;
  } catch {
    return undefined;
  }
  const whole =
    typeof value?.id === "string" &&
    typeof value.bundle === "string" &&
    typeof value.init_process_pid === "number" &&
    typeof value.init_process_start === "number" &&
    typeof value.cgroup_paths === "object";
  return whole ? (value as ContainerRecord) : undefined;
}

/** @throws STATE_DAMAGED for a record of a runt that is more than one generation newer */
function checkVersion(record: ContainerRecord, path: string): void {
  const version = record.state_version ?? 0;
  if (version <= STATE_VERSION + 1) return;
  const which = `a newer runt${record.runt_version === undefined ? "" : ` (${record.runt_version})`}`;
  const text = `${path} was written by ${which}: it has state version ${version}, and this runt reads up to ${STATE_VERSION + 1}`;
  throw new RuntimeError("STATE_DAMAGED", `${text}; "delete --force" removes the container`, { path });
}

/**
 * @throws INVALID_ID unless it is of `A-Z a-z 0-9 _ + - .`, and neither "." nor ".."
 */
export function checkId(id: string): void {
  if (!ID.test(id) || id === "." || id === "..") throw new RuntimeError("INVALID_ID", "invalid container ID format");
}

/**
 * Makes and locks the directory of a new container.
 * @throws INVALID_ID, CONTAINER_EXISTS, SYSCALL
 */
export async function reserve(root: string, id: string): Promise<Entry> {
  checkId(id);
  const path = `${root}/${id}`;
  let made = native.mkdir(AT_FDCWD, path, 0o711);
  if (made === -Errno.ENOENT) {
    makeRoot(root);
    made = native.mkdir(AT_FDCWD, path, 0o711);
  }
  if (made === -Errno.EEXIST) {
    throw new RuntimeError("CONTAINER_EXISTS", "container with given ID already exists", { path });
  }
  check(made, `--root: mkdir ${path}`, { path });
  let entry: Entry | undefined;
  try {
    entry = openEntry(id, path);
  } catch (error) {
    native.rmdir(AT_FDCWD, path);
    throw error;
  }
  // Until the lock is taken a `delete --force` may find the empty directory and remove it.
  if (entry !== undefined && (await entry.lock()) && entry.alive()) return entry;
  entry?.close();
  native.rmdir(AT_FDCWD, path);
  throw new RuntimeError("WRONG_STATE", `container ${id} was deleted while it was made`, { path });
}

/**
 * The record of an existing container.
 * @throws CONTAINER_NOT_FOUND for a directory that has no record and will get none, STATE_DAMAGED
 */
export function recordOf(entry: Glance): ContainerRecord | undefined {
  const record = entry.read();
  if (record === undefined && !entry.busy()) throw notFound(entry);
  return record;
}

/**
 * The directory of an existing container.
 * @throws INVALID_ID, CONTAINER_NOT_FOUND
 */
export function find(root: string, id: string): Entry {
  checkId(id);
  const path = `${root}/${id}`;
  const entry = openEntry(id, path);
  if (entry === undefined) throw notFound({ id, path });
  return entry;
}

/**
 * As {@link find}, for a look at many containers: the directory is not opened, and may not be there.
 * @throws INVALID_ID
 */
export function glance(root: string, id: string): Glance {
  checkId(id);
  return new Entry(id, `${root}/${id}`, AT_FDCWD);
}

/** Engines look for the first words of this message, which are runc's. */
export function notFound({ id, path }: { readonly id: string; readonly path: string }): RuntimeError {
  const root = path.slice(0, Math.max(1, path.lastIndexOf("/")));
  return new RuntimeError("CONTAINER_NOT_FOUND", `container does not exist: there is no "${id}" in ${root} (--root)`, { path });
}

/** Names of all containers, sorted; none where `root` does not exist. */
export function ids(root: string): string[] {
  const names = native.readdir(AT_FDCWD, root);
  if (names === -Errno.ENOENT) return [];
  if (typeof names === "number") throw new RuntimeError("SYSCALL", `open ${root}: ${errnoText(-names)}`);
  // A name that cannot be an id is no container: the cache of seccomp filters.
  return names.filter((name) => !name.startsWith("@")).sort();
}

function openEntry(id: string, path: string): Entry | undefined {
  const fd = native.open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd === -Errno.ENOENT || fd === -Errno.ENOTDIR) return undefined;
  return new Entry(id, path, check(fd, `open ${path}`, { path }));
}

function makeRoot(root: string): void {
  let end = 0;
  while (end >= 0 && end < root.length) {
    end = root.indexOf("/", end + 1);
    const part = end < 0 ? root : root.slice(0, end);
    const last = part === root;
    const made = native.mkdir(AT_FDCWD, part, last ? 0o700 : 0o755);
    if (made < 0 && made !== -Errno.EEXIST) throw syscallError(-made, `--root: mkdir ${part}`, { path: part });
    if (last) break;
  }
}

/** Writes the pid file: whole or not at all, without a newline, as engines expect. */
export function writePidFile(path: string, pid: number): void {
  const slash = path.lastIndexOf("/");
  const temporary = `${path.slice(0, slash + 1)}.${path.slice(slash + 1)}`;
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  native.unlink(AT_FDCWD, temporary);
  check(native.writeFile(AT_FDCWD, temporary, flags, 0o666, String(pid)), `write the pid file ${path}: open ${temporary}`, {
    path,
  });
  check(native.rename(AT_FDCWD, temporary, AT_FDCWD, path), `rename ${temporary} ${path}`, { path });
}
