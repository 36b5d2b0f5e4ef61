// SPDX-License-Identifier: Apache-2.0
/** Opens the cgroup of a container, by the host's cgroup version. */

import { STATS_FILES, type StatsFiles } from "./files/stats_files.ts";
import type { CgroupStats } from "./files/stats_types.ts";
import type { OomWatch } from "./cgroup.ts";
import { watchV1Oom } from "./v1/oom.ts";
import { v1Stats } from "./v1/stats.ts";
import { type Notify, watchUnifiedOom } from "./v2/oom.ts";
import { unifiedStats } from "./v2/stats.ts";
import type { Cgroup, FreezerState } from "./cgroup.ts";
import { silentLog, type Log } from "../log.ts";
import { containerPaths, isUnified } from "./place/path.ts";
import { CgroupV1 } from "./v1/cgroup.ts";
import { readFreezer } from "./v1/freezer.ts";
import { readUnifiedFreezer } from "./files/unified_freezer.ts";
import { CgroupV2 } from "./v2/cgroup.ts";
import { cgroupOwner } from "./place/owner.ts";
import type { CgroupLayout } from "./place/layout.ts";
import type { Config } from "../spec/types.ts";

/** The abilities of the drivers, for `features`, whatever this host has. */
export const CGROUP_SUPPORT = { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true } as const;

/** The options of making a new container's cgroup. */
export interface CgroupOptions {
  /**
   * The runtime may lack the right to make cgroups: then hierarchies are left out, unless `cgroupsPath` is set.
   * Default false.
   */
  readonly rootless?: boolean;
}

/**
 * The cgroup of a new container, at `linux.cgroupsPath`. Nothing is made yet.
 *
 * @throws RuntimeError `HOST_UNABLE`
 */
export function openCgroup(
  layout: CgroupLayout,
  config: Config,
  id: string,
  log: Log = silentLog,
  options: CgroupOptions = {},
): Cgroup {
  const rootless = options.rootless === true;
  const cgroupsPath = config.linux?.cgroupsPath;
  const paths = containerPaths(layout, cgroupsPath, id, !rootless);
  const mayLackRights = rootless && (cgroupsPath === undefined || cgroupsPath === "");
  return cgroupAt(layout, paths, config, log, { isNew: true, rootless, mayLackRights });
}

/** As {@link openCgroup}, at other paths, for the systemd driver. */
export function cgroupAt(
  layout: CgroupLayout,
  at: Readonly<Record<string, string>>,
  config: Config,
  log: Log,
  options: { readonly isNew: boolean; readonly rootless: boolean; readonly mayLackRights: boolean },
): Cgroup {
  const devicePaths: string[] = [];
  for (const { path } of config.linux?.devices ?? []) devicePaths.push(path);
  const paths = { ...at };
  const common = { ...options, devicePaths };
  if (layout.kind !== "v2") return new CgroupV1(paths, log, common);
  const top = layout.unified?.mountpoint ?? "";
  const owner = cgroupOwner(config);
  return new CgroupV2(paths, log, { ...common, top, ...(owner === undefined ? {} : { owner }) });
}

/**
 * The cgroup of a container that was made earlier.
 *
 * @param paths as {@link Cgroup.paths} was then
 * @param firstProcess on cgroup v1 the cgroup of this process is joined in the place of one that is gone
 */
export function attachCgroup(paths: Readonly<Record<string, string>>, log: Log = silentLog, firstProcess?: number): Cgroup {
  const common = { isNew: false, rootless: false, mayLackRights: false, devicePaths: [] };
  if (isUnified(paths)) return new CgroupV2({ ...paths }, log, { ...common, top: "" });
  return new CgroupV1({ ...paths }, log, { ...common, ...(firstProcess !== undefined && { firstProcess }) });
}

/** Whether the container's processes are frozen: `Cgroup.freezerState` without an object, for those who ask of many containers. */
export function freezerStateAt(paths: Readonly<Record<string, string>>): FreezerState {
  const freezer = paths["freezer"];
  if (freezer !== undefined) return readFreezer(freezer) ?? "thawed";
  const unified = paths[""];
  return unified !== undefined && isUnified(paths) ? (readUnifiedFreezer(unified) ?? "thawed") : "thawed";
}

/**
 * Watches for the kernel killing processes of a container for want of memory.
 *
 * @param paths absolute directory by controller
 * @param notify for a caller that watches many, on cgroup v2
 * @throws RuntimeError `HOST_UNABLE` without a memory controller, `CGROUP`
 */
export function watchOom(paths: Readonly<Record<string, string>>, notify?: Notify): OomWatch {
  return isUnified(paths) ? watchUnifiedOom(paths[""] ?? "", notify) : watchV1Oom(paths);
}

/**
 * The statistics of a container.
 *
 * @param paths absolute directory by controller, as in `Cgroup.paths`
 * @param files for a caller that asks again and again
 * @throws RuntimeError `CGROUP` for a file that cannot be read or understood
 */
export function cgroupStats(paths: Readonly<Record<string, string>>, files: StatsFiles = STATS_FILES): CgroupStats {
  return isUnified(paths) ? unifiedStats(paths[""] ?? "", files) : v1Stats(paths, files);
}
