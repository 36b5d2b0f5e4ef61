// SPDX-License-Identifier: Apache-2.0
/** The one reader of /proc/PID/stat. */
import { Errno } from "../kernel/errno.ts";
import { AT_FDCWD, SMALL_FILE, syscallError } from "./files.ts";
import { native } from "./native.ts";

/** Of proc(5)'s /proc/PID/stat. */
export interface ProcStat {
  readonly state: string;
  readonly parent: number;
  /** PF_* of the kernel. */
  readonly flags: number;
  /** Clock ticks since boot, as the time namespace of this process counts them; no clock of the wall is in it. */
  readonly startTime: number;
  /** The wait status of a zombie; 0 also for a reader without permission. */
  readonly exitCode: number;
}

/** `undefined` for a process that is gone. @throws SYSCALL if that cannot be found out */
export function readProcStat(pid: number): ProcStat | undefined {
  const path = `/proc/${pid}/stat`;
  const text = native.readFile(AT_FDCWD, path, 4096);
  if (text === -Errno.ENOENT || text === -Errno.ESRCH) return undefined;
  // A failure to find out (EMFILE, ENOMEM) must not pass for the end of the container.
  if (typeof text === "number") throw syscallError(-text, `read ${path}`, { path });
  // The second field is the name in parentheses, and may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    state: fields[0] ?? "X",
    parent: Number(fields[1]),
    flags: Number(fields[6]),
    startTime: Number(fields[19]),
    exitCode: Number(fields[49]),
  };
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
