// SPDX-License-Identifier: Apache-2.0
import { isUnifiedAlone } from "../../cgroups/place/layout.ts";
import { defaultConfig, type DefaultConfig } from "../../spec/defaults.ts";

/**
 * A config.json to start from, as `runt spec` writes it. The object belongs to the caller, who can change every property.
 * @param options `rootless`: a user namespace that maps the caller's ids to 0, for a user without privileges. Default false
 */
export function newConfig({ rootless = false }: { readonly rootless?: boolean } = {}): DefaultConfig {
  return defaultConfig({
    rootless,
    cgroup2: isUnifiedAlone(),
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
  });
}
