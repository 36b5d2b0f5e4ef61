import { defaultConfig } from "../../spec/defaults.ts";
import type { Config } from "../../spec/types.ts";
import { native } from "../../sys/native.ts";

const CGROUP2_SUPER_MAGIC = 0x63677270;

/**
 * A config.json to start from, as `runt spec` writes it.
 * @param options `rootless`: a user namespace that maps the caller's ids to 0, for a user without privileges. Default false
 */
export function newConfig({ rootless = false }: { readonly rootless?: boolean } = {}): Config {
  const cgroups = native.statfs("/sys/fs/cgroup");
  return defaultConfig({
    rootless,
    cgroup2: typeof cgroups !== "number" && cgroups.type === CGROUP2_SUPER_MAGIC,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
  });
}
