// SPDX-License-Identifier: Apache-2.0
/** Device rules of a container that is there: the change alone, and never a moment without a filter. */
import { inUserNamespace } from "../sys/user_namespace.ts";
import { AT_FDCWD, SMALL_FILE, syscallError } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import type { Log } from "../log.ts";
import type { LinuxDeviceCgroup } from "../spec/types.ts";
import { attachCgroup } from "./open.ts";
import type { SystemdUnit } from "./cgroup.ts";
import { performWrites, type Write } from "./files/write.ts";
import { isUnified } from "./place/path.ts";
import { setUnitDevices } from "./systemd/driver.ts";
import { deviceWrites, filterChanges, parseDevicesList, wantedFilter } from "./v1/devices.ts";
import { limitDevices } from "./v2/devices.ts";

/** The change of a container's device rules, and its place. */
export interface DeviceChange {
  /** Directory by controller, as in the state. */
  readonly paths: Readonly<Record<string, string>>;
  readonly unit?: SystemdUnit | undefined;
  /** The container's rules so far, and from now on. */
  readonly before: readonly LinuxDeviceCgroup[];
  readonly after: readonly LinuxDeviceCgroup[];
  /** `path` of each entry of `linux.devices`. */
  readonly devicePaths: readonly string[];
  readonly log: Log;
}

/**
 * Puts other rules in force. With the systemd driver they are properties of the unit as well, so that systemd keeps them
 * when it is reloaded, or when other properties are set.
 *
 * @throws RuntimeError `CGROUP`, `HOST_UNABLE`
 */
export function changeDevices(change: DeviceChange): void {
  const { paths, unit, after, devicePaths, log } = change;
  try {
    if (isUnified(paths)) limitDevices(paths[""] ?? "", after, devicePaths, false);
    else changeV1(change);
  } catch (error) {
    // As at the container's creation: the rules of the cgroups above apply there.
    if (process.geteuid?.() === 0 && !inUserNamespace()) throw error;
    log.debug(`device rules are not changed: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (unit === undefined) return;
  setUnitDevices(unit, attachCgroup(paths, log), after, devicePaths, log, () => {
    // systemd has written its own idea of them over the v1 ones.
    if (!isUnified(paths)) restoreV1(change);
  });
}

function changeV1({ paths, before, after, devicePaths }: DeviceChange): void {
  if (paths["devices"] === undefined) return;
  performWrites(paths, filterChanges(wantedFilter(before, devicePaths), wantedFilter(after, devicePaths)));
}

function restoreV1({ paths, after, devicePaths }: DeviceChange): void {
  const directory = paths["devices"];
  if (directory === undefined) return;
  const path = `${directory}/devices.list`;
  const text = native.readFile(AT_FDCWD, path, SMALL_FILE);
  if (typeof text === "number") throw syscallError(-text, `read ${path}`, { path });
  const writes: readonly Write[] = deviceWrites(parseDevicesList(text), wantedFilter(after, devicePaths));
  performWrites(paths, writes);
}
