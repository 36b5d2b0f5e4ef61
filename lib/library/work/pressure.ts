// SPDX-License-Identifier: Apache-2.0
/** Word from the kernel that processes of a container have to wait for memory. */
import { isUnified } from "../../cgroups/place/path.ts";
import { exists, AT_FDCWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../../sys/files.ts";
import { POLLIN } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { watchOnce, type Watched } from "../watching.ts";

const POLLPRI = 2;
/** The trigger for memory.pressure: some process has waited that long in a window; microseconds. */
const TRIGGER = "some 150000 1000000";
/** The kernel tells of cgroup v1 as often as it looks for memory; milliseconds. */
const PAUSE = 1000;

/**
 * Calls `tell` when the kernel tells of it, at most once a second: on cgroup v1 at its level "medium", on cgroup v2 when some
 * process
 * has waited for 150 ms of a second.
 * @returns ends it; `undefined` where the kernel has no such word
 */
export function watchPressure(paths: Readonly<Record<string, string>>, tell: () => void): (() => void) | undefined {
  const found = isUnified(paths) ? unified(paths[""] ?? "") : v1(paths["memory"]);
  if (found === undefined) return undefined;
  let watched: Watched | undefined;
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    watched = watchOnce(found.fd, found.events, () => {
      // The end of a cgroup raises the counter of its watch, too.
      if (!found.take()) return;
      tell();
      timer = setTimeout(wait, PAUSE);
    });
  };
  wait();
  return () => {
    watched?.end();
    clearTimeout(timer);
    native.close(found.fd);
  };
}

interface Source {
  readonly fd: number;
  readonly events: number;
  /** @returns whether there is still something to watch */
  take(): boolean;
}

function unified(directory: string): Source | undefined {
  const fd = native.open(AT_FDCWD, `${directory}/memory.pressure`, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0) return undefined;
  if (native.write(fd, TRIGGER) < 0) {
    native.close(fd);
    return undefined;
  }
  return { fd, events: POLLPRI, take: () => exists(`${directory}/memory.pressure`) };
}

function v1(directory: string | undefined): Source | undefined {
  if (directory === undefined) return undefined;
  const file = native.open(AT_FDCWD, `${directory}/memory.pressure_level`, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return undefined;
  const fd = native.eventfd();
  const result = native.writeFile(AT_FDCWD, `${directory}/cgroup.event_control`, O_WRONLY, 0, `${fd} ${file} medium`);
  native.close(file);
  if (result < 0) {
    native.close(fd);
    return undefined;
  }
  return {
    fd,
    events: POLLIN,
    take: () => native.read(fd, new Uint8Array(8)) > 0 && exists(`${directory}/memory.pressure_level`),
  };
}
