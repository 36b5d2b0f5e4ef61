// SPDX-License-Identifier: Apache-2.0
/**
 * The security modules of this host that config.json refers to. Without such a reference nothing is looked up.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#linux-process
 */
import { RuntimeError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Config, Process } from "../../spec/types.ts";
import { exists, readTextIfExists } from "../../sys/files.ts";

/** Whether SELinux is in force: its file system is mounted at its one place. */
export function selinuxEnabled(): boolean {
  return exists("/sys/fs/selinux/enforce");
}

/** Whether this kernel has AppArmor, and it is switched on. */
export function apparmorEnabled(): boolean {
  return readTextIfExists("/sys/module/apparmor/parameters/enabled")?.startsWith("Y") === true;
}

/**
 * Checks that this host has the security modules that a process needs. SELinux labels are ignored where SELinux is
 * off, with a line for `--debug`, as with crun; an AppArmor profile is refused, as with runc.
 *
 * @returns whether SELinux is in force and there is a label to set
 * @throws HOST_UNABLE for an AppArmor profile without AppArmor
 */
export function securityModules(config: Config, process: Process | undefined, log: Log): boolean {
  if ((process?.apparmorProfile ?? "") !== "" && !apparmorEnabled()) {
    const text =
      "process.apparmorProfile: apparmor: config provided but apparmor not supported: this kernel has no AppArmor, or it is off";
    throw new RuntimeError("HOST_UNABLE", text, { pointer: "/process/apparmorProfile" });
  }
  const labels = [
    ["process.selinuxLabel", process?.selinuxLabel],
    ["linux.mountLabel", config.linux?.mountLabel],
  ] as const;
  let enabled: boolean | undefined;
  for (const [name, label] of labels) {
    if (label === undefined || label === "") continue;
    enabled ??= selinuxEnabled();
    if (!enabled) log.debug(`${name}: ignored, SELinux is not in force on this host`);
  }
  return enabled === true;
}
