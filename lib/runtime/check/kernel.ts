// SPDX-License-Identifier: Apache-2.0
import { X_OK } from "../../kernel/numbers.ts";
import { cgroupLayout, findHierarchy } from "../../cgroups/place/layout.ts";
import { pointerNames, pointerStep } from "../../spec/json/pointer.ts";
import type { Report, WithoutWrongValues } from "../../spec/schema/without_wrong_values.ts";
import { sysctlPath } from "../../spec/rules/sysctl.ts";
import type { Config, Hooks, LinuxResources } from "../../spec/types.ts";
import { errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, exists, readTextIfExists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { findResctrl, rdtProblem } from "../host/intel_rdt.ts";
import { apparmorEnabled, selinuxEnabled } from "../host/security_modules.ts";

/** Cgroup controllers, security modules, limits, parameters and hook programs that this host lacks. */
export function kernelFindings(config: WithoutWrongValues<Config>, report: Report): void {
  checkControllers(config.linux?.resources, report);
  checkSecurityModules(config, report);
  checkNetDevices(config, report);
  checkRdt(config, report);
  checkRlimits(config, report);
  checkSysctls(config, report);
  if (config.hooks !== undefined) checkHooks(config.hooks, report);
}

/** Properties of `linux.resources` that need a controller of cgroup v1, and one of v2; "" is none. */
const CONTROLLERS: readonly (readonly [properties: readonly string[], v1: string, v2: string])[] = [
  [["/memory/limit", "/memory/reservation", "/memory/swap"], "memory", "memory"],
  [["/cpu/shares", "/cpu/quota", "/cpu/period", "/cpu/burst", "/cpu/idle"], "cpu", "cpu"],
  [["/cpu/cpus", "/cpu/mems"], "cpuset", "cpuset"],
  [["/pids/limit"], "pids", "pids"],
  [["/blockIO/weight", "/blockIO/throttleReadBpsDevice", "/blockIO/throttleWriteBpsDevice"], "blkio", "io"],
  [["/blockIO/throttleReadIOPSDevice", "/blockIO/throttleWriteIOPSDevice"], "blkio", "io"],
  [["/hugepageLimits"], "hugetlb", "hugetlb"],
  [["/rdma"], "rdma", "rdma"],
  [["/network/classID"], "net_cls", ""],
  [["/network/priorities"], "net_prio", ""],
];
/** Properties for which 0 is a limit, and not the absence of one. */
const ZERO_IS_SET: readonly string[] = ["/pids/limit", "/cpu/burst", "/cpu/idle"];

/** Controllers that limits need, each with one property that needs it. */
export function neededControllers(
  resources: WithoutWrongValues<LinuxResources>,
  isUnified: boolean,
): ReadonlyMap<string, string> {
  const needed = new Map<string, string>();
  for (const [properties, v1, v2] of CONTROLLERS) {
    const controller = isUnified ? v2 : v1;
    const asking = controller === "" ? undefined : properties.find((property) => isAsked(resources, property));
    if (asking !== undefined && !needed.has(controller)) needed.set(controller, asking);
  }
  for (const key of isUnified ? Object.keys(resources.unified ?? {}) : []) {
    const controller = key.slice(0, Math.max(0, key.indexOf(".")));
    // Files of the core need no controller; a key of another form is reported elsewhere.
    if (controller !== "" && controller !== "cgroup") needed.set(controller, `/unified${pointerStep(key)}`);
  }
  return needed;
}

function isAsked(resources: WithoutWrongValues<LinuxResources>, property: string): boolean {
  let value: unknown = resources;
  for (const name of pointerNames(property)) value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== "" && (value !== 0 || ZERO_IS_SET.includes(property));
}

function checkControllers(resources: WithoutWrongValues<LinuxResources> | undefined, report: Report): void {
  if (resources === undefined) return;
  const layout = cgroupLayout();
  const unified =
    layout.kind === "v2" && layout.unified !== undefined
      ? (readTextIfExists(`${layout.unified.mountpoint}/cgroup.controllers`) ?? "").trim().split(" ")
      : undefined;
  for (const [controller, property] of neededControllers(resources, unified !== undefined)) {
    const there = unified?.includes(controller) ?? findHierarchy(layout, controller) !== undefined;
    if (!there)
      report(
        `/linux/resources${property}`,
        `the cgroup controller ${controller} is ${unified === undefined ? "not mounted" : "not in cgroup v2 of this host"}`,
      );
  }
}

function checkSecurityModules({ process, linux }: WithoutWrongValues<Config>, report: Report): void {
  if ((process?.apparmorProfile ?? "") !== "" && !apparmorEnabled()) {
    report("/process/apparmorProfile", "the security module apparmor is not active in this kernel");
  }
  if (linux?.memoryPolicy !== undefined && !exists("/proc/self/numa_maps")) {
    report("/linux/memoryPolicy", "this kernel has no NUMA memory policies");
  }
}

function checkNetDevices({ linux }: WithoutWrongValues<Config>, report: Report): void {
  for (const name in linux?.netDevices) {
    // A wrong name must not become a path.
    if (name === "" || name.includes("/") || exists(`/sys/class/net/${name}`)) continue;
    report(`/linux/netDevices${pointerStep(name)}`, `there is no network device ${name} on this host`);
  }
}

function checkRdt({ linux }: WithoutWrongValues<Config>, report: Report): void {
  const { l3CacheSchema, memBwSchema } = linux?.intelRdt ?? {};
  if (linux?.intelRdt === undefined) return;
  const asked = {
    ...(l3CacheSchema === undefined ? {} : { l3CacheSchema }),
    ...(memBwSchema === undefined ? {} : { memBwSchema }),
  };
  const problem = rdtProblem(asked, findResctrl());
  if (problem !== undefined) report(...problem);
}

/** Settings that this host ignores, because it has no use for them. */
export function ignoredFindings({ process, linux }: WithoutWrongValues<Config>, report: Report): void {
  const labels = [
    ["/process/selinuxLabel", process?.selinuxLabel],
    ["/linux/mountLabel", linux?.mountLabel],
  ] as const;
  for (const [pointer, label] of labels) {
    if (label === undefined || label === "" || selinuxEnabled()) continue;
    report(pointer, "ignored, SELinux is not in force on this host");
  }
}

/** Not even root may set a limit of open files above fs.nr_open. */
function checkRlimits({ process }: WithoutWrongValues<Config>, report: Report): void {
  process?.rlimits?.forEach((limit, index) => {
    const hard = limit?.hard;
    if (limit?.type !== "RLIMIT_NOFILE" || hard === undefined) return;
    const most = Number(readTextIfExists("/proc/sys/fs/nr_open")?.trim() ?? "0");
    if (most <= 0 || hard <= most) return;
    report(`/process/rlimits/${index}/hard`, `found ${hard}, /proc/sys/fs/nr_open allows at most ${most}`);
  });
}

/** Parameters of one network device are left to the kernel's check: a hook may add the device. */
function checkSysctls({ linux }: WithoutWrongValues<Config>, report: Report): void {
  for (const name in linux?.sysctl) {
    // A wrong name must not become a path: it may lead out of /proc/sys.
    if (linux?.sysctl?.[name] === undefined) continue;
    const path = sysctlPath(name);
    if (/^net\/ipv[46]\/(conf|neigh)\/(?!all\/|default\/)/.test(path) || exists(`/proc/sys/${path}`)) continue;
    report(`/linux/sysctl${pointerStep(name)}`, `this kernel has no /proc/sys/${path}; a module may be missing`);
  }
}

/** Hooks whose program is on the host; the path of startContainer is one of the container. */
const HOOKS: readonly (keyof Hooks)[] = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];

function checkHooks(hooks: WithoutWrongValues<Hooks>, report: Report): void {
  for (const name of HOOKS) {
    hooks[name]?.forEach((hook, index) => {
      const path = hook?.path;
      if (path === undefined) return;
      const result = native.access(AT_FDCWD, path, X_OK);
      if (result < 0) report(`/hooks/${name}/${index}/path`, `${path}: ${errnoText(-result)}`);
    });
  }
}
