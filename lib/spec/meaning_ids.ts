import type { MeaningCheck, Report } from "./meaning.ts";
import { findNamespace, makesNamespace } from "./meaning_namespaces.ts";
import type { Config, LinuxIDMapping } from "./types.ts";

/** The kernel's UID_GID_MAP_MAX_EXTENTS since Linux 4.15. */
const MAX_EXTENTS = 340;

type MapName = "uidMappings" | "gidMappings";

export const idMapChecks: readonly MeaningCheck[] = [
  {
    reads: ["/linux/uidMappings", "/linux/gidMappings", "/linux/namespaces"],
    check: checkPresence,
  },
  { reads: ["/linux/uidMappings"], check: (config, report) => checkExtents(config, "uidMappings", report) },
  { reads: ["/linux/gidMappings"], check: (config, report) => checkExtents(config, "gidMappings", report) },
  {
    reads: ["/process", "/linux/uidMappings", "/linux/gidMappings", "/linux/namespaces"],
    check: checkUserIsMapped,
  },
];

function checkPresence(config: Config, report: Report): void {
  const joinsOrMakes = findNamespace(config, "user") !== undefined;
  const makes = makesNamespace(config, "user");
  for (const name of ["uidMappings", "gidMappings"] as const) {
    const present = (config.linux?.[name]?.length ?? 0) > 0;
    if (present && !joinsOrMakes) {
      report(`/linux/${name}`, "needs a user namespace in /linux/namespaces");
    } else if (!present && makes) {
      report(`/linux/${name}`, "missing, but the new user namespace has no ids without it");
    }
  }
}

function checkExtents(config: Config, name: MapName, report: Report): void {
  const maps = config.linux?.[name];
  if (maps === undefined || maps.length === 0) return;
  if (maps.length > MAX_EXTENTS) {
    report(`/linux/${name}`, `found ${maps.length} ranges, the kernel takes ${MAX_EXTENTS}`);
    return;
  }
  maps.forEach((map, index) => {
    const at = `/linux/${name}/${index}`;
    if (map.size === 0) report(`${at}/size`, "found 0, must be at least 1");
    for (const side of ["containerID", "hostID"] as const) {
      // 2^32-1 is no id, so a range ends before it.
      if (map[side] + map.size > 0xffffffff) {
        report(`${at}/${side}`, `the ${map.size} ids from ${map[side]} go beyond 4294967294`);
      }
      const other = maps.findIndex((earlier, i) => i < index && overlap(earlier, map, side));
      if (other >= 0) report(`${at}/${side}`, `overlaps with /linux/${name}/${other}`);
    }
  });
}

function overlap(one: LinuxIDMapping, other: LinuxIDMapping, side: "containerID" | "hostID"): boolean {
  return one[side] < other[side] + other.size && other[side] < one[side] + one.size;
}

function isMapped(maps: readonly LinuxIDMapping[], id: number): boolean {
  return maps.some(({ containerID, size }) => id >= containerID && id < containerID + size);
}

/** An id without a mapping makes setuid(2) fail with EINVAL; 0 sets the container up. */
function checkUserIsMapped(config: Config, report: Report): void {
  const { linux, process } = config;
  const uids = linux?.uidMappings ?? [];
  const gids = linux?.gidMappings ?? [];
  if (uids.length === 0 || gids.length === 0 || !makesNamespace(config, "user")) return;
  if (!isMapped(uids, 0)) report("/linux/uidMappings", "must map the container's user 0");
  if (!isMapped(gids, 0)) report("/linux/gidMappings", "must map the container's group 0");
  if (process === undefined) return;
  const { uid, gid, additionalGids } = process.user;
  const check = (maps: readonly LinuxIDMapping[], name: MapName, pointer: string, id: number): void => {
    if (id !== 0 && !isMapped(maps, id)) report(pointer, `found ${id}, which /linux/${name} does not map`);
  };
  check(uids, "uidMappings", "/process/user/uid", uid);
  check(gids, "gidMappings", "/process/user/gid", gid);
  additionalGids?.forEach((id, i) => check(gids, "gidMappings", `/process/user/additionalGids/${i}`, id));
}
