// SPDX-License-Identifier: Apache-2.0
/** Sets the limits of a container on cgroup v2. */

import { RuntimeError } from "../../errors.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import { exists, readTextIfExists } from "../../sys/files.ts";
import { inUserNamespace } from "../../sys/user_namespace.ts";
import { changeLimits } from "../files/rollback.ts";
import { unifiedWrites } from "./resources.ts";
import { limitDevices } from "./devices.ts";
import { controllersIn, type Unavailable } from "./tree.ts";
import { performWrites, type Write } from "../files/write.ts";
import type { Log } from "../../log.ts";
import type { LinuxResources } from "../../spec/types.ts";

/** Controllers that a threaded cgroup can have. */
const THREADED: readonly string[] = ["cgroup", "cpu", "cpuset", "perf_event", "pids"];

/** The cgroup that gets limits, and facts about it. */
export interface LimitTarget {
  /** `undefined`: the container has no cgroup of its own. */
  readonly directory: string | undefined;
  /** The reason why a controller could not be enabled. */
  readonly unavailable: Unavailable;
  readonly update: boolean;
  /** The cgroup has been made a moment ago. */
  readonly isFresh: boolean;
  /** Without the right to filter devices the container goes without. */
  readonly mayLackDevices: boolean;
  readonly devicePaths: readonly string[];
  readonly log: Log;
}

/**
 * Sets limits and, for a new container, filters its devices.
 *
 * @returns a function that limits the number of processes, to be called when the container's first one is there; only for a new
 *   container
 * @throws RuntimeError `CGROUP`, `HOST_UNABLE`, `CONFIG_INVALID`
 */
export function applyLimits(resources: LinuxResources, target: LimitTarget): (() => void) | undefined {
  const { directory, log, update } = target;
  const writes = unifiedWrites(resources, {
    read: (file) => (directory === undefined ? undefined : readTextIfExists(`${directory}/${file}`)),
    update,
    ignored: (property) => log.debug(`${propertyName(`/linux/resources/${property}`)}: ignored: cgroup v2 has no such setting`),
  });
  const paths = writes.length === 0 ? {} : checkedPaths(writes, target);
  if (update) {
    changeLimits(paths, writes, log);
    return undefined;
  }
  const early: Write[] = [];
  const late: Write[] = [];
  for (const write of writes) (write.controller === "pids" ? late : early).push(write);
  performWrites(paths, early, log);
  if (directory !== undefined) filterDevices(resources, directory, target);
  return late.length === 0 ? undefined : () => performWrites(paths, late, log);
}

function filterDevices(resources: LinuxResources, directory: string, target: LimitTarget): void {
  try {
    limitDevices(directory, resources.devices ?? [], target.devicePaths, target.isFresh);
  } catch (error) {
    if (!target.mayLackDevices && !inUserNamespace()) throw error;
    // Filters of the cgroups above hold all the same.
    const why = error instanceof Error ? error.message : String(error);
    target.log.debug(`linux.resources.devices: not set: no right to in a user namespace: ${why}`);
  }
}

/** The directory by controller, for all controllers that `writes` need. @throws RuntimeError `HOST_UNABLE` */
function checkedPaths(writes: readonly Write[], target: LimitTarget): Readonly<Record<string, string>> {
  const { directory, unavailable } = target;
  const present = directory === undefined ? [] : controllersIn(`${directory}/cgroup.controllers`);
  const paths: Record<string, string> = {};
  for (const { controller, pointer } of writes) {
    if (paths[controller] !== undefined) continue;
    if (directory !== undefined && (controller === "cgroup" || present.includes(controller))) {
      paths[controller] = directory;
      continue;
    }
    throw new RuntimeError(
      "HOST_UNABLE",
      `${propertyName(pointer)}: cannot set ${controller} limit: container could not join or create cgroup with the ` +
        `controller ${controller}: ${whyMissing(controller, directory, unavailable)}`,
      { pointer, ...(directory !== undefined && { path: directory }) },
    );
  }
  return paths;
}

function whyMissing(controller: string, directory: string | undefined, unavailable: Unavailable): string {
  if (directory === undefined) return "the container has no cgroup of its own, because this user may make none";
  if (!exists(directory)) return `${directory} is gone: the container has left it, and somebody has removed it`;
  const type = (readTextIfExists(`${directory}/cgroup.type`) ?? "").trim();
  if (type !== "domain" && type !== "" && !THREADED.includes(controller)) {
    return `${directory} is in the state "${type}", in which a cgroup cannot have it`;
  }
  const known = unavailable[controller];
  if (known !== undefined) return known;
  return `it is not in ${directory}/cgroup.controllers: this kernel lacks it, cgroup v1 has it, or a cgroup above does not pass it on`;
}
