// SPDX-License-Identifier: Apache-2.0
import { attachCgroup } from "../../cgroups/open.ts";
import { RuntimeError } from "../../errors.ts";
import { check } from "../../sys/files.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { openInit } from "../container/destroy.ts";
import type { RuntimeContext } from "../options.ts";
import { isAlive } from "../container/status.ts";
import { find, recordOf } from "../container/store.ts";
import type { ContainerRecord } from "../record.ts";
import { killMembers, memberPids } from "../container/members.ts";

/**
 * Sends a signal to the container's first process; SIGKILL goes to every process of a container that has no
 * pid namespace of its own, since they would outlive the first.
 *
 * @param options `all`: to every process; a container that has stopped is then no error
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, SYSCALL
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#kill
 */
export async function kill(
  context: RuntimeContext,
  id: string,
  signal: number,
  options: { readonly all: boolean },
): Promise<void> {
  const entry = find(context.root, id);
  try {
    const record = recordOf(entry);
    const pidfd = record === undefined ? undefined : openInit(record);
    if (record === undefined || pidfd === undefined) {
      const orphans = record !== undefined && !record.own_pid_namespace && (options.all || signal === SIGKILL);
      // The processes outlive the first one, and nothing else would end them.
      const some = orphans && (await killAll(context, record, signal));
      if (options.all || some) return;
      throw new RuntimeError("CONTAINER_NOT_RUNNING", "container not running");
    }
    try {
      const every = !record.own_pid_namespace && (options.all || signal === SIGKILL);
      if (every) await killAll(context, record, signal);
      else check(native.pidfdKill(pidfd, signal), `unable to signal init`);
      if (signal === SIGKILL) attachCgroup(record.cgroup_paths).thawKilled();
    } finally {
      native.close(pidfd);
    }
  } finally {
    entry.close();
  }
}

/**
 * Sends a signal to every process of a container without a pid namespace of its own.
 * @returns whether there was such a process
 */
async function killAll(context: RuntimeContext, record: ContainerRecord, signal: number): Promise<boolean> {
  const cgroup = attachCgroup(record.cgroup_paths, context.log);
  const pids = cgroup.processes();
  const { init_process_pid: first, init_process_start: start } = record;
  const isLost = record.namespaces !== undefined || (isAlive(first, start) && !pids.includes(first));
  if (pids.length > 0) cgroup.killAll(signal);
  if (!isLost) return pids.length > 0;
  const some = memberPids(record, context.root).length > 0;
  if (some) await killMembers(record, signal, context.root);
  return some || pids.length > 0;
}
