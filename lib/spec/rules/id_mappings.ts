// SPDX-License-Identifier: Apache-2.0
import type { MeaningCheck } from "./rule.ts";
import { makesNamespace, namespaceReads } from "./namespaces.ts";
import type { Report, WithoutWrongValues } from "../schema/without_wrong_values.ts";
import type { Config, LinuxIDMapping } from "../types.ts";

/** The kernel's UID_GID_MAP_MAX_EXTENTS since Linux 4.15. */
const MAX_EXTENTS = 340;
/** The whole map is one write of less than a page; with numbers of ten digits that are 124 ranges. */
const MAX_BYTES = 4095;
const SURELY_FIT = 124;

type MapName = "uidMappings" | "gidMappings";
type Maps = { readonly [Name in MapName]?: readonly Range[] | undefined };

export const idMapChecks: readonly MeaningCheck[] = [
  checkPresence,
  ({ linux }, report) => checkExtents(linux, "/linux", report),
  checkMounts,
  checkUserIsMapped,
];

/** Whether `config` makes a user namespace and says nothing of its ids; the runtime then gives it the caller's. */
export function lacksIdMaps(config: WithoutWrongValues<Config>): boolean {
  const { uidMappings = [], gidMappings = [] } = config.linux ?? {};
  return uidMappings.length === 0 && gidMappings.length === 0 && makesNamespace(config, "user");
}

function checkPresence(config: WithoutWrongValues<Config>, report: Report): void {
  if (!makesNamespace(config, "user") || lacksIdMaps(config)) return;
  for (const name of ["uidMappings", "gidMappings"] as const) {
    if ((config.linux?.[name]?.length ?? 0) > 0) continue;
    const at = `/linux/${name}`;
    const reads = [at, ...namespaceReads(config, "user")];
    report(at, "missing: uidMappings and gidMappings go together", reads);
  }
}

function checkMounts({ mounts }: WithoutWrongValues<Config>, report: Report): void {
  for (const [index, mount] of (mounts ?? []).entries()) checkExtents(mount, `/mounts/${index}`, report);
}

/** @param at JSON Pointer of the object that has the maps */
function checkExtents(holder: Maps | undefined, at: string, report: Report): void {
  if (holder === undefined) return;
  checkMap(holder.uidMappings, `${at}/uidMappings`, report);
  checkMap(holder.gidMappings, `${at}/gidMappings`, report);
}

function checkMap(maps: readonly Range[] | undefined, list: string, report: Report): void {
  if (maps === undefined || maps.length === 0) return;
  if (maps.length > MAX_EXTENTS) {
    report(list, `found ${maps.length} ranges, the kernel takes ${MAX_EXTENTS}`);
    return;
  }
  const bytes = maps.length > SURELY_FIT ? mapText(maps).length : 0;
  if (bytes > MAX_BYTES) {
    report(list, `has ${bytes} bytes as the kernel reads it, which takes ${MAX_BYTES}: that is too many ranges`);
  }
  maps.forEach((map, index) => {
    if (map?.size === undefined) return;
    const { size } = map;
    const at = `${list}/${index}`;
    if (size === 0) report(`${at}/size`, "found 0, must be at least 1");
    for (const side of ["containerID", "hostID"] as const) {
      // 2^32-1 is no id, so a range ends before it.
      const start = map[side];
      if (start !== undefined && start + size > 0xffffffff) {
        report(`${at}/${side}`, `the ${size} ids from ${start} go beyond 4294967294`);
      }
      const other = maps.findIndex((earlier, i) => i < index && overlap(earlier, map, side));
      if (other >= 0) report(`${at}/${side}`, `overlaps with ${list}/${other}`);
    }
  });
}

type Range = WithoutWrongValues<LinuxIDMapping> | undefined;

/** As it is written to uid_map or gid_map. */
function mapText(maps: readonly Range[]): string {
  let text = "";
  for (const map of maps) text += `${map?.containerID ?? 0} ${map?.hostID ?? 0} ${map?.size ?? 0}\n`;
  return text;
}

function overlap(one: Range, other: Range, side: "containerID" | "hostID"): boolean {
  const start = one?.[side];
  const otherStart = other?.[side];
  if (start === undefined || otherStart === undefined) return false;
  return start < otherStart + (other?.size ?? 0) && otherStart < start + (one?.size ?? 0);
}

function isMapped(maps: readonly Range[], id: number): boolean {
  return maps.some((map) => {
    const start = map?.containerID;
    return start !== undefined && id >= start && id < start + (map?.size ?? 0);
  });
}

/** An id without a mapping makes setuid(2) fail with EINVAL; 0 sets the container up. */
function checkUserIsMapped(config: WithoutWrongValues<Config>, report: Report): void {
  const { linux, process } = config;
  const uids = linux?.uidMappings ?? [];
  const gids = linux?.gidMappings ?? [];
  if (uids.length === 0 || gids.length === 0 || !makesNamespace(config, "user")) return;
  const check = (maps: readonly Range[], name: MapName, pointer: string, message: string, id: number): void => {
    if (isMapped(maps, id)) return;
    const read = `/linux/${name}/*`;
    const reads = [pointer, `${read}/containerID`, `${read}/size`, ...namespaceReads(config, "user")];
    report(pointer, message, reads);
  };
  check(uids, "uidMappings", "/linux/uidMappings", "must map the container's user 0", 0);
  check(gids, "gidMappings", "/linux/gidMappings", "must map the container's group 0", 0);
  const checkId = (maps: readonly Range[], name: MapName, pointer: string, id: number | undefined): void => {
    if (id === undefined || id === 0) return;
    check(maps, name, pointer, `found ${id}, which /linux/${name} does not map`, id);
  };
  const user = process?.user;
  checkId(uids, "uidMappings", "/process/user/uid", user?.uid);
  checkId(gids, "gidMappings", "/process/user/gid", user?.gid);
  user?.additionalGids?.forEach((id, i) => {
    checkId(gids, "gidMappings", `/process/user/additionalGids/${i}`, id);
  });
}
