// SPDX-License-Identifier: Apache-2.0
/** Starting init in a container's cgroup. */
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { RuntimeError } from "../../errors.ts";
import { InitProcess, type InitOptions } from "../../init/process.ts";
import { withDescriptor } from "../../sys/descriptors.ts";

/**
 * Lets an init that was started early make the container's first process, in the container's cgroup v2 if it has one
 * and the kernel can do that.
 * @throws SYSCALL, USAGE, CGROUP
 */
export function beginIn(cgroup: Cgroup, init: InitProcess): void {
  withDescriptor(cgroup.cloneIntoFd() ?? -1, (fd) => {
    init.begin(fd < 0 ? undefined : fd, (errno) => void cgroup.cloneIntoRefused(errno));
  });
}

/**
 * Starts init in the container's cgroup if the kernel can do that; otherwise init joins later, when it asks.
 * @param below as for `Cgroup.cloneIntoFd`
 * @throws SYSCALL, USAGE, CGROUP, CGROUP_NOT_EMPTY, CGROUP_FROZEN
 */
export function startIn(
  cgroup: Cgroup,
  options: Omit<InitOptions, "cgroupFd">,
  below: Readonly<Record<string, string>> = {},
): InitProcess {
  const cgroupFd = cgroup.cloneIntoFd(below);
  if (cgroupFd === undefined) return InitProcess.start(options);
  return withDescriptor(cgroupFd, () => {
    try {
      return InitProcess.start({ ...options, cgroupFd });
    } catch (error) {
      const errno = error instanceof RuntimeError ? error.facts.errno : undefined;
      if (errno === undefined || !cgroup.cloneIntoRefused(errno)) throw error;
      return InitProcess.start(options);
    }
  });
}
