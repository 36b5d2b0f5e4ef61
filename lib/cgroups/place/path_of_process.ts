// SPDX-License-Identifier: Apache-2.0
/** The cgroup of a process; a container that may do so can have moved it out of its own cgroup. */
import { readTextIfExists } from "../../sys/files.ts";
import { parseProcCgroup } from "../../sys/proc.ts";
import { cgroupLayout, findHierarchy, type CgroupLayout } from "./layout.ts";
import { directoryIn } from "./path.ts";

/**
 * Absolute directory of the cgroup of `pid` in one hierarchy.
 *
 * @param controller one of its controllers, or its name; "" is cgroup v2
 * @returns `undefined` where the process is gone, or its cgroup cannot be reached from here
 */
export function cgroupOfProcess(pid: number, controller: string): string | undefined {
  const text = readTextIfExists(`/proc/${pid}/cgroup`);
  return text === undefined ? undefined : cgroupIn(cgroupLayout(), text, controller);
}

/** As {@link cgroupOfProcess}, from the text of /proc/PID/cgroup. Pure. */
export function cgroupIn(layout: CgroupLayout, text: string, controller: string): string | undefined {
  const hierarchy = controller === "" ? layout.unified : findHierarchy(layout, controller);
  if (hierarchy === undefined) return undefined;
  for (const { controllers, path } of parseProcCgroup(text)) {
    const isIt = controller === "" ? controllers.length === 0 : controllers.includes(controller);
    if (isIt) return directoryIn(hierarchy, path);
  }
  return undefined;
}
