// SPDX-License-Identifier: Apache-2.0
import { seccompReceiver } from "../annotations.ts";
import { pointerStep } from "../json/pointer.ts";
import { parseCpuList } from "./cpu_list.ts";
import type { MeaningCheck } from "./rule.ts";
import { show } from "../schema/messages.ts";
import type { Report, WithoutWrongValues } from "../schema/without_wrong_values.ts";
import type { Config, Int64, LinuxDevice, LinuxSeccompAction, LinuxSyscall } from "../types.ts";

/** Bits of a device number that mknod(2) takes: 12 for the major, 20 for the minor number. */
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xfffff;

/** The highest errno that libseccomp takes, and the highest value that a tracer can be given. */
const MAX_ERRNO = 4094;
const MAX_TRACE = 65535;

export const linuxChecks: readonly MeaningCheck[] = [
  checkDevices,
  checkCgroupsPath,
  checkDeviceRules,
  checkMemory,
  checkBurst,
  checkBlockIO,
  checkRdma,
  checkSeccomp,
  checkMemoryPolicy,
  checkIntelRdt,
];

function checkDevices({ linux }: WithoutWrongValues<Config>, report: Report): void {
  /** The different devices that have been found at each path, with their indices. */
  const seen = new Map<string, Map<string, readonly [number, WithoutWrongValues<LinuxDevice>]>>();
  linux?.devices?.forEach((device, index) => {
    if (device === undefined) return;
    const at = `/linux/devices/${index}`;
    if (device.path?.startsWith("/") === false) report(`${at}/path`, `found ${show(device.path)}, must be an absolute path`);
    if (device.type !== "p") {
      checkNumber(at, "major", device.major, MAX_MAJOR, report);
      checkNumber(at, "minor", device.minor, MAX_MINOR, report);
    }
    for (const name of ["uid", "gid"] as const) {
      // 2^32-1 is no id: to chown(2) it means that the owner stays as it is.
      if (device[name] === 0xffffffff) report(`${at}/${name}`, "found 4294967295, must be at most 4294967294");
    }
    if (device.path === undefined) return;
    const there = seen.get(device.path) ?? new Map<string, readonly [number, WithoutWrongValues<LinuxDevice>]>();
    for (const [other, earlier] of there.values()) {
      if (!isOther(earlier, device)) continue;
      report(`${at}/path`, `${device.path} is another device already, at /linux/devices/${other}`);
      break;
    }
    const key = device.type === "p" ? "p" : `${device.type} ${device.major}:${device.minor}`;
    if (!there.has(key)) there.set(key, [index, device]);
    seen.set(device.path, there);
  });
}

/** Whether two entries of one path are known to want different devices. */
function isOther(one: WithoutWrongValues<LinuxDevice>, two: WithoutWrongValues<LinuxDevice>): boolean {
  if (differ(one.type, two.type)) return true;
  return two.type !== "p" && (differ(one.major, two.major) || differ(one.minor, two.minor));
}

function differ(one: Int64 | string | undefined, two: Int64 | string | undefined): boolean {
  return one !== undefined && two !== undefined && one !== two;
}

function checkNumber(at: string, name: "major" | "minor", value: Int64 | undefined, max: number, report: Report): void {
  const pointer = `${at}/${name}`;
  if (value === undefined) {
    const message = "missing, but the specification requires it unless the type is p";
    report(pointer, message, [pointer, `${at}/type`]);
  } else if (value < 0 || value > max) {
    report(pointer, `found ${value}, must be from 0 to ${max}`);
  }
}

function checkCgroupsPath({ linux }: WithoutWrongValues<Config>, report: Report): void {
  const path = linux?.cgroupsPath;
  if (path === undefined || !path.includes("..")) return;
  if (path.split("/").includes("..")) report("/linux/cgroupsPath", `found ${show(path)}, must be without ".."`);
}

function checkDeviceRules({ linux }: WithoutWrongValues<Config>, report: Report): void {
  for (const [index, rule] of (linux?.resources?.devices ?? []).entries()) {
    for (const name of ["major", "minor"] as const) {
      const value = rule?.[name];
      if (value === undefined || value >= -1) continue;
      report(`/linux/resources/devices/${index}/${name}`, `found ${value}, must be -1 (each) or a number from 0`);
    }
  }
}

function checkMemory({ linux }: WithoutWrongValues<Config>, report: Report): void {
  const memory = linux?.resources?.memory;
  if (memory === undefined) return;
  const at = "/linux/resources/memory";
  for (const name of ["limit", "reservation", "swap"] as const) {
    const value = memory[name];
    if (value !== undefined && value < -1) {
      report(`${at}/${name}`, `found ${value}, must be bytes, or -1 for no limit`);
    }
  }
  // Engines write "not set" as -1 in an unsigned field, that is 2^64-1.
  const { swappiness } = memory;
  if (swappiness !== undefined && swappiness > 100 && swappiness !== 18446744073709551615n) {
    report(`${at}/swappiness`, `found ${swappiness}, must be from 0 to 100`);
  }
}

/** The kernel would refuse the quota, which is right. */
function checkBurst({ linux }: WithoutWrongValues<Config>, report: Report): void {
  const { burst, quota } = linux?.resources?.cpu ?? {};
  if (burst === undefined || quota === undefined || quota <= 0 || burst <= quota) return;
  report("/linux/resources/cpu/burst", `found ${burst}, must be at most the quota, ${quota}`);
}

function checkBlockIO({ linux }: WithoutWrongValues<Config>, report: Report): void {
  linux?.resources?.blockIO?.weightDevice?.forEach((device, index) => {
    if (device?.weight !== undefined || device?.leafWeight !== undefined) return;
    const at = `/linux/resources/blockIO/weightDevice/${index}`;
    report(at, "must have weight, leafWeight, or both", [`${at}/weight`, `${at}/leafWeight`]);
  });
}

function checkRdma({ linux }: WithoutWrongValues<Config>, report: Report): void {
  const rdma = linux?.resources?.rdma;
  for (const device in rdma) {
    const { hcaHandles, hcaObjects } = rdma[device] ?? {};
    if (hcaHandles !== undefined || hcaObjects !== undefined) continue;
    const at = `/linux/resources/rdma${pointerStep(device)}`;
    report(at, "must have hcaHandles, hcaObjects, or both", [`${at}/hcaHandles`, `${at}/hcaObjects`]);
  }
}

function checkSeccomp({ linux, annotations }: WithoutWrongValues<Config>, report: Report): void {
  const seccomp = linux?.seccomp;
  if (seccomp === undefined) return;
  const at = "/linux/seccomp";
  // An empty filter is accepted and counts as no filter.
  const { defaultAction, defaultErrnoRet, listenerMetadata, syscalls = [] } = seccomp;
  const receiver = seccompReceiver(seccomp, annotations);
  if (defaultAction === undefined && syscalls.length > 0) {
    report(`${at}/defaultAction`, "missing, but the specification requires it");
  }
  const checkErrno = (action: string, errno: string, name?: LinuxSeccompAction, value?: number): void => {
    if (value === undefined) return;
    if (name === "SCMP_ACT_ERRNO" || name === "SCMP_ACT_TRACE") {
      const max = name === "SCMP_ACT_ERRNO" ? MAX_ERRNO : MAX_TRACE;
      if (value > max) report(errno, `found ${value}, must be at most ${max} with ${name}`, [errno, action]);
      return;
    }
    const message = `${name ?? "no action"} gives no errno; allowed with SCMP_ACT_ERRNO and SCMP_ACT_TRACE`;
    report(errno, message, [errno, action]);
  };
  checkErrno(`${at}/defaultAction`, `${at}/defaultErrnoRet`, defaultAction, defaultErrnoRet);
  syscalls.forEach((syscall, index) => {
    const call = `${at}/syscalls/${index}`;
    checkErrno(`${call}/action`, `${call}/errnoRet`, syscall?.action, syscall?.errnoRet);
  });
  checkNotify(at, defaultAction, syscalls, receiver.path, report);
  if ((listenerMetadata ?? "") !== "" && receiver.path === "") {
    const pointer = `${at}/listenerMetadata`;
    report(pointer, "allowed only with listenerPath", [pointer, `${at}/listenerPath`]);
  }
}

/** The answer to a notification needs `write`, and the runtime needs it to hand the listener over. */
function checkNotify(
  at: string,
  defaultAction: LinuxSeccompAction | undefined,
  syscalls: readonly (WithoutWrongValues<LinuxSyscall> | undefined)[],
  listenerPath: string,
  report: Report,
): void {
  const notify = "SCMP_ACT_NOTIFY";
  if (defaultAction === notify) report(`${at}/defaultAction`, `${notify} cannot be used as default action`);
  let first: number | undefined;
  syscalls.forEach((syscall, index) => {
    if (syscall?.action !== notify) return;
    first ??= index;
    const write = syscall.names?.indexOf("write") ?? -1;
    if (write < 0) return;
    report(`${at}/syscalls/${index}/names/${write}`, `${notify} cannot be used for the write syscall`);
  });
  if (first === undefined || listenerPath !== "") return;
  const rule = `${at}/syscalls/${first}/action`;
  report(`${at}/listenerPath`, `missing or empty, but a rule has ${notify}`, [`${at}/listenerPath`, rule]);
}

/** set_mempolicy(2) */
function checkMemoryPolicy({ linux }: WithoutWrongValues<Config>, report: Report): void {
  const policy = linux?.memoryPolicy;
  if (policy === undefined) return;
  const { mode, nodes, flags = [] } = policy;
  const at = "/linux/memoryPolicy";
  const listed = nodes !== undefined && nodes !== "";
  if (listed) {
    const mask = parseCpuList(nodes, "node");
    if (typeof mask === "string") {
      report(
        `${at}/nodes`,
        `invalid memory policy node: found ${show(nodes)}, must be a list of NUMA nodes such as 0-3,7: ${mask}`,
      );
    }
  }
  const reads = [`${at}/mode`, `${at}/nodes`];
  if (mode === "MPOL_DEFAULT" || mode === "MPOL_LOCAL") {
    const mask = listed ? parseCpuList(nodes, "node") : "";
    if (typeof mask !== "string") {
      let count = 0;
      for (const byte of mask) for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
      report(`${at}/nodes`, `found ${show(nodes)}, but ${mode} takes no nodes: mode requires 0 nodes but got ${count}`, reads);
    }
  } else if (mode !== undefined && mode !== "MPOL_PREFERRED" && !listed) {
    report(`${at}/nodes`, `missing, but ${mode} needs at least one node`, reads);
  }
  if (flags.includes("MPOL_F_STATIC_NODES") && flags.includes("MPOL_F_RELATIVE_NODES")) {
    report(`${at}/flags`, "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other", [`${at}/flags/*`]);
  }
}

function checkIntelRdt({ linux }: WithoutWrongValues<Config>, report: Report): void {
  const rdt = linux?.intelRdt;
  if (rdt === undefined) return;
  const at = "/linux/intelRdt";
  const { closID = "", memBwSchema = "" } = rdt;
  if (closID === "." || closID === ".." || (closID.length > 1 && closID.includes("/"))) {
    report(`${at}/closID`, `found ${show(closID)}, must be the name of one directory, or /`);
  }
  if (memBwSchema !== "" && !memBwSchema.startsWith("MB:")) {
    report(`${at}/memBwSchema`, `found ${show(memBwSchema)}, must start with MB:`);
  }
  const checkLine = (pointer: string, line: string | undefined): void => {
    if (line?.includes("\n") === true) report(pointer, `found ${show(line)}, must be one line`);
  };
  checkLine(`${at}/l3CacheSchema`, rdt.l3CacheSchema);
  checkLine(`${at}/memBwSchema`, rdt.memBwSchema);
  rdt.schemata?.forEach((line, index) => checkLine(`${at}/schemata/${index}`, line));
}
