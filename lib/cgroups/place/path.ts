// SPDX-License-Identifier: Apache-2.0
/** The place of a container's cgroup, from `linux.cgroupsPath`; the rules are runc's. Pure. */

import { RuntimeError } from "../../errors.ts";
import { cleanPath } from "../../spec/clean_path.ts";
import { findHierarchy, type CgroupLayout, type Hierarchy } from "./layout.ts";

/**
 * Controllers in the order in which runc makes and joins them, which is also the order of `cgroup_paths` in
 * the state. "" is the v2 hierarchy of a hybrid host.
 */
export const V1_CONTROLLERS: readonly string[] = [
  "cpuset",
  "devices",
  "memory",
  "cpu",
  "cpuacct",
  "pids",
  "blkio",
  "hugetlb",
  "net_cls",
  "net_prio",
  "perf_event",
  "freezer",
  "rdma",
  "name=systemd",
  "misc",
  "",
];

/** Hierarchies that only group processes: a container starts without them too. */
export function isOptional(controller: string): boolean {
  return controller === "name=systemd" || controller === "misc" || controller === "";
}

/**
 * The container's path in each hierarchy: absolute counts from the mount point, relative from the runtime's
 * own cgroup, empty is the container's id below that.
 *
 * `slice:prefix:name`, the systemd driver's form, is an ordinary relative path here, as it is in runc.
 */
export function innerPath(cgroupsPath: string | undefined, id: string): string {
  const cleaned = cgroupsPath === undefined ? "" : cleanPath(cgroupsPath);
  return cleaned === "" ? cleanPath(id) : cleaned;
}

/** Whether `paths` of a container are those of cgroup v2 alone. */
export function isUnified(paths: Readonly<Record<string, string>>): boolean {
  for (const controller in paths) if (controller !== "") return false;
  return paths[""] !== undefined;
}

/**
 * Directory of a container on cgroup v2. A relative path counts from the cgroup above the runtime's own, as in runc:
 * the runtime's own has processes in it, and so cannot give controllers to cgroups below it.
 */
function unifiedPath(hierarchy: Hierarchy, inner: string): string {
  if (inner.startsWith("/")) return joinPath(hierarchy.mountpoint, inner);
  const own = ownDirectory(hierarchy);
  return joinPath(own === hierarchy.mountpoint ? own : own.slice(0, own.lastIndexOf("/")), inner);
}

/**
 * Absolute directory of the container's cgroup by controller; on a host with cgroup v2 alone there is one, "".
 *
 * @param needsDevices whether a host without the devices controller is refused
 * @throws RuntimeError `HOST_UNABLE` if the devices controller is needed and not mounted
 */
export function containerPaths(
  layout: CgroupLayout,
  cgroupsPath: string | undefined,
  id: string,
  needsDevices: boolean,
): Record<string, string> {
  const inner = innerPath(cgroupsPath, id);
  if (layout.kind === "v2" && layout.unified !== undefined) return { "": unifiedPath(layout.unified, inner) };
  const paths: Record<string, string> = {};
  for (const controller of V1_CONTROLLERS) {
    if (controller === "") {
      // runc counts a relative path from the root here, and not from its own cgroup.
      if (layout.unified !== undefined) paths[""] = joinPath(layout.unified.mountpoint, inner);
      continue;
    }
    const hierarchy = findHierarchy(layout, controller);
    if (hierarchy !== undefined) {
      paths[controller] = inner.startsWith("/")
        ? joinPath(hierarchy.mountpoint, inner)
        : joinPath(ownDirectory(hierarchy), inner);
    } else if (controller === "devices" && needsDevices) {
      throw new RuntimeError(
        "HOST_UNABLE",
        "linux.cgroupsPath: the cgroup controller devices, without which a container could use every " +
          "device of the host: mountpoint for devices not found",
        { pointer: "/linux/cgroupsPath" },
      );
    }
  }
  return paths;
}

/** Absolute directory of the runtime's own cgroup. */
export function ownDirectory(hierarchy: Hierarchy): string {
  return joinPath(hierarchy.mountpoint, relativePath(hierarchy.root, hierarchy.ownPath));
}

/**
 * Absolute directory of the cgroup that /proc calls `path`; `undefined` where the mount does not show it, or it is outside of
 * the reader's cgroup namespace.
 */
export function directoryIn(hierarchy: Hierarchy, path: string): string | undefined {
  const { mountpoint, root } = hierarchy;
  if (path.split("/").includes("..")) return undefined;
  if (root !== "/" && path !== root && !path.startsWith(`${root}/`)) return undefined;
  return joinPath(mountpoint, relativePath(root, path));
}

/**
 * `path` as seen from `root`, both absolute. In a container without a cgroup namespace /proc/self/cgroup has
 * the host's path, of which the mount shows only the part below its root.
 */
function relativePath(root: string, path: string): string {
  const base = cleanPath(root);
  const target = cleanPath(path);
  if (base === "/") return target.slice(1);
  if (target === base) return "";
  if (target.startsWith(`${base}/`)) return target.slice(base.length + 1);
  // The runtime's cgroup is not below this mount: there is nothing better than the mount's root.
  return "";
}

function joinPath(directory: string, inner: string): string {
  const below = inner.startsWith("/") ? inner.slice(1) : inner;
  return below === "" ? directory : `${directory}/${below}`;
}
