// SPDX-License-Identifier: Apache-2.0
/**
 * Bind mounts whose source the runtime opens, as a detached mount that init only attaches. The runtime does so for an
 * id-mapped mount, which takes privileges over the source's file system, and for a container with a user namespace, whose
 * root may not be able to reach the source.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#posix-platform-mounts
 */
import { isIdMapOption } from "../spec/rules/id_map_option.ts";
import type { Config, Mount } from "../spec/types.ts";
import type { PlanFacts } from "./facts.ts";
import * as K from "../kernel/plan_numbers.ts";
import { parseMountOptions } from "./mount_options.ts";
import { isBind } from "./mounts.ts";
import { hasNamespace, type Namespaces } from "./namespaces.ts";
import { MountFlag } from "./steps.ts";

/** Whether the ids of a mount are mapped: by its options, or by mappings of its own. */
export function isIdMapped({ options, uidMappings, gidMappings }: Mount): boolean {
  if ((uidMappings?.length ?? 0) + (gidMappings?.length ?? 0) > 0) return true;
  return options?.some(isIdMapOption) ?? false;
}

/** Indexes in `mounts` of those whose source the runtime opens. */
export function treeMounts(config: Config, namespaces: Namespaces, links: PlanFacts["links"]): readonly number[] {
  const indexes: number[] = [];
  const { mounts } = config;
  if (mounts === undefined) return indexes;
  // A container that joins a mount namespace finds the sources of its bind mounts by path in that namespace.
  const newMounts = (namespaces.made & K.CLONE_NEWNS) !== 0;
  const unreachable = newMounts && hasNamespace(namespaces, K.CLONE_NEWUSER);
  for (let index = 0; index < mounts.length; index++) {
    const mount = mounts[index];
    if (mount === undefined || !isBind(mount) || links[index] !== undefined) continue;
    if (isIdMapped(mount) || (unreachable && !isRemount(mount))) indexes.push(index);
  }
  return indexes;
}

function isRemount({ options }: Mount): boolean {
  return (parseMountOptions(options ?? []).flags & MountFlag.REMOUNT) !== 0;
}
