// SPDX-License-Identifier: Apache-2.0
/** The ids of a new user namespace whose config.json has no mappings. */
import { lacksIdMaps } from "../../spec/rules/id_mappings.ts";
import type { Config, LinuxIDMapping } from "../../spec/types.ts";
import { subordinateIds } from "../../sys/subordinate_ids.ts";

/**
 * Adds mappings to a new user namespace that has none, as crun does: the ids of the container's user are the caller's own,
 * and the others are the caller's subordinate ids, if there are any.
 */
export function withIdMaps(config: Config): Config {
  if (!lacksIdMaps(config)) return config;
  const { uid = 0, gid = 0 } = config.process?.user ?? {};
  const uidMappings = defaultMap(uid, process.geteuid?.() ?? 0, "/etc/subuid");
  const gidMappings = defaultMap(gid, process.getegid?.() ?? 0, "/etc/subgid");
  return { ...config, linux: { ...config.linux, uidMappings, gidMappings } };
}

/** @param id of the container's user or group, @param own of the caller */
function defaultMap(id: number, own: number, file: string): LinuxIDMapping[] {
  const [given] = subordinateIds(file);
  // Root of the container sets it up, so 0 has to be mapped, and the caller has no other id for it.
  if (given === undefined || given.size === 0) return [{ containerID: 0, hostID: own, size: 1 }];
  const below = Math.min(id, given.size);
  const rest = given.size - below;
  const maps: LinuxIDMapping[] = [];
  if (below > 0) maps.push({ containerID: 0, hostID: given.start, size: below });
  maps.push({ containerID: id, hostID: own, size: 1 });
  if (rest > 0) maps.push({ containerID: id + 1, hostID: given.start + below, size: rest });
  return maps;
}
