// SPDX-License-Identifier: Apache-2.0
import { isCapability } from "../capabilities.ts";
import { lacksIdMaps } from "./id_mappings.ts";
import { findNamespace, namespaceReads, NAMESPACE_TYPES } from "./namespaces.ts";
import { RELEASED } from "./rules.ts";
import { type Finding, show } from "../schema/messages.ts";
import { semverMajor } from "./semver.ts";
import { collect, type Report, type WithoutWrongValues } from "../schema/without_wrong_values.ts";
import type { Config, LinuxCapabilities } from "../types.ts";

/** Parts of config.json for other platforms. */
export const OTHER_PLATFORMS: readonly string[] = ["solaris", "windows", "vm", "zos", "freebsd"];

/** {@link warningFindings} as sentences, with the JSON Pointer in front. */
export function warnings(config: Config): string[] {
  return warningFindings(config).map(({ pointer, message }) => `${pointer}: ${message}`);
}

/**
 * Warnings about a config.json beside its problems: properties that are ignored, and deprecated ones.
 *
 * @param wrong JSON Pointers that are wrong, and have been taken out; warnings that rest on them are left out
 */
export function warningFindings(config: WithoutWrongValues<Config>, wrong: readonly string[] = []): Finding[] {
  return collect(wrong, (report) => warn(config, report));
}

function warn(config: WithoutWrongValues<Config>, report: Report): void {
  const { ociVersion, annotations } = config;
  if (ociVersion !== undefined && !RELEASED.includes(ociVersion) && semverMajor(ociVersion) === undefined) {
    report("/ociVersion", `${show(ociVersion)} is not a version in the form of SemVer 2.0.0, such as 1.3.0`);
  }
  if (annotations !== undefined && "" in annotations) {
    report("/annotations/", "the name is empty, which the specification does not allow", ["/annotations"]);
  }
  for (const name of OTHER_PLATFORMS) {
    if (name in config) report(`/${name}`, "ignored, it is not for Linux");
  }
  warnOfCapabilities(config.process?.capabilities, report);
  for (const [index, mount] of (config.mounts ?? []).entries()) {
    const destination = mount?.destination;
    if (destination === undefined || destination.startsWith("/")) continue;
    report(`/mounts/${index}/destination`, `${show(destination)} is relative, which is deprecated; it counts from "/"`);
  }
  if ((config.mounts?.length ?? 0) > 0 && findNamespace(config, "mount") === undefined) {
    const appear = "without a mount namespace in /linux/namespaces the mounts appear on the host";
    const message = `${appear}, and stay until the root file system is unmounted (umount --recursive)`;
    report("/mounts", message, [NAMESPACE_TYPES]);
  }
  warnOfLinux(config, report);
}

const SETS = ["bounding", "effective", "inheritable", "permitted", "ambient"] as const;

function warnOfCapabilities(sets: WithoutWrongValues<LinuxCapabilities> | undefined, report: Report): void {
  if (sets === undefined) return;
  for (const set of SETS) {
    for (const [index, name] of (sets[set] ?? []).entries()) {
      if (name === undefined || isCapability(name)) continue;
      report(`/process/capabilities/${set}/${index}`, `${show(name)} is not a known capability; ignored${likely(name)}`);
    }
  }
}

/** The capability that is meant by a name in the form of engines' command lines ("chown", "NET_ADMIN"), if it is one. */
function likely(name: string): string {
  const upper = name.toUpperCase();
  const full = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  return isCapability(full) ? `: did you mean ${show(full)}?` : "";
}

function warnOfLinux(config: WithoutWrongValues<Config>, report: Report): void {
  const { linux } = config;
  const user = findNamespace(config, "user");
  if (linux === undefined) return;
  if (lacksIdMaps(config)) {
    const reads = ["/linux/uidMappings", "/linux/gidMappings", ...namespaceReads(config, "user")];
    const message =
      "missing for the new user namespace, and so is gidMappings: it gets the ids of the caller, and the subordinate ones";
    report("/linux/uidMappings", message, reads);
  }
  for (const name of ["uidMappings", "gidMappings"] as const) {
    if ((linux[name]?.length ?? 0) === 0) continue;
    if (user === undefined) {
      const reads = [`/linux/${name}`, NAMESPACE_TYPES];
      report(
        `/linux/${name}`,
        "ignored without a user namespace in /linux/namespaces: root of the container is the host's",
        reads,
      );
    } else if ((user.path ?? "") !== "") {
      report(`/linux/${name}`, `ignored, the user namespace ${show(user.path)} has its own`);
    }
  }
  for (const name of ["maskedPaths", "readonlyPaths"] as const) {
    linux[name]?.forEach((path, index) => {
      if (path === undefined || path.startsWith("/")) return;
      const effect = path === "" ? "is empty; ignored" : 'is relative; it counts from "/"';
      report(`/linux/${name}/${index}`, `${show(path)} ${effect}`);
    });
  }
  linux.resources?.devices?.forEach((rule, index) => {
    const access = rule?.access;
    if (access === undefined || /^[rwm]*$/.test(access)) return;
    // If no letter is left, the rule is an error; a rule without a type needs no letter.
    if (rule?.type !== undefined && rule.type !== "a" && !/[rwm]/.test(access)) return;
    const at = `/linux/resources/devices/${index}/access`;
    report(at, `${show(access)} has more than the letters r, w and m; the others are ignored`);
  });
  if (linux.resources?.memory?.kernel !== undefined) {
    report("/linux/resources/memory/kernel", "ignored, it is deprecated");
  }
  linux.personality?.flags?.forEach((flag, index) => {
    if (flag === undefined) return;
    report(`/linux/personality/flags/${index}`, `${show(flag)} is not a known flag; ignored`);
  });
}
