// SPDX-License-Identifier: Apache-2.0
/** Entries of `mounts` with the type `cgroup`, as facts for the planner. */
import type { Cgroup } from "../../cgroups/cgroup.ts";
import type { CgroupLayout } from "../../cgroups/place/layout.ts";
import { cgroupMounts, type CgroupMountPart } from "../../cgroups/place/mounts.ts";
import type { CgroupPiece, PlanFacts } from "../../plan/facts.ts";
import * as K from "../../kernel/plan_numbers.ts";
import { isBind, mountFields } from "../../plan/mounts.ts";
import { hasNamespace, readNamespaces } from "../../plan/namespaces.ts";
import type { Config } from "../../spec/types.ts";
import { inUserNamespace } from "../../sys/user_namespace.ts";

/** The mounts that each `cgroup` entry of `config.mounts` stands for on this host, by its index. */
export function cgroupPieces(config: Config, layout: CgroupLayout, paths: Cgroup["paths"]): PlanFacts["cgroupMounts"] {
  const pieces: Record<number, readonly CgroupPiece[]> = {};
  const mounts = config.mounts ?? [];
  for (let index = 0; index < mounts.length; index++) {
    const mount = mounts[index];
    if (mount === undefined || (mount.type !== "cgroup" && mount.type !== "cgroup2")) continue;
    if (isBind(mount)) continue;
    const namespaces = readNamespaces(config);
    const facts = {
      cgroupNamespace: hasNamespace(namespaces, K.CLONE_NEWCGROUP),
      // On v1 nothing depends on this.
      userNamespace: hasNamespace(namespaces, K.CLONE_NEWUSER) || (layout.kind === "v2" && inUserNamespace()),
    };
    const parts: CgroupPiece[] = [];
    for (const part of cgroupMounts(layout, paths, mount, facts)) parts.push(toPiece(part));
    pieces[index] = parts;
  }
  return pieces;
}

function toPiece(part: CgroupMountPart): CgroupPiece {
  switch (part.kind) {
    case "mount":
      return { op: "mount", fields: mountFields(part.mount, "", false) };
    case "symlink":
      return { op: "symlink", fields: { path: part.path, target: part.target, exact: 0 } };
    case "readonly": {
      const set = K.MOUNT_ATTR_RDONLY;
      return { op: "mountAttributes", fields: { path: part.path, set, clear: 0, recursive: 0 } };
    }
  }
}
