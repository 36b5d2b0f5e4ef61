// SPDX-License-Identifier: Apache-2.0
import { attachCgroup, openCgroup } from "../../cgroups/open.ts";
import type { SystemdUnit } from "../../cgroups/cgroup.ts";
import { cgroupLayout } from "../../cgroups/place/layout.ts";
import { RuntimeError } from "../../errors.ts";
import type { Config } from "../../spec/types.ts";
import { exists } from "../../sys/files.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { loadConfig } from "../bundle.ts";
import type { RuntimeContext } from "../options.ts";
import type { Entry } from "./store.ts";
import { stopUnit, planUnit } from "../../cgroups/systemd/driver.ts";
import { unitOwner } from "../host/rootless.ts";

/** `slice:prefix:name`, which the systemd driver wants and nobody gives the other one. */
const UNIT_PATH = /^[^/:]*:[^/:]*:[^/:]+$/;

/** Where the processes of a container may be. */
interface Place {
  readonly paths: Readonly<Record<string, string>>;
  readonly unit?: SystemdUnit;
}

/**
 * Kills and removes what a container with a damaged record has on the host. Where its cgroups are follows from the
 * config.json that `create` kept.
 * @throws STATE_DAMAGED if that cannot be read either: then nobody can tell which processes are the container's
 */
export function salvage(context: RuntimeContext, entry: Entry): void {
  let places: readonly Place[];
  try {
    places = possiblePlaces(context, loadConfig(entry.path).config, entry.id);
  } catch (error) {
    const text = `${entry.path}/state.json is damaged, and so is its config.json: remove its cgroups and ${entry.path} by hand`;
    throw new RuntimeError("STATE_DAMAGED", text, { path: entry.path }, error);
  }
  for (const { paths, unit } of places) {
    const cgroup = attachCgroup(paths);
    cgroup.killAll(SIGKILL);
    if (unit !== undefined) stopUnit(unit, context.log);
    cgroup.remove();
  }
}

/** Which driver has made the cgroups only the record knew: the unit counts where this call, or the path, is for systemd. */
function possiblePlaces(context: RuntimeContext, config: Config, id: string): Place[] {
  const layout = cgroupLayout();
  const places: Place[] = [];
  if (!context.systemdCgroup) places.push({ paths: openCgroup(layout, config, id).paths });
  const isUnit = context.systemdCgroup || UNIT_PATH.test(config.linux?.cgroupsPath ?? "");
  if (!isUnit || !exists("/run/systemd/system")) return places;
  const owner = unitOwner(context);
  const { names, paths } = planUnit(layout, config, id, owner);
  places.push({ paths, unit: { name: names.unit, user: owner !== undefined } });
  return places;
}
