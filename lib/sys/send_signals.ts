// SPDX-License-Identifier: Apache-2.0
/** Signals to processes that were found by their number, which may belong to another process when the signal is sent. */
import { Errno } from "../kernel/errno.ts";
import { native } from "./native.ts";

/** How many pidfds are open at a time: a caller may open a thousand files. */
const BATCH = 400;

/**
 * Sends a signal to a process by its pidfd, unless the pid belongs to another process by now.
 *
 * Numbers below 1 get no signal: cgroup v2 shows a process of an outer pid namespace as 0, and to kill(2) that is the caller's
 * own process group.
 *
 * @param isIt whether the process with that number is the right one; called once the pidfd is open
 * @returns whether the signal was sent
 */
export function signalProcess(pid: number, signal: number, isIt: (pid: number) => boolean): boolean {
  if (!(pid > 0)) return false;
  const pidfd = native.pidfdOpen(pid);
  if (pidfd === -Errno.ESRCH) return false;
  try {
    return isIt(pid) && send(pid, pidfd, signal);
  } finally {
    if (pidfd >= 0) native.close(pidfd);
  }
}

/**
 * Sends a signal to every process of a list, by pidfds.
 *
 * @param list is called again once pidfds are open: the pidfds stand for the processes that it names then
 * @param isWanted leaves processes out
 * @returns the numbers of the processes in the list
 */
export function signalListed(
  list: () => readonly number[],
  signal: number,
  isWanted: (pid: number) => boolean = () => true,
): readonly number[] {
  const found = list();
  const pids = found.filter((pid) => pid > 0 && isWanted(pid));
  for (let at = 0; at < pids.length; at += BATCH) {
    const opened = pids.slice(at, at + BATCH).map((pid) => [pid, native.pidfdOpen(pid)] as const);
    try {
      const still = new Set(list());
      for (const [pid, pidfd] of opened) if (still.has(pid)) send(pid, pidfd, signal);
    } finally {
      for (const [, pidfd] of opened) if (pidfd >= 0) native.close(pidfd);
    }
  }
  return found;
}

/** Sends by number if the kernel, or a sandbox around the runtime, has no pidfds, or no descriptor is left. */
function send(pid: number, pidfd: number, signal: number): boolean {
  if (pidfd === -Errno.ESRCH) return false;
  const sent = pidfd < 0 ? pidfd : native.pidfdKill(pidfd, signal);
  if (sent === 0) return true;
  return sent !== -Errno.ESRCH && native.kill(pid, signal) === 0;
}
