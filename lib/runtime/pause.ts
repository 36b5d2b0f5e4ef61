import { attachCgroup, type Cgroup } from "../cgroups/driver.ts";
import { RuntimeError } from "../errors.ts";
import type { RuntimeContext } from "./options.ts";
import { status } from "./status.ts";
import { find, NO_CGROUP, recordOf } from "./store.ts";

/**
 * Stops every process of a container where it is, through the freezer.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING unless it is created or running, HOST_UNABLE without a freezer, CGROUP
 */
export function pause(context: RuntimeContext, id: string): void {
  toggle(context, id, (now, cgroup) => {
    if (now !== "running" && now !== "created") {
      throw new RuntimeError("CONTAINER_NOT_RUNNING", "container not running");
    }
    cgroup.freeze();
  });
}

/**
 * Lets the processes of a paused container go on.
 * @throws CONTAINER_NOT_FOUND, WRONG_STATE unless it is paused, CGROUP
 */
export function resume(context: RuntimeContext, id: string): void {
  toggle(context, id, (now, cgroup) => {
    if (now !== "paused") throw new RuntimeError("WRONG_STATE", "container not paused");
    cgroup.thaw();
  });
}

function toggle(
  context: RuntimeContext,
  id: string,
  action: (now: ReturnType<typeof status>, cgroup: Cgroup) => void,
): void {
  const entry = find(context.root, id);
  try {
    const record = recordOf(entry);
    if (record?.no_cgroup === true) {
      throw new RuntimeError("HOST_UNABLE", `cannot pause or resume container ${id}: ${NO_CGROUP}`);
    }
    action(status(entry, record), attachCgroup(record?.cgroup_paths ?? {}, context.log));
  } finally {
    entry.close();
  }
}
