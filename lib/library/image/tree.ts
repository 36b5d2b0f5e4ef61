// SPDX-License-Identifier: Apache-2.0
/**
 * A directory into which the entries of an archive go. A path is walked one name at a time on descriptors, and no link is ever
 * followed: every file is written inside the directory, whatever the archive says.
 */
import { Errno } from "../../kernel/errno.ts";
import { AT_FDCWD, check, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, syscallError } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { invalid } from "./failure.ts";

/** Longest path of the kernel. */
const LONGEST = 4096;
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;

/** The place of an entry: a name in a directory, "" for the directory itself. */
export interface Place {
  readonly parent: number;
  readonly name: string;
}

/**
 * The names of a path of an archive.
 * @throws IMAGE_INVALID for one that leads out
 */
export function namesOf(path: string, what: string): string[] {
  if (path.startsWith("/")) throw invalid(`${what} ${JSON.stringify(path)}: an absolute name`);
  if (path.length > LONGEST) throw invalid(`${what} ${JSON.stringify(path.slice(0, 80))}…: a name of ${path.length} characters`);
  if (path.includes("\0")) throw invalid(`${what} ${JSON.stringify(path)}: a name with a NUL character`);
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw invalid(`${what} ${JSON.stringify(path)}: a name with ".." leads out`);
  return names;
}

export class Tree {
  readonly root: number;
  /** Descriptors of the directories on the way to the last parent, and their names. */
  readonly #open: number[] = [];
  #names: string[] = [];
  /** Is told of directories that no entry has asked for; the descriptor stays the tree's. */
  readonly #implied: (names: readonly string[], fd: number) => void;

  /** @param path a directory that no other process writes to */
  constructor(path: string, implied: (names: readonly string[], fd: number) => void = () => undefined) {
    this.#implied = implied;
    this.root = check(native.open(AT_FDCWD, path, DIRECTORY, 0), `open ${path}`, { path });
  }

  /**
   * The place of an entry.
   * @param make makes missing directories on the way
   * @returns `undefined` where something is missing
   * @throws IMAGE_INVALID for a link, or a file, on the way
   */
  place(names: readonly string[], make: boolean): Place | undefined {
    const name = names.at(-1);
    if (name === undefined) return { parent: this.root, name: "" };
    const parent = this.#directory(names, names.length - 1, make);
    return parent === undefined ? undefined : { parent, name };
  }

  /** The directory of the first `count` names; most entries lie beside the one before. */
  #directory(names: readonly string[], count: number, make: boolean): number | undefined {
    let depth = 0;
    while (depth < count && depth < this.#open.length && this.#names[depth] === names[depth]) depth++;
    this.#leave(depth);
    for (; depth < count; depth++) {
      const name = names[depth] ?? "";
      const parent = this.#open.at(-1) ?? this.root;
      let fd = native.open(parent, name, DIRECTORY, 0);
      if (fd === -Errno.ENOENT) {
        if (!make) return undefined;
        check(native.mkdir(parent, name, 0o755), `mkdir ${names.slice(0, depth + 1).join("/")}`);
        fd = native.open(parent, name, DIRECTORY, 0);
        if (fd >= 0) this.#implied(names.slice(0, depth + 1), fd);
      }
      if (fd === -Errno.ELOOP || fd === -Errno.ENOTDIR) {
        throw invalid(
          `${JSON.stringify(names.join("/"))}: ${JSON.stringify(names.slice(0, depth + 1).join("/"))} is no directory: ` +
            "nothing is written through a link",
        );
      }
      if (fd < 0) throw syscallError(-fd, `open ${names.slice(0, depth + 1).join("/")}`);
      this.#open.push(fd);
      this.#names.push(name);
    }
    return this.#open[count - 1] ?? this.root;
  }

  #leave(depth: number): void {
    for (const fd of this.#open.splice(depth)) native.close(fd);
    this.#names.length = Math.min(this.#names.length, depth);
  }

  /** Removes the file at the last place that was asked for, so that another can be made there. */
  clear({ parent, name }: Place): void {
    const stat = native.stat(parent, name, false);
    if (typeof stat === "number") return;
    if ((stat.mode & S_IFMT) === S_IFDIR) this.#clearDirectory(parent, name);
    else check(native.unlink(parent, name), `unlink ${name}`);
  }

  #clearDirectory(parent: number, name: string): void {
    const fd = check(native.open(parent, name, DIRECTORY, 0), `open ${name}`);
    try {
      const inside = native.readdir(fd, ".");
      for (const each of typeof inside === "number" ? [] : inside) {
        if (native.unlink(fd, each) === 0) continue;
        this.#clearDirectory(fd, each);
      }
    } finally {
      native.close(fd);
    }
    check(native.rmdir(parent, name), `rmdir ${name}`);
  }

  close(): void {
    this.#leave(0);
    native.close(this.root);
  }
}
