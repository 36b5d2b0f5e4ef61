// SPDX-License-Identifier: Apache-2.0
/** Filters the devices of a container on cgroup v2, by an eBPF program that is attached to its cgroup. */

import { RuntimeError } from "../../errors.ts";
import { errnoName, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { deviceProgram, deviceRules } from "./device_program.ts";
import type { LinuxDeviceCgroup } from "../../spec/types.ts";

const POINTER = "/linux/resources/devices";
const NAME = "runt_devices";

/**
 * Attaches the filter of `linux.resources.devices` in the place of the one before. At every moment a filter is in force.
 *
 * @param devicePaths `path` of each entry of `linux.devices`
 * @param isFresh the cgroup has been made a moment ago, and has no filter
 * @throws RuntimeError `CGROUP`, `CONFIG_INVALID`
 */
export function limitDevices(
  directory: string,
  rules: readonly LinuxDeviceCgroup[],
  devicePaths: readonly string[],
  isFresh: boolean,
): void {
  const wanted = deviceRules(rules, devicePaths);
  if (isFresh && wanted.defaultAllow && wanted.rules.length === 0) return;
  const fail = (what: string, errno: number): RuntimeError =>
    new RuntimeError("CGROUP", `linux.resources.devices: ${what}: ${errnoText(errno)} (${errnoName(errno)})`, {
      pointer: POINTER,
      path: directory,
      errno,
    });
  const cgroup = native.open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (cgroup < 0) throw fail(`open ${directory}`, -cgroup);
  const program = native.bpfLoadDevice(NAME, deviceProgram(wanted));
  try {
    if (program < 0) throw fail("load the eBPF program that filters devices", -program);
    const present = isFresh ? [] : native.bpfQueryDevice(cgroup);
    if (typeof present === "number") throw fail(`ask for the device filters of ${directory}`, -present);
    // If there are several programs, each has to allow the access. So a single one is replaced. Several can only come from
    // other programs than runt; they are detached when the new one is in force.
    const only = present.length === 1 ? native.bpfProgramFd(present[0] as number) : -1;
    const result = native.bpfAttachDevice(cgroup, program, only);
    if (only >= 0) native.close(only);
    if (result < 0) throw fail(`attach the eBPF program that filters devices to ${directory}`, -result);
    if (only < 0) for (const id of present) detach(cgroup, id);
  } finally {
    native.close(cgroup);
    if (program >= 0) native.close(program);
  }
}

function detach(cgroup: number, id: number): void {
  const fd = native.bpfProgramFd(id);
  // One that is gone by now needs no detaching.
  if (fd < 0) return;
  native.bpfDetachDevice(cgroup, fd);
  native.close(fd);
}
