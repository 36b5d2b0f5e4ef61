// SPDX-License-Identifier: Apache-2.0
import { pointerStep } from "../json/pointer.ts";
import type { MeaningCheck } from "./rule.ts";
import { show } from "../schema/messages.ts";
import type { Report, WithoutWrongValues } from "../schema/without_wrong_values.ts";
import type { Config, LinuxNamespace, LinuxNamespaceType } from "../types.ts";

/** Longest name that sethostname(2) and setdomainname(2) take, in bytes. */
const MAX_NAME = 64;

/** A finding about a missing namespace depends on these properties. */
export const NAMESPACE_TYPES = "/linux/namespaces/*/type";

/** The namespace of a kind that `config` makes or joins. */
export function findNamespace(
  config: WithoutWrongValues<Config>,
  type: LinuxNamespaceType,
): WithoutWrongValues<LinuxNamespace> | undefined {
  for (const namespace of config.linux?.namespaces ?? []) {
    if (namespace?.type === type) return namespace;
  }
  return undefined;
}

/** The properties that a finding reads if it depends on whether a namespace is made or joined. */
export function namespaceReads(config: WithoutWrongValues<Config>, type: LinuxNamespaceType): readonly string[] {
  const namespaces = config.linux?.namespaces ?? [];
  const index = namespaces.findIndex((namespace) => namespace?.type === type);
  return index < 0 ? [NAMESPACE_TYPES] : [`/linux/namespaces/${index}/path`];
}

/** Whether `config` makes a namespace of this kind, rather than joining one. */
export function makesNamespace(config: WithoutWrongValues<Config>, type: LinuxNamespaceType): boolean {
  const namespace = findNamespace(config, type);
  return namespace !== undefined && (namespace.path === undefined || namespace.path === "");
}

export const namespaceChecks: readonly MeaningCheck[] = [
  checkNamespaces,
  (config, report) => checkName(config, "hostname", report),
  (config, report) => checkName(config, "domainname", report),
  checkTimeOffsets,
  checkNetDevices,
  (config, report) => checkPaths(config, "maskedPaths", report),
  (config, report) => checkPaths(config, "readonlyPaths", report),
];

function checkNamespaces({ linux }: WithoutWrongValues<Config>, report: Report): void {
  const seen: (string | undefined)[] = [];
  for (const [index, namespace] of (linux?.namespaces ?? []).entries()) {
    const type = namespace?.type;
    const path = namespace?.path;
    const at = `/linux/namespaces/${index}`;
    const first = type === undefined ? -1 : seen.indexOf(type);
    if (first >= 0) report(`${at}/type`, `${type} is there already, at /linux/namespaces/${first}`);
    seen.push(type);
    if (path !== undefined && path !== "" && !path.startsWith("/")) {
      report(`${at}/path`, `found ${show(path)}, must be an absolute path`);
    }
  }
}

function checkName(config: WithoutWrongValues<Config>, property: "hostname" | "domainname", report: Report): void {
  const name = config[property];
  if (name === undefined || name === "") return;
  if (findNamespace(config, "uts") === undefined) {
    const at = `/${property}`;
    const message = "needs a uts namespace in /linux/namespaces, else it would be the host's";
    report(at, message, [at, NAMESPACE_TYPES]);
  }
  // A UTF-16 unit is at least one byte in UTF-8, so only names near the limit need counting.
  if (name.length * 3 > MAX_NAME && new TextEncoder().encode(name).length > MAX_NAME) {
    report(`/${property}`, `longer than ${MAX_NAME} bytes`);
  }
}

function checkTimeOffsets(config: WithoutWrongValues<Config>, report: Report): void {
  const offsets = config.linux?.timeOffsets;
  if (offsets === undefined || Object.keys(offsets).length === 0) return;
  const at = "/linux/timeOffsets";
  const namespace = findNamespace(config, "time");
  if (namespace === undefined) {
    report(at, "needs a time namespace in /linux/namespaces", [at, NAMESPACE_TYPES]);
  } else if (!makesNamespace(config, "time")) {
    report(at, `the time namespace ${show(namespace.path)} is joined; its offsets are fixed`);
  }
  for (const clock in offsets) {
    const nanosecs = offsets[clock]?.nanosecs ?? 0;
    if (nanosecs <= 999_999_999) continue;
    report(`/linux/timeOffsets/${clock}/nanosecs`, `found ${nanosecs}, must be at most 999999999`);
  }
}

/** The rule of the kernel's dev_valid_name; it reads a % as the beginning of `%d`, and accepts one of these. */
function isDeviceName(name: string): boolean {
  if (name.replace("%d", "").includes("%")) return false;
  return name.length > 0 && name.length < 16 && name !== "." && name !== ".." && !/[/:\s]/.test(name);
}

function checkNetDevices(config: WithoutWrongValues<Config>, report: Report): void {
  const devices = config.linux?.netDevices;
  if (devices === undefined || Object.keys(devices).length === 0) return;
  if (findNamespace(config, "network") === undefined) {
    const at = "/linux/netDevices";
    report(at, "needs a network namespace in /linux/namespaces", [at, NAMESPACE_TYPES]);
  }
  const names = new Map<string, string>();
  for (const [name, device] of Object.entries(devices)) {
    const inside = (device?.name ?? "") === "" ? name : (device?.name ?? "");
    const other = names.get(inside);
    if (other !== undefined && !inside.includes("%d")) {
      const pointer = `/linux/netDevices${pointerStep(name)}`;
      const message = `the name ${show(inside)} in the container is taken by /linux/netDevices${pointerStep(other)}`;
      report(pointer, message, ["/linux/netDevices/*/name"]);
    }
    names.set(inside, name);
    const at = `/linux/netDevices${pointerStep(name)}`;
    if (!isDeviceName(name)) {
      report(at, `${show(name)} cannot be the name of a network device`, ["/linux/netDevices"]);
    }
    const renamed = device?.name ?? "";
    if (renamed === "" || isDeviceName(renamed)) continue;
    report(`${at}/name`, `${show(renamed)} cannot be the name of a network device`);
  }
}

function checkPaths(config: WithoutWrongValues<Config>, property: "maskedPaths" | "readonlyPaths", report: Report): void {
  const paths = config.linux?.[property];
  if (paths === undefined || paths.length === 0) return;
  if (findNamespace(config, "mount") === undefined) {
    const at = `/linux/${property}`;
    const message = "needs a mount namespace in /linux/namespaces, else the host's paths would change";
    report(at, message, [at, NAMESPACE_TYPES]);
  }
}
