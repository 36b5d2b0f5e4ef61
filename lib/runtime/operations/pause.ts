// SPDX-License-Identifier: Apache-2.0
import { attachCgroup } from "../../cgroups/open.ts";
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { isUnified } from "../../cgroups/place/path.ts";
import { cgroupOfProcess } from "../../cgroups/place/path_of_process.ts";
import { processesBelow } from "../../cgroups/files/tree.ts";
import { RuntimeError } from "../../errors.ts";
import { exists } from "../../sys/files.ts";
import type { RuntimeContext } from "../options.ts";
import { status } from "../container/status.ts";
import { find, recordOf } from "../container/store.ts";
import { NO_CGROUP, type ContainerRecord } from "../record.ts";

/**
 * Stops every process of a container where it is, through the freezer.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING unless it is created or running, HOST_UNABLE without a freezer, CGROUP
 */
export function pause(context: RuntimeContext, id: string): void {
  toggle(context, id, (now, cgroup, record) => {
    if (record === undefined || (now !== "running" && now !== "created")) {
      throw new RuntimeError("CONTAINER_NOT_RUNNING", "container not running");
    }
    refuseLeft(record);
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

/** Refuses a container that has left its cgroup: the freezer would not stop it. @throws HOST_UNABLE */
function refuseLeft({ id, cgroup_paths: paths, init_process_pid: pid }: ContainerRecord): void {
  const freezer = isUnified(paths) ? "" : "freezer";
  const own = paths[freezer];
  if (own === undefined) return;
  const now = cgroupOfProcess(pid, freezer);
  if (now === own || now?.startsWith(`${own}/`) === true || processesBelow(own).includes(pid)) return;
  const where = now === undefined ? "elsewhere" : `in ${now}`;
  const state = exists(own) ? "" : ", which is gone";
  const text = `cannot pause container ${id}: its first process (${pid}) is ${where} and not in its own cgroup ${own}${state}`;
  throw new RuntimeError("HOST_UNABLE", text, { path: own });
}

function toggle(
  context: RuntimeContext,
  id: string,
  action: (now: ReturnType<typeof status>, cgroup: Cgroup, record: ContainerRecord | undefined) => void,
): void {
  const entry = find(context.root, id);
  try {
    const record = recordOf(entry);
    if (record?.no_cgroup === true) {
      throw new RuntimeError("HOST_UNABLE", `cannot pause or resume container ${id}: ${NO_CGROUP}`);
    }
    action(status(entry, record), attachCgroup(record?.cgroup_paths ?? {}, context.log), record);
  } finally {
    entry.close();
  }
}
