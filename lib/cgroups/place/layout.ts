// SPDX-License-Identifier: Apache-2.0
/** Finds the cgroup hierarchies of this host, and the runtime's own place in them. */

import { AT_FDCWD, readText } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { parseMountinfo, parseProcCgroup, type MountInfo, type ProcCgroup } from "../../sys/proc.ts";

/** One mounted hierarchy. */
export interface Hierarchy {
  /** runc's name for it in `cgroup_paths`: the first controller, `name=systemd`, or "" for cgroup v2. */
  readonly name: string;
  /** Controllers of v1 that it carries; for a named hierarchy its name; empty for cgroup v2. */
  readonly controllers: readonly string[];
  readonly mountpoint: string;
  /** Cgroup of the runtime, from /proc/self/cgroup. */
  readonly ownPath: string;
  /** The cgroup that stands at the mount point; "/" unless it is a bind mount or another namespace's mount. */
  readonly root: string;
}

/** The cgroup tree of this host. */
export interface CgroupLayout {
  /** `v1`; `hybrid`: v1 and a v2 mount beside it; `v2`: v2 alone. */
  readonly kind: "v1" | "hybrid" | "v2";
  /** The mounted v1 hierarchies, in the order of /proc/self/cgroup. */
  readonly hierarchies: readonly Hierarchy[];
  /** The v2 hierarchy; absent where `kind` is `v1`. */
  readonly unified?: Hierarchy;
}

/** The questions that {@link findLayout} asks; the tests answer them from fixtures. */
export interface LayoutSource {
  /** /proc/self/cgroup. */
  procCgroup(): string;
  /** /proc/self/mountinfo. */
  mountinfo(): string;
  /** `f_type` of statfs(2), or 0 if the path cannot be reached. */
  filesystemType(path: string): number;
  exists(path: string): boolean;
}

export const CGROUP_SUPER_MAGIC = 0x27e0eb;
export const CGROUP2_SUPER_MAGIC = 0x63677270;
const CGROUP_ROOT = "/sys/fs/cgroup";
/** Part of the path where CRIU mounts hierarchies during a dump, also those that are mounted nowhere else. */
const CRIU_YARD = "/.criu.cgyard.";
const HYBRID_MOUNTPOINT = "/sys/fs/cgroup/unified";

/**
 * The cgroup layout of this host.
 *
 * @throws RuntimeError `SYSCALL` if procfs cannot be read
 */
export function cgroupLayout(): CgroupLayout {
  return findLayout({
    procCgroup: () => readText("/proc/self/cgroup"),
    mountinfo: () => readText("/proc/self/mountinfo", 1 << 26),
    filesystemType: (path) => {
      const found = native.statfs(path);
      return typeof found === "number" ? 0 : found.type;
    },
    exists: (path) => native.access(AT_FDCWD, path, 0) === 0,
  });
}

/** Whether the host has cgroup v2 alone, which is quicker to tell than its {@link cgroupLayout}. */
export function isUnifiedAlone(): boolean {
  const found = native.statfs(CGROUP_ROOT);
  return typeof found !== "number" && found.type === CGROUP2_SUPER_MAGIC;
}

/**
 * The same as {@link cgroupLayout}, from a source of facts.
 *
 * Reading mountinfo costs more than all the rest on a host with many mounts. So the customary mount points
 * are tried first, and mountinfo is read only where one of them is missing or may be a bind mount.
 */
export function findLayout(source: LayoutSource): CgroupLayout {
  const lines = parseProcCgroup(source.procCgroup());
  let mounts: readonly MountInfo[] | undefined;
  const cgroupMounts = (): readonly MountInfo[] => (mounts ??= parseMountinfo(source.mountinfo(), ["cgroup", "cgroup2"]));

  let v2Line: (typeof lines)[number] | undefined;
  for (const line of lines) if (line.controllers.length === 0) v2Line = line;
  if (source.filesystemType(CGROUP_ROOT) === CGROUP2_SUPER_MAGIC) {
    const ownPath = v2Line?.path ?? "/";
    return { kind: "v2", hierarchies: [], unified: unified(CGROUP_ROOT, ownPath, source, cgroupMounts) };
  }

  const hierarchies: Hierarchy[] = [];
  for (const line of lines) {
    const [first] = line.controllers;
    if (first === undefined) continue;
    const found = v1Hierarchy(line, first, source, cgroupMounts);
    if (found !== undefined) hierarchies.push(found);
  }
  if (v2Line === undefined || source.filesystemType(HYBRID_MOUNTPOINT) !== CGROUP2_SUPER_MAGIC) {
    return { kind: "v1", hierarchies };
  }
  return {
    kind: "hybrid",
    hierarchies,
    unified: unified(HYBRID_MOUNTPOINT, v2Line.path, source, cgroupMounts),
  };
}

/** The hierarchy that has `controller` (also `name=systemd`); `undefined` if it is not mounted. */
export function findHierarchy(layout: CgroupLayout, controller: string): Hierarchy | undefined {
  for (const hierarchy of layout.hierarchies) {
    if (hierarchy.controllers.includes(controller)) return hierarchy;
  }
  return undefined;
}

function v1Hierarchy(
  line: ProcCgroup,
  first: string,
  source: LayoutSource,
  cgroupMounts: () => readonly MountInfo[],
): Hierarchy | undefined {
  const directory = first.startsWith("name=") ? first.slice(5) : line.controllers.join(",");
  const customary = `${CGROUP_ROOT}/${directory}`;
  const common = { name: first, controllers: line.controllers, ownPath: line.path };
  if (source.filesystemType(customary) === CGROUP_SUPER_MAGIC) {
    // The kernel puts release_agent into the root of a hierarchy only.
    if (line.path === "/" || source.exists(`${customary}/release_agent`)) {
      return { ...common, mountpoint: customary, root: "/" };
    }
    const mount = cgroupMounts().find((one) => one.mountpoint === customary);
    return { ...common, mountpoint: customary, root: mount?.root ?? "/" };
  }
  const mount = cgroupMounts().find(
    (one) => one.fstype === "cgroup" && one.superOptions.includes(first) && !one.mountpoint.includes(CRIU_YARD),
  );
  if (mount === undefined) return undefined;
  return { ...common, mountpoint: mount.mountpoint, root: mount.root };
}

function unified(mountpoint: string, ownPath: string, source: LayoutSource, cgroupMounts: () => readonly MountInfo[]): Hierarchy {
  const common = { name: "", controllers: [], mountpoint, ownPath };
  // cgroup.type is in every cgroup of v2 but the root of the hierarchy.
  if (ownPath === "/" || !source.exists(`${mountpoint}/cgroup.type`)) return { ...common, root: "/" };
  const mount = cgroupMounts().find((one) => one.mountpoint === mountpoint);
  return { ...common, root: mount?.root ?? "/" };
}
