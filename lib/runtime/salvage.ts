import { attachCgroup, openCgroup } from "../cgroups/driver.ts";
import { cgroupLayout } from "../cgroups/layout.ts";
import { RuntimeError } from "../errors.ts";
import { SIGKILL } from "../sys/linux.ts";
import { loadConfig } from "./bundle.ts";
import type { Entry } from "./store.ts";

/**
 * Kills and removes what a container with a damaged record has on the host. Where its cgroups are follows from the
 * config.json that `create` kept.
 * @throws STATE_DAMAGED if that cannot be read either: then nobody can tell which processes are the container's
 */
export function salvage(entry: Entry): void {
  let paths: Readonly<Record<string, string>>;
  try {
    const { config } = loadConfig(entry.path);
    paths = openCgroup(cgroupLayout(), config, entry.id).paths;
  } catch (error) {
    const text = `${entry.path}/state.json is damaged, and so is its config.json: remove its cgroups and ${entry.path} by hand`;
    throw new RuntimeError("STATE_DAMAGED", text, { path: entry.path }, error);
  }
  const cgroup = attachCgroup(paths);
  cgroup.killAll(SIGKILL);
  cgroup.remove();
}
