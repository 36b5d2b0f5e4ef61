import { attachCgroup } from "../cgroups/driver.ts";
import type { RuntimeContext } from "./options.ts";
import { find, recordOf } from "./store.ts";

/**
 * Pids of all processes in a container's cgroup, those of `exec` and their children among them, as the runtime's pid
 * namespace knows them; none where the container has stopped.
 * @throws INVALID_ID, CONTAINER_NOT_FOUND, SYSCALL
 */
export function processes(context: RuntimeContext, id: string): number[] {
  const entry = find(context.root, id);
  try {
    const record = recordOf(entry);
    return record === undefined ? [] : attachCgroup(record.cgroup_paths, context.log).processes();
  } finally {
    entry.close();
  }
}
