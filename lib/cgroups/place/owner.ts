// SPDX-License-Identifier: Apache-2.0
/** The owner of a container's cgroup. Pure. */

import { pathInContainer } from "../../spec/clean_path.ts";
import type { Config } from "../../spec/types.ts";

/**
 * The host's user that gets the cgroup on cgroup v2: `process.user.uid` as an id of the host, if the container has a cgroup
 * namespace of its own and its cgroups are mounted writable. `undefined`: the cgroup stays the runtime's.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#cgroup-ownership
 */
export function cgroupOwner(config: Config): number | undefined {
  const { namespaces = [], uidMappings = [] } = config.linux ?? {};
  let ownCgroups = false;
  let ownUsers = false;
  for (const { type, path } of namespaces) {
    if (type === "cgroup" && (path ?? "") === "") ownCgroups = true;
    if (type === "user") ownUsers = true;
  }
  if (!ownCgroups || !isWritable(config)) return undefined;
  const uid = config.process?.user?.uid ?? 0;
  if (!ownUsers) return uid === 0 ? undefined : uid;
  for (const { containerID, hostID, size } of uidMappings) {
    if (uid >= containerID && uid < containerID + size) return hostID + uid - containerID;
  }
  // The id is mapped elsewhere, or not at all; a later step reports that if it matters.
  return undefined;
}

function isWritable({ mounts = [] }: Config): boolean {
  let writable = false;
  for (const { destination, type, options = [] } of mounts) {
    if (pathInContainer(destination) !== "/sys/fs/cgroup") continue;
    writable = (type === "cgroup" || type === "cgroup2") && options.lastIndexOf("ro") <= options.lastIndexOf("rw");
  }
  return writable;
}
