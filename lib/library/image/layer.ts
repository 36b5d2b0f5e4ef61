// SPDX-License-Identifier: Apache-2.0
/** One layer of an image as a directory that overlayfs takes for a lower one. */
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { check, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { Entries, type Entry } from "./entries.ts";
import { invalid } from "./failure.ts";
import { namesOf, type Place, Tree } from "./tree.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** The prefix of the names that aufs kept for itself. */
const OF_AUFS = ".wh..wh.";
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const CREATE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
/** Attributes that a layer may set. Those of overlayfs, and of the host's security modules, are not among them. */
const XATTRS = /^(?:security\.capability|user\.(?!overlay\.).*)$/;
/** Attributes that an image must not set: they would tell overlayfs where files are. */
const FORBIDDEN = /^(?:trusted|user)\.overlay\./;
const ID = 0xffffffff;

/** The total that all layers of an image have used so far. */
export interface Spent {
  files: number;
  readonly maxFiles: number;
}

/**
 * Unpacks a layer into an empty directory.
 * @param tar the layer's uncompressed archive
 * @throws IMAGE_INVALID for a damaged or hostile layer; SYSCALL, HOST_UNABLE
 */
export async function unpackLayer(tar: Readable, directory: string, spent: Spent): Promise<void> {
  const tree = new Tree(directory);
  const layer = new Layer(tree, spent);
  try {
    await layer.read(tar);
    layer.finish();
  } finally {
    layer.close();
    tree.close();
  }
}

class Layer {
  readonly #tree: Tree;
  readonly #spent: Spent;
  /** Times of directories, which change while they are filled; the last one of each counts. */
  readonly #times = new Map<string, Entry["mtime"]>();

  /** The file whose data comes now; -1 for none. */
  #file = -1;

  constructor(tree: Tree, spent: Spent) {
    this.#tree = tree;
    this.#spent = spent;
  }

  async read(tar: Readable): Promise<void> {
    const entries = new Entries();
    const { parser } = entries;
    parser.on("entry", (header, stream, next) => {
      // The parser tells.
      stream.on("error", () => undefined);
      let entry: Entry;
      try {
        entry = entries.entry(header);
        this.#begin(entry);
      } catch (error) {
        return next(error as Error);
      }
      // The data of an entry that is no file is ignored.
      stream.on("data", (chunk) => {
        try {
          this.#write(chunk as Uint8Array, entry);
        } catch (error) {
          parser.destroy(error as Error);
        }
      });
      stream.on("end", () => {
        try {
          this.#end(entry);
        } catch (error) {
          return next(error as Error);
        }
        next();
      });
    });
    await pipeline(tar, parser as unknown as NodeJS.WritableStream);
  }

  #write(chunk: Uint8Array, { path }: Entry): void {
    const file = this.#file;
    if (file < 0) return;
    for (let at = 0; at < chunk.length;) at += check(native.write(file, at === 0 ? chunk : chunk.subarray(at)), `write ${path}`);
  }

  #begin(entry: Entry): void {
    if (++this.#spent.files > this.#spent.maxFiles)
      throw invalid(`the image has more than ${this.#spent.maxFiles} files (maxFiles)`);
    const names = namesOf(entry.path, entry.type);
    for (const [what, id] of [
      ["uid", entry.uid],
      ["gid", entry.gid],
    ] as const) {
      if (!Number.isInteger(id) || id < 0 || id >= ID) throw invalid(`${JSON.stringify(entry.path)}: ${what} ${id}: no such id`);
    }
    const last = names.at(-1) ?? "";
    if (names.slice(0, -1).some((name) => name.startsWith(WHITEOUT)))
      throw invalid(`${JSON.stringify(entry.path)}: something below a whiteout`);
    if (last.startsWith(WHITEOUT)) {
      return this.#whiteOut(names, last);
    }
    const place = this.#tree.place(names, true);
    if (place !== undefined) this.#make(place, names, entry);
  }

  #whiteOut(names: readonly string[], last: string): void {
    const place = this.#tree.place(names, true);
    if (place === undefined) return;
    const { parent } = place;
    if (last === OPAQUE) {
      check(
        native.setxattr(parent, "trusted.overlay.opaque", Buffer.from("y")),
        `set trusted.overlay.opaque of ${names.slice(0, -1).join("/")}`,
      );
      return;
    }
    if (last.startsWith(OF_AUFS)) return;
    const name = last.slice(WHITEOUT.length);
    if (name === "" || name === "." || name === "..") throw invalid(`${JSON.stringify(names.join("/"))}: a whiteout of nothing`);
    // A whiteout does not hide the layer's own entry.
    const made = native.mknod(parent, name, S_IFCHR, 0, 0);
    if (made !== -Errno.EEXIST) check(made, `make a whiteout of ${name}`);
  }

  #make(place: Place, names: readonly string[], entry: Entry): void {
    const { path } = entry;
    switch (entry.type) {
      case "file":
      case "contiguous-file":
        if (place.name === "") throw invalid(`${JSON.stringify(path)}: a file in the place of the root`);
        this.#file = this.#again(place, `create ${path}`, () => native.open(place.parent, place.name, CREATE, 0o600));
        return;
      case "directory":
        this.#directory(place, names, entry);
        return;
      case "symlink":
        this.#again(place, `symlink ${path}`, () => native.symlink(entry.target, place.parent, place.name));
        check(native.chown(place.parent, place.name, entry.uid, entry.gid), `chown ${path}`);
        check(native.utimes(place.parent, place.name, entry.mtime.seconds, entry.mtime.nanoseconds), `utimes ${path}`);
        return;
      case "link":
        this.#link(names, entry);
        return;
      case "character-device":
      case "block-device":
      case "fifo":
        this.#node(place, entry);
        return;
      default:
        throw invalid(`${JSON.stringify(path)}: an entry of a kind that layers do not have (${entry.type})`);
    }
  }

  /** Replaces the file of an earlier entry of the layer: the last entry counts. */
  #again(place: Place, what: string, make: () => number): number {
    if (place.name === "") throw invalid(`${what}: in the place of the root`);
    const made = make();
    if (made !== -Errno.EEXIST) return check(made, what);
    this.#tree.clear(place);
    return check(make(), what);
  }

  #directory(place: Place, names: readonly string[], entry: Entry): void {
    const { parent, name } = place;
    let fd = name === "" ? check(native.dup(parent), "dup") : native.open(parent, name, DIRECTORY, 0);
    if (fd < 0) {
      if (fd !== -Errno.ENOENT) this.#again(place, `mkdir ${entry.path}`, () => native.mkdir(parent, name, 0o700));
      else check(native.mkdir(parent, name, 0o700), `mkdir ${entry.path}`);
      fd = check(native.open(parent, name, DIRECTORY, 0), `open ${entry.path}`);
    }
    try {
      this.#attributes(fd, entry);
    } finally {
      native.close(fd);
    }
    this.#times.set(names.join("/"), entry.mtime);
  }

  #link(names: readonly string[], entry: Entry): void {
    const wanted = namesOf(entry.target, `${JSON.stringify(entry.path)}: a link to`);
    const source = this.#tree.place(wanted, false);
    if (source === undefined || source.name === "") throw missing(entry);
    // The walk to the other one may close it.
    const from = check(native.dup(source.parent), "dup");
    try {
      const place = this.#tree.place(names, true);
      if (place === undefined) return;
      const { parent } = place;
      const linked = native.link(from, source.name, parent, place.name);
      if (linked === -Errno.ENOENT) throw missing(entry);
      if (linked === -Errno.EPERM) throw invalid(`${JSON.stringify(entry.path)}: a hard link to a directory`);
      if (linked !== -Errno.EEXIST) return void check(linked, `link ${entry.path}`);
      if (wanted.join("/") === names.join("/")) return;
      this.#again(place, `link ${entry.path}`, () => native.link(from, source.name, parent, place.name));
    } finally {
      native.close(from);
    }
  }

  #node(place: Place, entry: Entry): void {
    const type = entry.type === "block-device" ? S_IFBLK : S_IFCHR;
    const { major, minor, path } = entry;
    if (entry.type === "character-device" && major === 0 && minor === 0)
      throw invalid(`${JSON.stringify(path)}: a device that overlayfs takes for a whiteout`);
    const { parent, name } = place;
    const make = (): number =>
      entry.type === "fifo" ? native.mkfifo(parent, name, 0o600) : native.mknod(parent, name, type, major, minor);
    this.#again(place, `make the ${entry.type} ${path}`, make);
    check(native.chown(parent, name, entry.uid, entry.gid), `chown ${path}`);
    check(native.chmod(parent, name, entry.mode), `chmod ${path}`);
    check(native.utimes(parent, name, entry.mtime.seconds, entry.mtime.nanoseconds), `utimes ${path}`);
  }

  #end(entry: Entry): void {
    if (this.#file < 0) return;
    this.#attributes(this.#file, entry);
    check(native.utimes(this.#file, "", entry.mtime.seconds, entry.mtime.nanoseconds), `utimes ${entry.path}`);
    this.close();
  }

  /** Gives the file back that is being written. */
  close(): void {
    if (this.#file >= 0) native.close(this.#file);
    this.#file = -1;
  }

  /** The owner comes first: a change of it takes set-user-ID bits and capabilities away. */
  #attributes(fd: number, { path, uid, gid, mode, xattrs }: Entry): void {
    check(native.chown(fd, "", uid, gid), `chown ${path}`);
    check(native.fchmod(fd, mode), `chmod ${path}`);
    for (const [name, value] of xattrs) {
      if (FORBIDDEN.test(name)) throw invalid(`${JSON.stringify(path)}: it sets ${name}, which is overlayfs's own`);
      if (!XATTRS.test(name)) continue;
      const set = native.setxattr(fd, name, value);
      // A file system without attributes of users.
      if (set === -Errno.EOPNOTSUPP && name.startsWith("user.")) continue;
      if (set < 0) throw invalid(`${JSON.stringify(path)}: set ${name}: ${errnoText(-set)}`);
    }
  }

  /** The times of directories, once nothing is written to them any more. */
  finish(): void {
    for (const [path, { seconds, nanoseconds }] of this.#times) {
      const place = this.#tree.place(path === "" ? [] : path.split("/"), false);
      // Something else may be in its place by now.
      if (place !== undefined) native.utimes(place.parent, place.name, seconds, nanoseconds);
    }
  }
}

function missing({ path, target }: Entry): Error {
  return invalid(`${JSON.stringify(path)}: a hard link to ${JSON.stringify(target)}, which the layer does not have`);
}
