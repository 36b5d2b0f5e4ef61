// SPDX-License-Identifier: Apache-2.0
/** `net.*` of `linux.sysctl` in a network namespace that the container joins. */
import { RuntimeError } from "../../errors.ts";
import { pointerStep } from "../../spec/json/pointer.ts";
import { findNamespace } from "../../spec/rules/namespaces.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { WithoutWrongValues } from "../../spec/schema/without_wrong_values.ts";
import { dottedSysctl } from "../../spec/rules/sysctl.ts";
import type { Config } from "../../spec/types.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/** Kernel parameters that would be set for the host: the namespace at `path` is the runtime's own. */
export interface HostSysctls {
  readonly path: string;
  readonly names: readonly string[];
}

/** Parameters of `linux.sysctl` that would be set for the host: the joined network namespace is the runtime's own. */
export function hostSysctls(config: WithoutWrongValues<Config>): HostSysctls | undefined {
  const path = findNamespace(config, "network")?.path ?? "";
  const names = Object.keys(config.linux?.sysctl ?? {}).filter((name) => dottedSysctl(name).startsWith("net."));
  if (path === "" || names.length === 0) return undefined;
  const own = native.stat(AT_FDCWD, "/proc/self/ns/net", true);
  const joined = native.stat(AT_FDCWD, path, true);
  if (typeof own === "number" || typeof joined === "number") return undefined;
  return own.ino === joined.ino && own.dev === joined.dev ? { path, names } : undefined;
}

/**
 * Throws the same finding as an error.
 * @throws CONFIG_INVALID with the first such parameter
 */
export function checkSysctls(config: Config): void {
  const { path = "", names: [name] = [] } = hostSysctls(config) ?? {};
  if (name === undefined) return;
  const pointer = `/linux/sysctl${pointerStep(name)}`;
  const text = `${propertyName(pointer)}: sysctl "${name}" not allowed in host network namespace, which ${path} is`;
  throw new RuntimeError("CONFIG_INVALID", text, { pointer });
}
