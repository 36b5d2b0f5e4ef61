// SPDX-License-Identifier: Apache-2.0
/** A container without a cgroup of its own (`--cgroup-manager disabled`): it stays in those of the runtime. */

import { RuntimeError } from "../errors.ts";
import type { Log } from "../log.ts";
import { propertyName } from "../spec/json/property_name.ts";
import type { Config, LinuxResources } from "../spec/types.ts";
import type { Cgroup } from "./cgroup.ts";
import { resourceWrites } from "./v1/resources.ts";
import { CgroupV1 } from "./v1/cgroup.ts";

/**
 * The cgroup of such a container: nothing is made, entered or removed, and no process is found in it.
 *
 * crun ignores limits then. Here they are an error, because a container that was to have them must not run without;
 * device rules, which every config.json has, are a warning.
 *
 * @throws RuntimeError `CONFIG_INVALID` for a limit
 */
export function withoutCgroup(config: Config, log: Log): Cgroup {
  const { resources, cgroupsPath } = config.linux ?? {};
  const pointer = firstLimit(resources ?? {});
  if (pointer !== undefined) {
    const text = `${propertyName(pointer)}: with --cgroup-manager disabled the container has no cgroup that could be limited`;
    throw new RuntimeError("CONFIG_INVALID", text, { pointer });
  }
  if ((resources?.devices?.length ?? 0) > 0) {
    log.warn("linux.resources.devices: ignored: --cgroup-manager disabled");
  }
  if ((cgroupsPath ?? "") !== "") log.debug("linux.cgroupsPath: ignored: --cgroup-manager disabled");
  const options = { isNew: true, rootless: false, mayLackRights: false, devicePaths: [] };
  return new CgroupV1({}, log, options);
}

/** JSON Pointer of a limit; `undefined` where there is none but device rules. @throws RuntimeError `CONFIG_INVALID` */
export function firstLimit(resources: LinuxResources): string | undefined {
  const { unified = {}, ...others } = resources;
  if (Object.keys(unified).length > 0) return "/linux/resources/unified";
  return resourceWrites(others, { read: () => undefined }, false)[0]?.pointer;
}
