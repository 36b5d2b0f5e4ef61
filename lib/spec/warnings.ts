import { isCapability } from "./capabilities.ts";
import type { Report } from "./meaning.ts";
import { findNamespace } from "./meaning_namespaces.ts";
import { type Finding, show } from "./schema_messages.ts";
import type { Config, LinuxCapabilities } from "./types.ts";

/** Parts of config.json for other platforms. */
const OTHER_PLATFORMS = ["solaris", "windows", "vm", "zos", "freebsd"];

/** {@link warningFindings} as sentences, with the JSON Pointer in front. */
export function warnings(config: Config): string[] {
  return warningFindings(config).map(({ pointer, message }) => `${pointer}: ${message}`);
}

/** What a person should know of an accepted config.json: what is ignored, and what is deprecated. */
export function warningFindings(config: Config): Finding[] {
  const found: Finding[] = [];
  const report: Report = (pointer, message) => void found.push({ pointer, message });
  for (const name of OTHER_PLATFORMS) {
    if (name in config) report(`/${name}`, "ignored, it is not for Linux");
  }
  warnOfCapabilities(config.process?.capabilities, report);
  for (const [index, { destination }] of (config.mounts ?? []).entries()) {
    if (destination.startsWith("/")) continue;
    report(
      `/mounts/${index}/destination`,
      `${show(destination)} is relative, which is deprecated; it counts from "/"`,
    );
  }
  if ((config.mounts?.length ?? 0) > 0 && findNamespace(config, "mount") === undefined) {
    report(
      "/mounts",
      "without a mount namespace in /linux/namespaces the mounts appear on the host, and stay",
    );
  }
  warnOfLinux(config, report);
  return found;
}

const SETS = ["bounding", "effective", "inheritable", "permitted", "ambient"] as const;

function warnOfCapabilities(sets: LinuxCapabilities | undefined, report: Report): void {
  if (sets === undefined) return;
  for (const set of SETS) {
    for (const [index, name] of (sets[set] ?? []).entries()) {
      if (isCapability(name)) continue;
      report(
        `/process/capabilities/${set}/${index}`,
        `${show(name)} is no capability that is known; ignored`,
      );
    }
  }
}

function warnOfLinux(config: Config, report: Report): void {
  const { linux } = config;
  const user = findNamespace(config, "user");
  if (linux === undefined) return;
  for (const name of ["uidMappings", "gidMappings"] as const) {
    if ((user?.path ?? "") === "" || (linux[name]?.length ?? 0) === 0) continue;
    report(`/linux/${name}`, `ignored, the user namespace ${show(user?.path)} has its own`);
  }
  if (linux.resources?.memory?.kernel !== undefined) {
    report("/linux/resources/memory/kernel", "ignored, it is deprecated");
  }
  linux.personality?.flags?.forEach((flag, index) => {
    report(`/linux/personality/flags/${index}`, `${show(flag)} is no flag that is known; ignored`);
  });
}
