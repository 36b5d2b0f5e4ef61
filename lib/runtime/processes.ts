import { attachCgroup } from "../cgroups/driver.ts";
import type { RuntimeContext } from "./options.ts";
import { status } from "./status.ts";
import { find, recordOf } from "./store.ts";

/**
 * Pids of all processes in a container's cgroup, those of `exec` and their children among them, as the runtime's pid
 * namespace knows them; none where the container has stopped.
 * @throws INVALID_ID, CONTAINER_NOT_FOUND, SYSCALL
 */
export async function processes(context: RuntimeContext, id: string): Promise<number[]> {
  const entry = find(context.root, id);
  try {
    const record = recordOf(entry);
    if (record?.no_cgroup === true) {
      return status(entry, record) === "stopped" ? [] : (await import("./members.ts")).members(record);
    }
    return record === undefined ? [] : attachCgroup(record.cgroup_paths, context.log).processes();
  } finally {
    entry.close();
  }
}
