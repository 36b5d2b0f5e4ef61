// SPDX-License-Identifier: Apache-2.0
import { cgroupStats } from "../../cgroups/open.ts";
import type { CgroupStats } from "../../cgroups/files/stats_types.ts";
import { RuntimeError } from "../../errors.ts";
import type { RuntimeContext } from "../options.ts";
import { status } from "../container/status.ts";
import { find, recordOf } from "../container/store.ts";
import { type ContainerRecord, NO_CGROUP } from "../record.ts";

export type { CgroupStats } from "../../cgroups/files/stats_types.ts";

/**
 * The statistics of a container's cgroups.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING where it has stopped, CGROUP
 */
export function stats(context: RuntimeContext, id: string): CgroupStats {
  return cgroupStats(runningRecord(context, id).cgroup_paths);
}

/** The record of a container that has not stopped. @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING */
export function runningRecord(context: RuntimeContext, id: string): ContainerRecord {
  const entry = find(context.root, id);
  try {
    const record = recordOf(entry);
    if (record === undefined || status(entry, record) === "stopped") {
      throw new RuntimeError("CONTAINER_NOT_RUNNING", `container with id ${id} is not running`);
    }
    if (record.no_cgroup === true) {
      throw new RuntimeError("HOST_UNABLE", `cannot count what container ${id} uses: ${NO_CGROUP}`);
    }
    return record;
  } finally {
    entry.close();
  }
}
