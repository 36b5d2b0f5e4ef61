// SPDX-License-Identifier: Apache-2.0
import { unitOwner } from "../host/rootless.ts";
import { deviceWrites, parseDevicesList, wantedFilter } from "../../cgroups/v1/devices.ts";
import { deviceRules, ruleText } from "../../cgroups/v2/device_program.ts";
import { containerPaths } from "../../cgroups/place/path.ts";
import { resourceWrites } from "../../cgroups/v1/resources.ts";
import { withoutCgroup } from "../../cgroups/disabled.ts";
import { cgroupLayout } from "../../cgroups/place/layout.ts";
import { planUnit, type PlannedUnit } from "../../cgroups/systemd/driver.ts";
import { INFINITY, type BusValue } from "../../dbus/values.ts";
import { unifiedWrites } from "../../cgroups/v2/resources.ts";
import { buildPlan } from "../../plan/build.ts";
import { treeMounts } from "../../plan/mount_trees.ts";
import { readNamespaces } from "../../plan/namespaces.ts";
import { wholePlan, type CgroupValue, type PlanLine, type PlanUnit } from "../../plan/runtime_steps.ts";
import { wantedFlags } from "../../seccomp/filter.ts";
import { profileRules } from "../../seccomp/rules.ts";
import type { LinuxResources, LinuxSeccomp } from "../../spec/types.ts";
import { cgroupPieces } from "../host/cgroup_mounts.ts";
import { copiedLinks } from "../host/copied_links.ts";
import { loadConfig } from "../bundle.ts";
import { withIdMaps } from "../host/default_id_maps.ts";
import type { RuntimeContext } from "../options.ts";
import { selinuxEnabled } from "../host/security_modules.ts";

/** The path of a bundle, and of the file that replaces its config.json; absolute. */
export interface BundlePaths {
  readonly bundle: string;
  readonly configFile?: string;
}

/**
 * The steps that `create` and `start` would take, in order, without taking any. Needs no privileges, and no root file
 * system: of the bundle only config.json is read.
 *
 * @throws CONFIG_INVALID
 */
export function planBundle(context: RuntimeContext, options: BundlePaths): readonly PlanLine[] {
  const config = withIdMaps(loadConfig(options.bundle, options.configFile).config);
  const id = "CONTAINER_ID";
  const layout = cgroupLayout();
  const unit = context.systemdCgroup ? planUnit(layout, config, id, unitOwner(context)) : undefined;
  const hasCgroup = context.withoutCgroups !== true;
  if (!hasCgroup) withoutCgroup(config, context.log);
  const paths = !hasCgroup ? {} : (unit?.paths ?? containerPaths(layout, config.linux?.cgroupsPath, id, false));
  const seccomp = profile(config.linux?.seccomp);
  const root = config.root?.path ?? "";
  const links = copiedLinks(config, options.bundle);
  const plan = buildPlan(config, {
    id,
    bundle: options.bundle,
    rootfs: root.startsWith("/") ? root : `${options.bundle}/${root}`,
    noPivot: false,
    noNewKeyring: false,
    preserveFds: 0,
    extraEnv: [],
    relaysConsole: false,
    waitForStart: true,
    kcore: true,
    selinux: selinuxEnabled(),
    // No filter is compiled: that would load libseccomp, and nobody reads BPF.
    ...(seccomp === undefined ? {} : { seccomp: { filter: new Uint8Array(0), flags: wantedFlags(seccomp) } }),
    cgroupMounts: cgroupPieces(config, layout, paths),
    links,
    trees: treeMounts(config, readNamespaces(config), links),
  });
  const resources = (hasCgroup ? config.linux?.resources : undefined) ?? {};
  const devicePaths = (config.linux?.devices ?? []).map(({ path }) => path);
  const values = !hasCgroup
    ? []
    : layout.kind === "v2"
      ? unifiedValues(resources, devicePaths)
      : v1Values(resources, devicePaths);
  const lines = wholePlan(config, plan.steps, {
    paths,
    values,
    ...(unit === undefined ? {} : { unit: shownUnit(unit) }),
  });
  if (seccomp === undefined) return lines;
  return lines.map((line) => (line.op === "seccomp" ? { ...line, fields: seccompFields(seccomp) } : line));
}

function shownUnit({ names, properties }: PlannedUnit): PlanUnit {
  const shown = properties.map(({ name, value, origin }) => ({ name, value: valueText(value), origin }));
  return { name: names.unit, slice: names.slice, properties: shown };
}

/** A D-Bus value in readable form: lists as lists, bytes in hexadecimal. */
function valueText(value: BusValue): string {
  if (value instanceof Uint8Array) return Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (typeof value === "object") return `[${value.map(valueText).join(", ")}]`;
  return value === INFINITY ? "infinity" : String(value);
}

function v1Values(resources: LinuxResources, devicePaths: readonly string[]): readonly CgroupValue[] {
  const fresh = parseDevicesList("a *:* rwm");
  const rules = deviceWrites(fresh, wantedFilter(resources.devices ?? [], devicePaths));
  return [...resourceWrites(resources, { read: () => undefined }, false), ...rules];
}

/** On cgroup v2 the device rules are a program; here they are listed in its order, in which the last match decides. */
function unifiedValues(resources: LinuxResources, devicePaths: readonly string[]): readonly CgroupValue[] {
  const writes = unifiedWrites(resources, { read: () => undefined, update: false, ignored: () => undefined });
  const { defaultAllow, rules } = deviceRules(resources.devices ?? [], devicePaths);
  const texts = [`${defaultAllow ? "allow" : "deny"} a *:* rwm`, ...rules.map(ruleText)];
  const filter = texts.map((value) => ({
    controller: "devices",
    file: "eBPF program",
    value,
    pointer: "/linux/resources/devices",
  }));
  return [...writes, ...filter];
}

/** A profile without a default action is empty, and counts as none. */
function profile(seccomp: LinuxSeccomp | undefined): LinuxSeccomp | undefined {
  return (seccomp?.defaultAction as string | undefined) === undefined ? undefined : seccomp;
}

/** The properties of a filter that a person wants to know; `rules` is their number, one for each system call. */
function seccompFields(seccomp: LinuxSeccomp): PlanLine["fields"] {
  const { defaultAction, defaultErrnoRet, architectures = [], listenerPath = "" } = seccomp;
  return {
    defaultAction,
    ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
    architectures,
    rules: profileRules(seccomp).length,
    flags: wantedFlags(seccomp),
    listenerPath,
  };
}
