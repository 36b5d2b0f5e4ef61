// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { resolve } from "node:path";
import { helper } from "./helpers.ts";
import { runtOnly } from "./runtime.ts";

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

/** The scenarios in which the calls matter, on a runtime without them. `how` is the prefix of {@link without}. */
export function scenariosWithout(how: "" | "EPERM:", calls: string, files: readonly string[]): void {
  const skip = runtOnly("what it does without the calls is its own affair");
  for (const name of files) {
    const file = resolve(import.meta.dirname, `../${name}.test.js`);
    void t.test(`${name}, without ${how}${calls}`, { skip, timeout: 180_000 }, async (tt) => {
      const env = { ...process.env, RUNTIME_WRAP: without(`${how}${calls}`).join(" ") };
      await tt.spawn(process.execPath, [file], { env, timeout: 180_000 }, name);
    });
  }
}
