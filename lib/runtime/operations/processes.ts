// SPDX-License-Identifier: Apache-2.0
import { attachCgroup } from "../../cgroups/open.ts";
import type { RuntimeContext } from "../options.ts";
import { isAlive } from "../container/status.ts";
import { find, recordOf } from "../container/store.ts";
import { memberPids } from "../container/members.ts";

/**
 * Pids of all processes of a container, including those of `exec` and their children, in the runtime's pid namespace.
 * They are found by its cgroup and, where its first process is not in that cgroup, by its namespaces.
 * @throws INVALID_ID, CONTAINER_NOT_FOUND, SYSCALL
 */
export function processes(context: RuntimeContext, id: string): number[] {
  const entry = find(context.root, id);
  try {
    const record = recordOf(entry);
    if (record === undefined) return [];
    const pids = attachCgroup(record.cgroup_paths, context.log).processes();
    const { init_process_pid: first, init_process_start: start } = record;
    const isWhole = pids.includes(first) || (!isAlive(first, start) && record.namespaces === undefined);
    if (isWhole) return pids;
    // The container has no cgroup, or has left it.
    return [...new Set([...pids, ...memberPids(record, context.root)])].sort((one, other) => one - other);
  } finally {
    entry.close();
  }
}
