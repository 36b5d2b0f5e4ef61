/**
 * What state a container is in, computed from the process, the freezer and the start FIFO.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#state
 */
import { attachCgroup } from "../cgroups/driver.ts";
import { AT_FDCWD } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import type { StateReport } from "./options.ts";
import type { ContainerRecord, Entry } from "./store.ts";

/** `undefined` as record: `create` ended before it had written one. */
export function status(entry: Entry, record: ContainerRecord | undefined): StateReport["status"] {
  if (record === undefined || record.init_process_pid === 0) return entry.busy() ? "creating" : "stopped";
  if (!isAlive(record.init_process_pid, record.init_process_start)) return "stopped";
  if (attachCgroup(record.cgroup_paths).freezerState() === "frozen") return "paused";
  return entry.hasFifo() ? "created" : "running";
}

/** Whether that very process runs: not another one with its pid, and not a zombie. */
export function isAlive(pid: number, startTime: number): boolean {
  const stat = readProcStat(pid);
  return stat !== undefined && stat.startTime === startTime && stat.state !== "Z" && stat.state !== "X";
}

/** Start time of a process in clock ticks since boot, 0 if it is gone. */
export function processStartTime(pid: number): number {
  return readProcStat(pid)?.startTime ?? 0;
}

function readProcStat(pid: number): { readonly state: string; readonly startTime: number } | undefined {
  const text = native.readFile(AT_FDCWD, `/proc/${pid}/stat`, 4096);
  if (typeof text === "number") return undefined;
  // The second field is the name in parentheses, and may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "X", startTime: Number(fields[19]) };
}
