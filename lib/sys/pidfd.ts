// SPDX-License-Identifier: Apache-2.0
/** Pidfds that are known to belong to one particular process. */
import { Errno } from "../kernel/errno.ts";
import { check } from "./files.ts";
import { native } from "./native.ts";

/**
 * A pidfd of a process that the caller knows by more than its pid.
 * @param isThat whether the process with the pid is the right one; called once the pidfd is open, so that both are one process
 * @returns `undefined` if that process is gone
 * @throws SYSCALL if that cannot be found out
 */
export function openPidfd(pid: number, isThat: () => boolean): number | undefined {
  if (pid === 0) return undefined;
  const pidfd = native.pidfdOpen(pid);
  if (pidfd === -Errno.ESRCH || pidfd === -Errno.EINVAL) return undefined;
  check(pidfd, `pidfd_open ${pid}`);
  let isFound = false;
  try {
    isFound = isThat();
  } finally {
    if (!isFound) native.close(pidfd);
  }
  return isFound ? pidfd : undefined;
}
