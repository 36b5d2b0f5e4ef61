// SPDX-License-Identifier: Apache-2.0
import { watchOom } from "../../cgroups/open.ts";
import { cgroupStats } from "../../cgroups/open.ts";
import type { CgroupStats } from "../../cgroups/files/stats_types.ts";
import { native } from "../../sys/native.ts";
import { readable } from "../../sys/waiting.ts";
import type { RuntimeContext } from "../options.ts";
import { runningRecord } from "./stats.ts";

/** An event of a container. */
export type ContainerEvent =
  | { readonly type: "stats"; readonly id: string; readonly data: CgroupStats }
  /** The kernel has killed a process of the container for want of memory. */
  | { readonly type: "oom"; readonly id: string };

/**
 * Reports the events of a container, until it is deleted.
 *
 * @param interval time between two statistics; milliseconds
 * @param tell returns `false` where nobody listens any more; that ends the reports
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, HOST_UNABLE without a memory controller, CGROUP
 */
export async function events(
  context: RuntimeContext,
  id: string,
  interval: number,
  tell: (event: ContainerEvent) => boolean,
): Promise<void> {
  const { cgroup_paths: paths } = runningRecord(context, id);
  const oom = watchOom(paths);
  try {
    let next = native.now() + interval;
    for (;;) {
      // At least 1 ms, even if statistics take longer than the interval: other waits need a turn, and the end must be seen.
      const left = Math.max(1, Math.ceil(next - native.now()));
      if (await readable(oom.fd, Math.min(left, 0x7fffffff))) {
        const { ooms, gone } = await oom.read();
        // One event stands for all kills since the last one, as in runc.
        if (ooms > 0 && !tell({ type: "oom", id })) return;
        if (gone) return;
      }
      if (native.now() < next) continue;
      if (!tell({ type: "stats", id, data: cgroupStats(paths) })) return;
      // Ticks that were missed are not repeated.
      next = native.now() + interval;
    }
  } finally {
    oom.close();
  }
}
