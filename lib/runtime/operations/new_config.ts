// SPDX-License-Identifier: Apache-2.0
import { defaultConfig, type DefaultConfig } from "../../spec/defaults.ts";
import { native } from "../../sys/native.ts";

const CGROUP2_SUPER_MAGIC = 0x63677270;

/** The host has only cgroup v2. */
export function isUnifiedHost(): boolean {
  const cgroups = native.statfs("/sys/fs/cgroup");
  return typeof cgroups !== "number" && cgroups.type === CGROUP2_SUPER_MAGIC;
}

/**
 * A config.json to start from, as `runt spec` writes it. The object belongs to the caller, who can change every property.
 * @param options `rootless`: a user namespace that maps the caller's ids to 0, for a user without privileges. Default false
 */
export function newConfig({ rootless = false }: { readonly rootless?: boolean } = {}): DefaultConfig {
  return defaultConfig({
    rootless,
    cgroup2: isUnifiedHost(),
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
  });
}
