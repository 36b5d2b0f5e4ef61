// SPDX-License-Identifier: Apache-2.0
/** The one reader of /proc/PID/stat. */
import { Errno } from "../kernel/errno.ts";
import { AT_FDCWD, SMALL_FILE, syscallError } from "./files.ts";
import { native, type ProcStat } from "./native.ts";

export type { ProcStat } from "./native.ts";

/** `undefined` for a process that is gone. @throws SYSCALL if that cannot be found out */
export function readProcStat(pid: number): ProcStat | undefined {
  const path = `/proc/${pid}/stat`;
  const stat = native.procStat(pid);
  if (stat === -Errno.ENOENT || stat === -Errno.ESRCH) return undefined;
  // A failure to find out (EMFILE, ENOMEM) must not pass for the end of the container.
  if (typeof stat === "number") throw syscallError(-stat, `read ${path}`, { path });
  return stat;
}

/** /proc/self/ns/time of the time namespace that has no offsets (PROC_TIME_INIT_INO of the kernel). */
const FIRST_TIME_NAMESPACE = "time:[4026531834]";
const TICKS_PER_SECOND = 100;
const NANOSECONDS_PER_TICK = 1e9 / TICKS_PER_SECOND;

/** How far the time namespace of this process shifts start times; clock ticks, not always a whole number. */
function shift(): number {
  const name = native.readlink(AT_FDCWD, "/proc/self/ns/time");
  if (typeof name === "number" || name === FIRST_TIME_NAMESPACE) return 0;
  const text = native.readFile(AT_FDCWD, "/proc/self/timens_offsets", SMALL_FILE);
  const offset = /^boottime\s+(-?\d+)\s+(\d+)/m.exec(typeof text === "number" ? "" : text);
  return offset === null ? 0 : Number(offset[1]) * TICKS_PER_SECOND + Number(offset[2]) / NANOSECONDS_PER_TICK;
}

/** A start time in the form of the record: in the first time namespace, for readers in every one. */
export function recordedStart({ startTime }: ProcStat): number {
  return startTime - shift();
}

/** Whether a process has started at a {@link recordedStart}. */
export function hasStartedAt(stat: ProcStat, recorded: number): boolean {
  // Without an offset no other file has to be read. An offset may lose part of a tick: each value is the beginning of a tick
  // in which the process started.
  return stat.startTime === recorded || Math.abs(recordedStart(stat) - recorded) < 1;
}
