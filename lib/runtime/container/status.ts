// SPDX-License-Identifier: Apache-2.0
/**
 * The status of a container, computed from the process, the freezer and the start FIFO.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#state
 */
import { PF_FORKNOEXEC } from "../../kernel/numbers.ts";
import { freezerStateAt } from "../../cgroups/open.ts";
import { hasStartedAt, type ProcStat, readProcStat, recordedStart } from "../../sys/proc_stat.ts";
import type { StateReport } from "../options.ts";
import type { Glance } from "./store.ts";
import type { ContainerRecord } from "../record.ts";

/**
 * The status of a container.
 * @param record `undefined`: `create` has not written one yet, or was killed before it did
 * @param locked this process holds the container's lock, so nobody is creating it
 */
export function status(entry: Glance, record: ContainerRecord | undefined, locked = false): StateReport["status"] {
  if (record === undefined || record.init_process_pid === 0) {
    return !locked && entry.busy() ? "creating" : "stopped";
  }
  const stat = readProcStat(record.init_process_pid);
  if (stat === undefined || !isThat(stat, record.init_process_start)) return "stopped";
  if (freezerStateAt(record.cgroup_paths) === "frozen") return "paused";
  // A startContainer hook runs after the FIFO; until it ends the container is not running.
  return hasExecuted(stat) || record.restored !== undefined ? "running" : "created";
}

/** The container's first process is a clone of init: the kernel keeps the flag of a clone until its execve. */
function hasExecuted({ flags }: ProcStat): boolean {
  return (flags & PF_FORKNOEXEC) === 0;
}

/** Whether a process made as init runs, or ended as, another program; `undefined` where it is gone, and this is unknown. */
export function executed(pid: number): boolean | undefined {
  const stat = readProcStat(pid);
  return stat === undefined ? undefined : hasExecuted(stat);
}

/** Whether this very process runs: not another one with its pid, and not a zombie. */
export function isAlive(pid: number, startTime: number): boolean {
  const stat = readProcStat(pid);
  return stat !== undefined && isThat(stat, startTime);
}

function isThat(stat: ProcStat, startTime: number): boolean {
  return !isDead(stat) && hasStartedAt(stat, startTime);
}

function isDead({ state }: ProcStat): boolean {
  return state === "Z" || state === "X";
}

/** Start time of a process for its record, 0 if it is gone. */
export function processStartTime(pid: number): number {
  const stat = readProcStat(pid);
  return stat === undefined ? 0 : recordedStart(stat);
}

/** A process in /proc, its start time as this process sees it; `undefined` if gone. With `isDead`, other threads may live on. */
export function processStat(
  pid: number,
): { readonly parent: number; readonly startTime: number; readonly isDead: boolean } | undefined {
  const stat = readProcStat(pid);
  return stat === undefined ? undefined : { parent: stat.parent, startTime: stat.startTime, isDead: isDead(stat) };
}
