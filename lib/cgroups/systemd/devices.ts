// SPDX-License-Identifier: Apache-2.0
/** `linux.resources.devices` as properties of a systemd unit. Pure. */
import { RuntimeError } from "../../errors.ts";
import type { LinuxDeviceCgroup } from "../../spec/types.ts";
import { MKNOD, READ, wantedFilter, WRITE, type DeviceException, type DeviceFilter } from "../v1/devices.ts";
import { text, type Property } from "../../dbus/values.ts";

/** From this version on systemd takes `char-MAJOR`, and paths of devices that are not there. */
const SINCE_NUMBERS = 240;

/**
 * systemd knows only lists of allowed devices. If the rules are no such list, systemd is told to allow everything: the filter of
 * the cgroup driver enforces them, before the container's first process goes on.
 *
 * @param devicePaths `path` of each entry of `linux.devices`
 * @param debug gets a message about each rule that systemd does not get
 * @throws RuntimeError CONFIG_INVALID
 */
export function deviceProperties(
  rules: readonly LinuxDeviceCgroup[],
  devicePaths: readonly string[],
  version: number,
  debug: (message: string) => void,
): Property[] {
  const filter = expressible(rules, devicePaths);
  if (filter === undefined || filter.defaultAllow) {
    if (filter === undefined || filter.exceptions.size > 0)
      debug("linux.resources.devices: systemd is told to allow all: it has no such rules");
    return [allow([]), text("DevicePolicy", "auto")];
  }
  const entries: [string, string][] = [];
  for (const exception of filter.exceptions.values()) {
    const path = pathOf(exception, version);
    if (path === undefined)
      debug(`linux.resources.devices: systemd is not told of ${exception.type} ${exception.major}:${exception.minor}`);
    else entries.push([path, accessOf(exception.access)]);
  }
  // An empty list removes the unit's rules; the next one adds.
  return [allow([]), text("DevicePolicy", "strict"), allow(entries)];
}

/** The rules as a default with exceptions; `undefined` if they cannot be expressed like that. */
function expressible(rules: readonly LinuxDeviceCgroup[], devicePaths: readonly string[]): DeviceFilter | undefined {
  try {
    return wantedFilter(rules, devicePaths);
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "HOST_UNABLE") return undefined;
    throw error;
  }
}

function allow(entries: readonly (readonly [string, string])[]): Property {
  return { name: "DeviceAllow", signature: "a(ss)", value: entries };
}

/** systemd's name for a device; `undefined` if it has none. */
function pathOf({ type, major, minor }: DeviceException, version: number): string | undefined {
  const kind = type === "b" ? "block" : "char";
  if (major === "*") return minor === "*" ? `${kind}-*` : undefined;
  if (minor !== "*") return `/dev/${kind}/${major}:${minor}`;
  return version < SINCE_NUMBERS ? undefined : `${kind}-${major}`;
}

function accessOf(access: number): string {
  return `${access & READ ? "r" : ""}${access & WRITE ? "w" : ""}${access & MKNOD ? "m" : ""}`;
}
