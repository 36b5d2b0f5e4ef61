// SPDX-License-Identifier: Apache-2.0
/** Looks into a root file system that may be hostile: it never leaves it, and opens nothing that could block. */
import { S_IFLNK, S_IFMT } from "../../kernel/numbers.ts";
import { Errno } from "../../kernel/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../../sys/files.ts";
import { native, type FileStat } from "../../sys/native.ts";

/** The kernel's own limit of symbolic links. */
const MAX_LINKS = 40;

/** The result of looking up a path. */
export interface Found {
  /** The path without symbolic links. */
  readonly path: string;
  /** A negative errno where the file is missing, or its status is unknown. */
  readonly stat: FileStat | number;
}

/**
 * The target of `path` if `root` is the root directory. Each component is held by an O_PATH descriptor and no link is followed
 * by the kernel: the link /proc/PID/root counts only as its text.
 *
 * @param stop is called for each path on the way, also for those below a missing one; `true` ends the walk there
 */
export function lookBelow(root: string, path: string, stop: (path: string) => boolean = () => false): Found | "stopped" {
  const fds: number[] = [];
  const names: string[] = [];
  const opened = native.open(AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (opened < 0) return { path, stat: opened };
  fds.push(opened);
  const up = (depth: number): void => {
    while (fds.length > depth + 1) native.close(fds.pop() ?? -1);
    names.length = depth;
  };
  try {
    const left = path.split("/").reverse();
    for (let links = 0; left.length > 0;) {
      const name = left.pop() ?? "";
      if (name === "" || name === ".") continue;
      if (name === "..") {
        up(Math.max(0, names.length - 1));
        continue;
      }
      const here = `/${[...names, name].join("/")}`;
      if (stop(here)) return "stopped";
      const fd = native.open(fds.at(-1) ?? -1, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
      if (fd < 0) return missing(here, left, fd, stop);
      fds.push(fd);
      names.push(name);
      const stat = native.stat(fd, "", false);
      if (typeof stat === "number") return { path: here, stat };
      if ((stat.mode & S_IFMT) !== S_IFLNK) continue;
      const target = native.readlink(fd, "");
      if (typeof target === "number") return { path: here, stat: target };
      if (++links > MAX_LINKS) return { path: here, stat: -Errno.ELOOP };
      up(target.startsWith("/") ? 0 : names.length - 1);
      left.push(...target.split("/").reverse());
    }
    return { path: `/${names.join("/")}`, stat: native.stat(fds.at(-1) ?? -1, "", false) };
  } finally {
    for (const fd of fds) native.close(fd);
  }
}

/** The rest of a path below a missing name, by its text: a mount may make that directory. */
function missing(here: string, left: readonly string[], errno: number, stop: (path: string) => boolean): Found | "stopped" {
  let path = here;
  for (const name of [...left].reverse()) {
    if (name === "" || name === ".") continue;
    path = name === ".." ? path.slice(0, path.lastIndexOf("/")) : `${path}/${name}`;
    if (stop(path)) return "stopped";
  }
  return { path, stat: errno };
}
