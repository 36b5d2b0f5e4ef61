// SPDX-License-Identifier: Apache-2.0
/** Parsers of small files of procfs; pure. */

/** One line of /proc/PID/cgroup. */
export interface ProcCgroup {
  /** Controllers of the hierarchy (`cpu`, `cpuacct`), or its name (`name=systemd`); none for cgroup v2. */
  readonly controllers: readonly string[];
  /** Path in the hierarchy, as seen from the reader's cgroup namespace. */
  readonly path: string;
}

/** One line of /proc/PID/mountinfo; paths are unescaped. */
export interface MountInfo {
  /** Directory of the file system that is mounted at the mount point. */
  readonly root: string;
  readonly mountpoint: string;
  readonly fstype: string;
  readonly source: string;
  /** Options of the mount itself. */
  readonly options: readonly string[];
  /** Options of the superblock; for cgroup v1 the controllers are among them. */
  readonly superOptions: readonly string[];
}

/** The lines of /proc/PID/cgroup; lines of another form are left out. */
export function parseProcCgroup(text: string): ProcCgroup[] {
  const found: ProcCgroup[] = [];
  for (const line of text.split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (first < 0 || second < 0) continue;
    const list = line.slice(first + 1, second);
    found.push({
      controllers: list === "" ? [] : list.split(","),
      path: line.slice(second + 1),
    });
  }
  return found;
}

/**
 * The mounts of the given file system types, in the file's order.
 *
 * Only lines of these types are taken apart: on a busy host there are thousands of others.
 */
export function parseMountinfo(text: string, fstypes: readonly string[]): MountInfo[] {
  const found: MountInfo[] = [];
  for (const line of text.split("\n")) {
    // An unescaped " - " cannot stand in a path: spaces are written \040.
    const separator = line.indexOf(" - ");
    if (separator < 0) continue;
    const end = line.indexOf(" ", separator + 3);
    const fstype = line.slice(separator + 3, end);
    if (end < 0 || !fstypes.includes(fstype)) continue;
    // id parent major:minor root mountpoint options [tags…]
    const fields = line.slice(0, separator).split(" ");
    const tail = line.slice(end + 1).split(" ");
    found.push({
      root: unescapeMountPath(fields[3] ?? ""),
      mountpoint: unescapeMountPath(fields[4] ?? ""),
      fstype,
      source: unescapeMountPath(tail[0] ?? ""),
      options: (fields[5] ?? "").split(","),
      superOptions: (tail[1] ?? "").split(","),
    });
  }
  return found;
}

/** Space, tab, newline and backslash are written as `\` and three octal digits in mountinfo. */
function unescapeMountPath(text: string): string {
  let at = text.indexOf("\\");
  if (at < 0) return text;
  let plain = "";
  let from = 0;
  while (at >= 0) {
    const code = Number.parseInt(text.slice(at + 1, at + 4), 8);
    plain += text.slice(from, at) + String.fromCharCode(code);
    from = at + 4;
    at = text.indexOf("\\", from);
  }
  return plain + text.slice(from);
}
