// SPDX-License-Identifier: Apache-2.0
/** One layer of an image as a directory that overlayfs takes for a lower one. */
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { check, checkValue, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { Entries, type Entry } from "./entries.ts";
import { invalid } from "./failure.ts";
import { Lower, type Lowered, reopened, S_IFDIR, S_IFLNK, S_IFREG } from "./lower.ts";
import { namesOf, type Place, Tree } from "./tree.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** The prefix of the names that aufs kept for itself. */
const OF_AUFS = ".wh..wh.";
const S_IFMT = 0o170000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const CREATE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
/** Attributes that a layer may set. Those of overlayfs, and of the host's security modules, are not among them. */
const XATTRS = /^(?:security\.capability|user\.(?!overlay\.).*)$/;
/** Attributes that an image must not set: they would tell overlayfs where files are. */
const FORBIDDEN = /^(?:trusted|user)\.overlay\./;
const ID = 0xffffffff;
/** Bytes that are copied at once. */
const CHUNK = 1 << 20;

/** The total that all layers of an image have used so far. */
export interface Spent {
  files: number;
  readonly maxFiles: number;
  /** Counts bytes. @throws IMAGE_INVALID */
  grow(size: number): void;
}

/**
 * Unpacks a layer into an empty directory.
 * @param tar the layer's uncompressed archive
 * @param below the layers below it, topmost first
 * @returns whether something of the layers below is in it: a directory that it has no entry for is as they have it, and a hard link may
 *   lead to a file of theirs, which is copied then, as overlayfs does
 * @throws IMAGE_INVALID for a damaged or hostile layer; SYSCALL, HOST_UNABLE
 */
export async function unpackLayer(tar: Readable, directory: string, below: readonly string[], spent: Spent): Promise<boolean> {
  const layer = new Layer(directory, below, spent);
  try {
    await layer.read(tar);
    layer.finish();
    return layer.needsBelow;
  } finally {
    layer.close();
  }
}

class Layer {
  readonly #tree: Tree;
  readonly #spent: Spent;
  readonly #lower: Lower | undefined;
  /** Times of directories, which change while they are filled; the last one of each counts. */
  readonly #times = new Map<string, Entry["mtime"]>();

  /** The file whose data comes now; -1 for none. */
  #file = -1;

  constructor(directory: string, below: readonly string[], spent: Spent) {
    this.#lower = below.length === 0 ? undefined : new Lower([directory, ...below]);
    this.#tree = new Tree(directory, (names, fd) => this.#imply(names, fd));
    this.#spent = spent;
  }

  get needsBelow(): boolean {
    return this.#lower?.isUsed === true;
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

  #count(): void {
    if (++this.#spent.files > this.#spent.maxFiles)
      throw invalid(`the image has more than ${this.#spent.maxFiles} files (maxFiles)`);
  }

  #begin(entry: Entry): void {
    this.#count();
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
    if (wanted.length === 0) throw missing(entry);
    const source = this.#present(wanted) ?? this.#copied(wanted, entry);
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

  /** The place of a file that the layer has; a whiteout is none. */
  #present(names: readonly string[]): Place | undefined {
    const place = this.#tree.place(names, false);
    const stat = place === undefined ? -Errno.ENOENT : native.stat(place.parent, place.name, false);
    if (typeof stat === "number") return undefined;
    const isWhiteout = (stat.mode & S_IFMT) === S_IFCHR && stat.major === 0 && stat.minor === 0;
    return isWhiteout ? undefined : place;
  }

  /** Copies the file of a layer below to its place in this one. @throws IMAGE_INVALID where there is none */
  #copied(names: readonly string[], entry: Entry): Place {
    const found = this.#lower?.find(names);
    if (found === undefined) throw missing(entry);
    try {
      const { stat, type } = found;
      if (type === S_IFDIR) throw invalid(`${JSON.stringify(entry.path)}: a hard link to a directory`);
      if (type !== S_IFREG && type !== S_IFLNK)
        throw invalid(`${JSON.stringify(entry.path)}: a hard link to a device or a pipe of another layer`);
      this.#count();
      const place = this.#tree.place(names, true);
      if (place === undefined) throw missing(entry);
      const what = `copy ${names.join("/")}`;
      if (type === S_IFLNK) {
        const target = checkValue(native.readlink(found.fd, ""), what);
        check(native.symlink(target, place.parent, place.name), what);
        check(native.chown(place.parent, place.name, stat.uid, stat.gid), what);
      } else this.#copyFile(found, place, what);
      const seconds = Math.floor(stat.mtimeMs / 1000);
      check(native.utimes(place.parent, place.name, seconds, Math.floor((stat.mtimeMs - seconds * 1000) * 1e6)), what);
      return place;
    } finally {
      native.close(found.fd);
    }
  }

  #copyFile(found: Lowered, place: Place, what: string): void {
    const from = reopened(found);
    let to = -1;
    try {
      to = check(native.open(place.parent, place.name, CREATE, 0o600), what);
      const buffer = new Uint8Array(CHUNK);
      for (;;) {
        const size = check(native.read(from, buffer), what);
        if (size === 0) break;
        this.#spent.grow(size);
        for (let at = 0; at < size;) at += check(native.write(to, buffer.subarray(at, size)), what);
      }
      copyAttributes(found, from, to, what);
    } finally {
      native.close(from);
      if (to >= 0) native.close(to);
    }
  }

  /** A directory that the layer has no entry for: it must not change the one below it. */
  #imply(names: readonly string[], fd: number): void {
    this.#count();
    const found = this.#lower?.find(names);
    if (found === undefined) return;
    try {
      if (found.type !== S_IFDIR) return;
      const from = reopened(found);
      try {
        copyAttributes(found, from, fd, `copy ${names.join("/")}`);
      } finally {
        native.close(from);
      }
      const seconds = Math.floor(found.stat.mtimeMs / 1000);
      this.#times.set(names.join("/"), { seconds, nanoseconds: Math.floor((found.stat.mtimeMs - seconds * 1000) * 1e6) });
    } finally {
      native.close(found.fd);
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
    this.#closeFile();
  }

  close(): void {
    this.#closeFile();
    this.#tree.close();
  }

  /** Gives the file back that is being written. */
  #closeFile(): void {
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

/** Owner, mode and attributes of a file of another layer; the attributes of overlayfs are each layer's own. */
function copyAttributes({ stat }: Lowered, from: number, to: number, what: string): void {
  check(native.chown(to, "", stat.uid, stat.gid), what);
  check(native.fchmod(to, stat.mode & 0o7777), what);
  const attributes = native.getxattrs(from);
  for (const [name, value] of typeof attributes === "number" ? [] : attributes)
    if (XATTRS.test(name)) check(native.setxattr(to, name, value), what);
}

function missing({ path, target }: Entry): Error {
  return invalid(
    `${JSON.stringify(path)}: a hard link to ${JSON.stringify(target)}, which neither the layer nor one below it has`,
  );
}
