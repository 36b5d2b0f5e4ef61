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

/** `slice:prefix:name`, a path for the systemd driver; the other driver never gets such a path. */
const UNIT_PATH = /^[^/:]*:[^/:]*:[^/:]+$/;

/** A place where the processes of a container may be. */
interface Place {
  readonly paths: Readonly<Record<string, string>>;
  readonly unit?: SystemdUnit;
}

/**
 * Kills the processes and removes the cgroups of a container with a damaged record. The cgroups follow from the
 * config.json that `create` kept.
 * @throws STATE_DAMAGED if that cannot be read either: then the container's processes cannot be determined
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

/** Only the record knew the driver of the cgroups, so both count: systemd's if this call, or the path, is for systemd. */
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
