// SPDX-License-Identifier: Apache-2.0
import type { PlanFacts } from "../../plan/facts.ts";
import { bindSource } from "../../plan/mounts.ts";
import { parseMountOptions } from "../../plan/mount_options.ts";
import type { Config } from "../../spec/types.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/** Targets of the sources of `mounts` that are symbolic links and have the option `copy-symlink`, by index. */
export function copiedLinks(config: Config, bundle: string): PlanFacts["links"] {
  const links: Record<number, string> = {};
  const mounts = config.mounts ?? [];
  for (let index = 0; index < mounts.length; index++) {
    const mount = mounts[index];
    if (mount?.options?.includes("copy-symlink") !== true) continue;
    if (parseMountOptions(mount.options).flags === 0) continue;
    const target = native.readlink(AT_FDCWD, bindSource(mount, bundle));
    if (typeof target === "string") links[index] = target;
  }
  return links;
}
