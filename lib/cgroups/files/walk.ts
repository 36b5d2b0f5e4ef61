// SPDX-License-Identifier: Apache-2.0
/** Goes through a cgroup and all that are below it. */

import { S_IFDIR, S_IFMT } from "../../kernel/numbers.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/**
 * Calls `enter` for a cgroup and for each below it, before those below that; nothing where it is gone.
 *
 * A container that may make cgroups can nest them as deeply as it likes, so that their paths are longer than any that
 * the kernel takes: each is entered from the one above, through a descriptor, and nothing is recursive.
 *
 * @param enter gets a descriptor of the cgroup, which it must not keep
 * @param leave is called for each cgroup below the first, after those below it: a descriptor of the one above, and its name
 *   there. Anything but 0 ends the walk
 * @returns the number with which `leave` has ended the walk, the positive errno of a descriptor that cannot be opened, or 0
 */
export function walkTree(
  directory: string,
  enter: (fd: number) => void,
  leave: (above: number, name: string) => number = () => 0,
): number {
  let fd = openCgroup(AT_FDCWD, directory);
  if (fd < 0) return 0;
  /** Names from the first cgroup down to that of `fd`. */
  const names: string[] = [];
  /** The directories below each of them that are still to come. */
  const waiting: string[][] = [];
  const move = (next: number): void => {
    native.close(fd);
    fd = next;
  };
  try {
    enter(fd);
    waiting.push(childCgroups(fd));
    for (;;) {
      const name = waiting.at(-1)?.pop();
      if (name !== undefined) {
        const child = openCgroup(fd, name);
        // It may have gone meanwhile.
        if (child < 0) continue;
        move(child);
        names.push(name);
        enter(fd);
        waiting.push(childCgroups(fd));
        continue;
      }
      waiting.pop();
      const done = names.pop();
      if (done === undefined) return 0;
      const above = openCgroup(fd, "..");
      if (above < 0) return -above;
      move(above);
      const result = leave(fd, done);
      if (result !== 0) return result;
    }
  } finally {
    native.close(fd);
  }
}

function openCgroup(above: number, name: string): number {
  return native.open(above, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

/** Names of the cgroups directly below one. */
function childCgroups(fd: number): string[] {
  // kernfs counts sub-directories in nlink, from 2 on, which saves looking at some thirty files.
  const self = native.stat(fd, ".", false);
  if (typeof self === "number" || self.nlink === 2) return [];
  const names = native.readdir(fd, ".");
  if (typeof names === "number") return [];
  return names.filter((name) => {
    const found = native.stat(fd, name, false);
    return typeof found !== "number" && (found.mode & S_IFMT) === S_IFDIR;
  });
}
