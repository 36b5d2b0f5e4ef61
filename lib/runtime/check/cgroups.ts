// SPDX-License-Identifier: Apache-2.0
import { withoutCgroup } from "../../cgroups/disabled.ts";
import { cgroupLayout } from "../../cgroups/place/layout.ts";
import { planUnit } from "../../cgroups/systemd/driver.ts";
import { asRuntimeError } from "../../errors.ts";
import { silentLog } from "../../log.ts";
import type { Report } from "../../spec/schema/without_wrong_values.ts";
import type { Config } from "../../spec/types.ts";
import { exists } from "../../sys/files.ts";
import type { RuntimeContext } from "../options.ts";
import { unitOwner } from "../host/rootless.ts";

const POINTER = "/linux/cgroupsPath";

/**
 * Requests that the chosen cgroup manager cannot fulfil: limits without cgroups, names and properties that systemd would refuse.
 * @param config without any other problem
 */
export function managerFindings(context: RuntimeContext, config: Config, report: Report): void {
  try {
    if (context.withoutCgroups === true) withoutCgroup(config, silentLog);
    if (!context.systemdCgroup) return;
    if (!exists("/run/systemd/system")) report(POINTER, "--systemd-cgroup: systemd is not running on this host");
    planUnit(cgroupLayout(), config, "CONTAINER_ID", unitOwner(context));
  } catch (error) {
    const { facts, message } = asRuntimeError(error);
    report(facts.pointer ?? POINTER, message);
  }
}
