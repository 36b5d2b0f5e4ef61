// SPDX-License-Identifier: Apache-2.0
/**
 * The layers below the one that is unpacked, merged as overlayfs merges them. A path is walked one name at a time on descriptors, and no
 * link is ever followed.
 */
import { Errno } from "../../kernel/errno.ts";
import { AT_FDCWD, check, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, syscallError } from "../../sys/files.ts";
import { type FileStat, native } from "../../sys/native.ts";

const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;
const ENTRY = O_PATH | O_NOFOLLOW | O_CLOEXEC;
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/** A file of a lower layer. */
export interface Lowered {
  /** An O_PATH descriptor. */
  readonly fd: number;
  readonly stat: FileStat;
  /** Its type, of S_IFMT. */
  readonly type: number;
}

export class Lower {
  readonly #layers: readonly string[];
  #isUsed = false;

  /** @param layers directories, topmost first: the layer that is unpacked, and those below it */
  constructor(layers: readonly string[]) {
    this.#layers = layers;
  }

  /** Whether something was found: then the layer is another one above other layers. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /**
   * The file at a path, in the layers below the first. What the first one hides is not there.
   * @returns its descriptor is the caller's
   */
  find(names: readonly string[]): Lowered | undefined {
    let above = this.#layers.map((path, layer) => ({
      layer,
      fd: check(native.open(AT_FDCWD, path, DIRECTORY, 0), `open ${path}`),
    }));
    try {
      for (const [depth, name] of names.entries()) {
        const isLast = depth === names.length - 1;
        const next: typeof above = [];
        const before = above;
        try {
          for (const { layer, fd } of before) {
            const found = native.open(fd, name, ENTRY, 0);
            if (found === -Errno.ENOENT) continue;
            if (found < 0) throw syscallError(-found, `open ${names.slice(0, depth + 1).join("/")} of a layer`);
            const kept = this.#look(found, layer, isLast, next.length > 0);
            if (kept === "hidden") break;
            if (typeof kept === "object") return kept;
            next.push({ layer, fd: kept });
            if (isOpaque(kept)) break;
          }
        } finally {
          for (const { fd } of before) native.close(fd);
          above = next;
        }
      }
      return undefined;
    } finally {
      for (const { fd } of above) native.close(fd);
    }
  }

  /** A directory to go on in, the file that was looked for, or the end of the search. Takes the descriptor. */
  #look(fd: number, layer: number, isLast: boolean, isBelow: boolean): number | Lowered | "hidden" {
    const stat = native.stat(fd, "", false);
    const type = typeof stat === "number" ? 0 : stat.mode & S_IFMT;
    const isWhiteout = typeof stat === "object" && type === S_IFCHR && stat.major === 0 && stat.minor === 0;
    const isWanted = isLast && layer > 0 && (type === S_IFDIR || !isBelow);
    if (typeof stat === "object" && isWanted && !isWhiteout) {
      this.#isUsed = true;
      return { fd, stat, type };
    }
    const directory = type === S_IFDIR ? native.open(fd, ".", DIRECTORY, 0) : -1;
    native.close(fd);
    return directory < 0 ? "hidden" : directory;
  }
}

function isOpaque(directory: number): boolean {
  const attributes = native.getxattrs(directory);
  return typeof attributes === "object" && attributes.some(([name]) => name === "trusted.overlay.opaque");
}

/** A descriptor to read the file from. @throws SYSCALL */
export function reopened({ fd, type }: Lowered): number {
  // The file is what was found: no name is looked up again.
  return check(
    native.open(AT_FDCWD, `/proc/self/fd/${fd}`, type === S_IFDIR ? O_RDONLY | O_DIRECTORY | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0),
    "open a file of a layer",
  );
}
