// SPDX-License-Identifier: Apache-2.0
// Nothing here may import tap: it would make a runner of scripts/hosts.mjs, and end it by SIGALRM after the time of one test.
import { helper } from "./helpers.ts";

/** What kernels before 5.6, 5.12 and 6.6 lack, and surrounding containers with old seccomp filters forbid. */
export const CALLS = "openat2,mount_setattr,fchmodat2";

/** The calls of Linux 5.2 for mounts. */
export const MOUNT_CALLS = "open_tree,move_mount,fsopen,fsconfig,fsmount,fspick";

/**
 * Every call of runt's that came after Linux 4.18; and two that 4.18 has, but which do not tell a mount there (statx from
 * 5.8 on, name_to_handle_at not of file systems without handles, as a procfs is).
 */
export const SINCE_4_18 = `${CALLS},${MOUNT_CALLS},clone3,clone_pidfd,close_range,pidfd_open,pidfd_send_signal,faccessat2,statx,name_to_handle_at`;

/** Words before a program that make it run without `calls`: they answer ENOSYS, or EPERM after the prefix `EPERM:`. */
export function without(calls = CALLS): string[] {
  return [helper("helpers/without.c"), calls];
}
