import type { MeaningCheck, Report } from "./meaning.ts";
import { show } from "./schema_messages.ts";
import type { Config, LinuxNamespace, LinuxNamespaceType } from "./types.ts";

/** Longest name that sethostname(2) and setdomainname(2) take, in bytes. */
const MAX_NAME = 64;

/** The namespace of a kind that `config` makes or joins. */
export function findNamespace(config: Config, type: LinuxNamespaceType): LinuxNamespace | undefined {
  for (const namespace of config.linux?.namespaces ?? []) {
    if (namespace.type === type) return namespace;
  }
  return undefined;
}

/** Whether `config` makes a namespace of this kind, rather than joining one. */
export function makesNamespace(config: Config, type: LinuxNamespaceType): boolean {
  const namespace = findNamespace(config, type);
  return namespace !== undefined && (namespace.path === undefined || namespace.path === "");
}

export const namespaceChecks: readonly MeaningCheck[] = [
  { reads: ["/linux/namespaces"], check: checkNamespaces },
  {
    reads: ["/hostname", "/linux/namespaces"],
    check: (config, report) => checkName(config, "hostname", report),
  },
  {
    reads: ["/domainname", "/linux/namespaces"],
    check: (config, report) => checkName(config, "domainname", report),
  },
  { reads: ["/linux/timeOffsets", "/linux/namespaces"], check: checkTimeOffsets },
  { reads: ["/linux/netDevices", "/linux/namespaces"], check: checkNetDevices },
  {
    reads: ["/linux/maskedPaths", "/linux/namespaces"],
    check: (config, report) => checkPaths(config, "maskedPaths", report),
  },
  {
    reads: ["/linux/readonlyPaths", "/linux/namespaces"],
    check: (config, report) => checkPaths(config, "readonlyPaths", report),
  },
];

function checkNamespaces({ linux }: Config, report: Report): void {
  const seen: string[] = [];
  for (const [index, { type, path }] of (linux?.namespaces ?? []).entries()) {
    const at = `/linux/namespaces/${index}`;
    const first = seen.indexOf(type);
    if (first >= 0) report(`${at}/type`, `${type} is there already, at /linux/namespaces/${first}`);
    seen.push(type);
    if (path !== undefined && path !== "" && !path.startsWith("/")) {
      report(`${at}/path`, `found ${show(path)}, must be an absolute path`);
    }
  }
}

function checkName(config: Config, property: "hostname" | "domainname", report: Report): void {
  const name = config[property];
  if (name === undefined || name === "") return;
  if (findNamespace(config, "uts") === undefined) {
    report(`/${property}`, "needs a uts namespace in /linux/namespaces, else it would be the host's");
  }
  // A UTF-16 unit is at least one byte in UTF-8, so only names near the limit need counting.
  if (name.length * 3 > MAX_NAME && new TextEncoder().encode(name).length > MAX_NAME) {
    report(`/${property}`, `longer than ${MAX_NAME} bytes`);
  }
}

function checkTimeOffsets(config: Config, report: Report): void {
  const offsets = config.linux?.timeOffsets;
  if (offsets === undefined || Object.keys(offsets).length === 0) return;
  const namespace = findNamespace(config, "time");
  if (namespace === undefined) {
    report("/linux/timeOffsets", "needs a time namespace in /linux/namespaces");
  } else if (!makesNamespace(config, "time")) {
    report(
      "/linux/timeOffsets",
      `the time namespace ${show(namespace.path)} is joined; its offsets are fixed`,
    );
  }
  for (const clock in offsets) {
    const nanosecs = offsets[clock]?.nanosecs ?? 0;
    if (nanosecs <= 999_999_999) continue;
    report(`/linux/timeOffsets/${clock}/nanosecs`, `found ${nanosecs}, must be at most 999999999`);
  }
}

/** As the kernel's dev_valid_name has it. */
function isDeviceName(name: string): boolean {
  return name.length > 0 && name.length < 16 && name !== "." && name !== ".." && !/[/:\s]/.test(name);
}

function checkNetDevices(config: Config, report: Report): void {
  const devices = config.linux?.netDevices;
  if (devices === undefined || Object.keys(devices).length === 0) return;
  if (findNamespace(config, "network") === undefined) {
    report("/linux/netDevices", "needs a network namespace in /linux/namespaces");
  }
  for (const [name, device] of Object.entries(devices)) {
    const at = `/linux/netDevices/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (!isDeviceName(name)) report(at, `${show(name)} cannot be the name of a network device`);
    const renamed = device.name ?? "";
    if (renamed === "" || isDeviceName(renamed)) continue;
    report(`${at}/name`, `${show(renamed)} cannot be the name of a network device`);
  }
}

function checkPaths(config: Config, property: "maskedPaths" | "readonlyPaths", report: Report): void {
  const paths = config.linux?.[property];
  if (paths === undefined || paths.length === 0) return;
  if (findNamespace(config, "mount") === undefined) {
    report(
      `/linux/${property}`,
      "needs a mount namespace in /linux/namespaces, else the host's paths would change",
    );
  }
  for (const [index, path] of paths.entries()) {
    if (path.startsWith("/")) continue;
    report(`/linux/${property}/${index}`, `found ${show(path)}, must be an absolute path`);
  }
}
