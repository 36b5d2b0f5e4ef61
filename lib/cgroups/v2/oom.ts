// SPDX-License-Identifier: Apache-2.0
/** Word from the kernel that it is killing processes of a container on cgroup v2 for want of memory. */
import { IN_DELETE_SELF, IN_MODIFY } from "../../kernel/numbers.ts";
import { RuntimeError } from "../../errors.ts";
import { errnoText } from "../../kernel/errno.ts";
import { native } from "../../sys/native.ts";
import { parentOf } from "../files/tree.ts";
import type { OomWatch } from "../cgroup.ts";
import { killsIn } from "./oom_kills.ts";

const BUFFER_SIZE = 4096;

/** Word that one of some files has changed. */
export interface Notice {
  /** Readable when there is news. */
  readonly fd: number;
  /** Takes the news. */
  drain(): void;
  close(): void;
}

/** Watches files by inotify. @param watches paths, and IN_* bits @throws CGROUP */
export type Notify = (watches: readonly (readonly [path: string, mask: number])[]) => Notice;

/** An inotify instance for each: a user may have 128 of them. */
const notifyAlone: Notify = (watches) => {
  const fd = native.inotify();
  if (fd < 0) throw watchFailed("inotify_init1", watches[0]?.[0] ?? "", -fd);
  for (const [path, mask] of watches) {
    const result = native.inotifyAdd(fd, path, mask);
    if (result >= 0) continue;
    native.close(fd);
    throw watchFailed(`inotify_add_watch ${path}`, path, -result);
  }
  return {
    fd,
    drain() {
      const buffer = new Uint8Array(BUFFER_SIZE);
      // The kind of the events does not matter: the files have the counts.
      while (native.read(fd, buffer) > 0);
    },
    close: () => void native.close(fd),
  };
};

/**
 * Watches memory.events of a cgroup. The kernel tells of every change of the file, at most once in 10 ms.
 *
 * `delete` may be faster than that. Then the cgroup above is the witness: it counts the events of all
 * cgroups below it. It is watched as well, so that events of other containers are known before.
 *
 * @throws RuntimeError `HOST_UNABLE` without a memory controller, `CGROUP`
 */
export function watchUnifiedOom(directory: string, notify: Notify = notifyAlone): OomWatch {
  const path = `${directory}/memory.events`;
  const above = parentOf(directory);
  // An event between the two is counted for the container twice rather than not at all.
  let knownAbove = killsIn(above);
  const first = killsIn(directory);
  if (first === undefined) {
    throw new RuntimeError("HOST_UNABLE", `cannot watch for OOM: memory controller missing: there is no ${path}`);
  }
  let known = first;
  const watches: (readonly [string, number])[] = [
    [path, IN_MODIFY],
    [directory, IN_DELETE_SELF],
  ];
  // The root of the hierarchy has no such file.
  if (knownAbove !== undefined) watches.push([`${above}/memory.events`, IN_MODIFY]);
  const notice = notify(watches);
  return {
    fd: notice.fd,
    read: () => {
      notice.drain();
      const nowAbove = killsIn(above);
      const now = killsIn(directory);
      if (now === undefined) {
        const ooms = nowAbove === undefined || knownAbove === undefined ? 0 : nowAbove - knownAbove;
        knownAbove = nowAbove;
        return { ooms, gone: true };
      }
      const ooms = now - known;
      known = now;
      knownAbove = nowAbove;
      return { ooms, gone: false };
    },
    close: () => notice.close(),
  };
}

export function watchFailed(what: string, path: string, errno: number): RuntimeError {
  return new RuntimeError("CGROUP", `cannot watch for OOM: ${what}: ${errnoText(errno)}`, { path, errno });
}
