/** The one reader of /proc/PID/stat. */
import { Errno } from "../kernel/errno.ts";
import { AT_FDCWD, syscallError } from "./files.ts";
import { native } from "./native.ts";

/** Of proc(5)'s /proc/PID/stat. */
export interface ProcStat {
  readonly state: string;
  readonly parent: number;
  /** PF_* of the kernel. */
  readonly flags: number;
  /** Clock ticks since boot; no clock of the wall is in it. */
  readonly startTime: number;
  /** The wait status of a zombie; 0 is also what a reader gets who may not look. */
  readonly exitCode: number;
}

/** `undefined` for a process that is gone. @throws SYSCALL if that cannot be told */
export function readProcStat(pid: number): ProcStat | undefined {
  const path = `/proc/${pid}/stat`;
  const text = native.readFile(AT_FDCWD, path, 4096);
  if (text === -Errno.ENOENT || text === -Errno.ESRCH) return undefined;
  // That it cannot be told (EMFILE, ENOMEM) must not pass for the end of the container.
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
