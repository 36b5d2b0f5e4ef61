// SPDX-License-Identifier: Apache-2.0
/** The mounts that an entry of the type `cgroup` becomes on this host; the result is runc's. Pure. */

import { pathInContainer } from "../../spec/clean_path.ts";
import { ownDirectory } from "./path.ts";
import type { CgroupLayout, Hierarchy } from "./layout.ts";
import type { Mount } from "../../spec/types.ts";

/** One effect, in order. */
export type CgroupMountPart =
  /**
   * An ordinary mount, with options as in config.json. A `type` of `cgroup` here is the kernel's file system of
   * cgroup v1, with its controllers as the last option.
   */
  | { readonly kind: "mount"; readonly mount: Mount }
  /** `path` is absolute in the container. */
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  /** The mount at `path` (not those below it) becomes read-only. */
  | { readonly kind: "readonly"; readonly path: string };

/** Facts that decide how the container sees cgroups. */
export interface CgroupMountFacts {
  /** The container gets a cgroup namespace of its own, or joins one. */
  readonly cgroupNamespace: boolean;
  /** The container has a user namespace that is not the runtime's. */
  readonly userNamespace: boolean;
}

const PROPAGATION: readonly string[] = [
  "shared",
  "rshared",
  "slave",
  "rslave",
  "private",
  "rprivate",
  "unbindable",
  "runbindable",
];
const SAFE: readonly string[] = ["nosuid", "noexec", "nodev"];

/**
 * The parts of one cgroup mount.
 *
 * On v1: a tmpfs with a directory for each hierarchy, in which the container finds its own cgroup, and a link for
 * each controller that shares a hierarchy. The v2 mount of a hybrid host is not among them, as with runc. On v2: the
 * cgroup2 file system, or, where the kernel refuses that, a bind mount.
 *
 * @param containerPaths directory by controller, as in `Cgroup.paths`
 * @param mount entry of config.json with the type `cgroup` (or `cgroup2`)
 */
export function cgroupMounts(
  layout: CgroupLayout,
  containerPaths: Readonly<Record<string, string>>,
  mount: Mount,
  facts: CgroupMountFacts,
): CgroupMountPart[] {
  const { unified } = layout;
  if (layout.kind === "v2" && unified !== undefined) {
    return [{ kind: "mount", mount: unifiedMount(unified, mount, facts) }];
  }
  const target = pathInContainer(mount.destination);
  const options = mount.options ?? [];
  const isReadonly = options.includes("ro") && !options.includes("rw");
  const propagation: string[] = [];
  for (const option of options) if (PROPAGATION.includes(option)) propagation.push(option);
  const parts: CgroupMountPart[] = [
    {
      kind: "mount",
      mount: {
        destination: target,
        type: "tmpfs",
        source: "tmpfs",
        options: [...SAFE, "mode=755", ...propagation],
      },
    },
  ];
  const links: CgroupMountPart[] = [];
  for (const hierarchy of layout.hierarchies) {
    const name = baseName(hierarchy.mountpoint);
    const destination = `${target}/${name}`;
    parts.push({
      kind: "mount",
      mount: facts.cgroupNamespace
        ? fileSystemMount(hierarchy, destination, isReadonly)
        : bindMount(hierarchy, destination, containerPaths, options),
    });
    if (!name.includes(",")) continue;
    for (const controller of name.split(",")) {
      links.push({ kind: "symlink", path: `${target}/${controller}`, target: name });
    }
  }
  parts.push(...links);
  if (isReadonly) parts.push({ kind: "readonly", path: target });
  return parts;
}

/** Mounted in a new cgroup namespace, the file system shows the container's cgroup as its root. */
function fileSystemMount(hierarchy: Hierarchy, destination: string, isReadonly: boolean): Mount {
  const named = hierarchy.name.startsWith("name=");
  return {
    destination,
    type: "cgroup",
    source: named ? hierarchy.name.slice(5) : "cgroup",
    options: [...SAFE, ...(isReadonly ? ["ro"] : []), hierarchy.controllers.join(",")],
  };
}

function bindMount(
  hierarchy: Hierarchy,
  destination: string,
  containerPaths: Readonly<Record<string, string>>,
  options: readonly string[],
): Mount {
  // A hierarchy that the container does not join leaves it in the runtime's own cgroup.
  let source = ownDirectory(hierarchy);
  for (const name of hierarchy.controllers) source = containerPaths[name] ?? source;
  return { destination, type: "bind", source, options: ["rbind", ...options] };
}

function unifiedMount(unified: Hierarchy, mount: Mount, facts: CgroupMountFacts): Mount {
  const options = mount.options ?? [];
  // In a user namespace the kernel mounts cgroup2 only together with a cgroup namespace.
  if (!facts.userNamespace || facts.cgroupNamespace) {
    return { ...mount, type: "cgroup2", source: mount.source ?? "cgroup", options };
  }
  return { ...mount, type: "bind", source: unified.mountpoint, options: ["rbind", ...options] };
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
