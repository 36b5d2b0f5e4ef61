import { attachCgroup, openCgroup } from "../cgroups/driver.ts";
import { cgroupLayout } from "../cgroups/layout.ts";
import { RuntimeError } from "../errors.ts";
import { parseConfig } from "../spec/config.ts";
import { readText } from "../sys/files.ts";
import type { Entry } from "./store.ts";

const SIGKILL = 9;
/** A config.json of more bytes is not ours; see `bundle.ts`. */
const CONFIG_LIMIT = 16 << 20;

/**
 * Kills and removes what a container with a damaged record has on the host. Where its cgroups are follows from the
 * config.json that `create` kept.
 * @throws STATE_DAMAGED if that cannot be read either: then nobody can tell which processes are the container's
 */
export function salvage(entry: Entry): void {
  const file = `${entry.path}/config.json`;
  let paths: Readonly<Record<string, string>>;
  try {
    const config = parseConfig(readText(file, CONFIG_LIMIT), file);
    paths = openCgroup(cgroupLayout(), config, entry.id).paths;
  } catch (error) {
    const text = `${entry.path}/state.json is damaged, and so is its config.json: remove its cgroups and ${entry.path} by hand`;
    throw new RuntimeError("STATE_DAMAGED", text, { path: entry.path }, error);
  }
  const cgroup = attachCgroup(paths);
  cgroup.killAll(SIGKILL);
  cgroup.remove();
}
