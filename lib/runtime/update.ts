import { attachCgroup } from "../cgroups/driver.ts";
import { RuntimeError } from "../errors.ts";
import { propertyName } from "../spec/property_name.ts";
import type { LinuxIntelRdt, LinuxResources } from "../spec/types.ts";
import type { RuntimeContext } from "./options.ts";
import { status } from "./status.ts";
import { find, NO_CGROUP, recordOf } from "./store.ts";

/** Schemata of a container's class of service. */
export type RdtSchemas = Pick<LinuxIntelRdt, "l3CacheSchema" | "memBwSchema">;

/**
 * Changes limits of a container. What `resources` does not name stays as it is, and so do its device rules; a 0 is
 * "not named" wherever 0 cannot be a limit, as engines send it. If the kernel refuses a value, those that were
 * written before it are taken back.
 *
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING where it has stopped, CONFIG_INVALID, HOST_UNABLE, CGROUP
 */
export async function update(
  context: RuntimeContext,
  id: string,
  resources: LinuxResources,
  rdt: RdtSchemas = {},
): Promise<void> {
  const schemas = rdt.l3CacheSchema === undefined && rdt.memBwSchema === undefined ? undefined : await import("./intel_rdt.ts");
  const resctrl = schemas?.requireForUpdate(rdt);
  const entry = find(context.root, id);
  try {
    const record = recordOf(entry);
    const now = status(entry, record);
    if (record === undefined || now === "stopped" || now === "creating") {
      throw new RuntimeError("CONTAINER_NOT_RUNNING", "container not running");
    }
    const limit = record.no_cgroup === true ? (await import("../cgroups/disabled.ts")).firstLimit(resources) : undefined;
    if (limit !== undefined) {
      throw new RuntimeError("HOST_UNABLE", `${propertyName(limit)}: container ${id} cannot be limited: ${NO_CGROUP}`, { pointer: limit });
    }
    const { memory } = resources;
    if (memory?.kernel !== undefined || memory?.kernelTCP !== undefined) {
      context.log.warn("Kernel memory settings are ignored and will be removed");
    }
    const cgroup = attachCgroup(record.cgroup_paths, context.log);
    if (record.systemd === undefined) await cgroup.limit(resources, { update: true });
    else await (await import("../cgroups/systemd/driver.ts")).updateUnit(record.systemd, cgroup, resources);
    if (schemas === undefined || resctrl === undefined) return;
    const groups = record.intel_rdt ?? schemas.rdtRecord({}, id, resctrl);
    // Its first process is moved into a class of its own, as with runc; the others stay where they are.
    if (record.intel_rdt === undefined) {
      entry.prepare({ ...record, intel_rdt: groups });
      entry.publish();
      schemas.joinRdt({}, groups, record.init_process_pid, resctrl);
    }
    const lines = [rdt.l3CacheSchema, rdt.memBwSchema].filter((line) => line !== undefined);
    schemas.updateRdt(groups, lines, resctrl);
  } finally {
    entry.close();
  }
}
