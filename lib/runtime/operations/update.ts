// SPDX-License-Identifier: Apache-2.0
import * as intelRdt from "../host/intel_rdt.ts";
import { attachCgroup } from "../../cgroups/open.ts";
import { RuntimeError } from "../../errors.ts";
import { mergedResources, parseResourcesText, resourcesText } from "../../spec/documents/merged_resources.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { LinuxIntelRdt, LinuxResources } from "../../spec/types.ts";
import { native } from "../../sys/native.ts";
import { savedConfig } from "../container/saved_config.ts";
import type { RuntimeContext } from "../options.ts";
import { status } from "../container/status.ts";
import { find, recordOf, type Entry } from "../container/store.ts";
import { NO_CGROUP, type ContainerRecord } from "../record.ts";
import { firstLimit } from "../../cgroups/disabled.ts";
import { updateUnit } from "../../cgroups/systemd/driver.ts";

/** Schemata of a container's class of service. */
export type RdtSchemas = Pick<LinuxIntelRdt, "l3CacheSchema" | "memBwSchema">;

/**
 * Changes limits of a container. A limit that `resources` does not name stays as config.json or an earlier update set it, and
 * is written again where another program has changed it; device rules stay. A 0 is "not named" wherever 0 cannot be a limit, as
 * engines send it. If the kernel refuses a value, the values that were written before it are restored.
 *
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING where it has stopped, CONFIG_INVALID, HOST_UNABLE, CGROUP
 */
export function update(context: RuntimeContext, id: string, resources: LinuxResources, rdt: RdtSchemas = {}): void {
  const schemas = rdt.l3CacheSchema === undefined && rdt.memBwSchema === undefined ? undefined : intelRdt;
  const resctrl = schemas?.requireForUpdate(rdt);
  const entry = find(context.root, id);
  let turn: number | undefined;
  try {
    const known = recordOf(entry);
    const now = status(entry, known);
    if (known === undefined || now === "stopped" || now === "creating") throw notRunning();
    turn = entry.openUpdates();
    // Another update may have changed the record meanwhile.
    let record = entry.read();
    if (record === undefined) throw notRunning();
    const limit = record.no_cgroup === true ? firstLimit(resources) : undefined;
    if (limit !== undefined) {
      throw new RuntimeError("HOST_UNABLE", `${propertyName(limit)}: container ${id} cannot be limited: ${NO_CGROUP}`, {
        pointer: limit,
      });
    }
    const { memory } = resources;
    if (memory?.kernel !== undefined || memory?.kernelTCP !== undefined) {
      context.log.warn("Kernel memory settings are ignored and will be removed");
    }
    if (record.no_cgroup !== true) record = changeResources(context, entry, record, resources);
    if (schemas === undefined || resctrl === undefined) return;
    const groups = record.intel_rdt ?? schemas.rdtRecord({}, id, resctrl);
    // The first process is moved into a class of its own, as with runc; the other processes stay in theirs.
    if (record.intel_rdt === undefined) {
      entry.prepare({ ...record, intel_rdt: groups });
      entry.publish();
      schemas.joinRdt({}, groups, record.init_process_pid, resctrl);
    }
    const lines = [rdt.l3CacheSchema, rdt.memBwSchema].filter((line) => line !== undefined);
    schemas.updateRdt(groups, lines, resctrl);
  } finally {
    if (turn !== undefined) native.close(turn);
    entry.close();
  }
}

/** @returns the record with the limits that hold from now on */
function changeResources(context: RuntimeContext, entry: Entry, record: ContainerRecord, given: LinuxResources): ContainerRecord {
  const { resources: text } = record;
  const before = text === undefined ? (savedConfig(entry).linux?.resources ?? {}) : parseResourcesText(text);
  const wanted = mergedResources(before, given);
  const cgroup = attachCgroup(record.cgroup_paths, context.log);
  if (record.systemd === undefined) cgroup.limit(wanted, { update: true });
  else updateUnit(record.systemd, cgroup, wanted);
  const next = { ...record, resources: resourcesText(wanted) };
  entry.prepare(next);
  entry.publish();
  return next;
}

function notRunning(): RuntimeError {
  return new RuntimeError("CONTAINER_NOT_RUNNING", "container not running");
}
