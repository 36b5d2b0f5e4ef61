// SPDX-License-Identifier: Apache-2.0
/** From `linux.resources` to writes of cgroup v1 files; pure. Devices are in devices.ts. */

import { pointerStep } from "../../spec/json/pointer.ts";
import { RuntimeError } from "../../errors.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { Write } from "../files/write.ts";
import type {
  Int64,
  LinuxBlockIO,
  LinuxBlockIODevice,
  LinuxCPU,
  LinuxMemory,
  LinuxResources,
  LinuxThrottleDevice,
} from "../../spec/types.ts";

const RESOURCES = "/linux/resources";

/** Facts that decide the order of writes. */
export interface CurrentValues {
  /** Text of a file of the container's cgroup; `undefined` if it does not exist. */
  read(controller: string, file: string): string | undefined;
}

/**
 * The writes for everything but devices, in the order in which they have to be made.
 *
 * As in runc a 0 leaves the kernel's value where 0 cannot be a limit (memory, shares, quota, period, weight).
 *
 * @param update whether a container's limits are changed, rather than set for the first time
 * @throws RuntimeError `CONFIG_INVALID` for values that contradict each other or cannot be a limit,
 *   `HOST_UNABLE` for `unified`, which cgroup v1 does not have
 */
export function resourceWrites(resources: LinuxResources, current: CurrentValues, update: boolean): Write[] {
  const writes: Write[] = [];
  if (resources.unified !== undefined && Object.keys(resources.unified).length > 0) {
    throw new RuntimeError("HOST_UNABLE", "linux.resources.unified: invalid configuration: cannot use unified on cgroup v1", {
      pointer: `${RESOURCES}/unified`,
    });
  }
  if (resources.cpu !== undefined) cpusetWrites(resources.cpu, writes);
  if (resources.memory !== undefined) memoryWrites(resources.memory, current, update, writes);
  if (resources.cpu !== undefined) cpuWrites(resources.cpu, update, writes);
  const pids = resources.pids?.limit;
  if (pids !== undefined) {
    // 0 becomes 1, as in runc: systemd knows no 0, and both keep a process from forking.
    const value = pids > 0 ? String(pids) : pids < 0 ? "max" : "1";
    writes.push({ controller: "pids", file: "pids.max", value, pointer: `${RESOURCES}/pids/limit` });
  }
  if (resources.blockIO !== undefined) blockIOWrites(resources.blockIO, writes);
  hugepageWrites(resources, writes);
  networkWrites(resources, writes);
  rdmaWrites(resources, writes);
  return writes;
}

/** A new cgroup needs this value as well before a process can join. */
function cpusetWrites(cpu: LinuxCPU, writes: Write[]): void {
  for (const name of ["cpus", "mems"] as const) {
    const value = cpu[name];
    if (value === undefined || value === "") continue;
    // A cpuset hierarchy can be mounted with `noprefix` (Android does).
    writes.push({
      controller: "cpuset",
      file: `cpuset.${name}`,
      otherFile: name,
      value,
      pointer: `${RESOURCES}/cpu/${name}`,
    });
  }
}

function memoryWrites(memory: LinuxMemory, current: CurrentValues, update: boolean, writes: Write[]): void {
  checkMemory(memory, update);
  const file = (name: string, value: Int64 | string, property: string, ifMissing?: "skip"): Write => ({
    controller: "memory",
    file: name,
    value: String(value),
    pointer: `${RESOURCES}/memory/${property}`,
    ...(ifMissing !== undefined && { ifMissing }),
  });

  const limit = memory.limit ?? 0;
  let swap = memory.swap ?? 0;
  const swapFile = "memory.memsw.limit_in_bytes";
  let ifMissing: "skip" | undefined;
  if (limit === -1 && swap === 0) {
    // No limit of memory makes no sense under a limit of memory and swap together.
    swap = -1;
    ifMissing = "skip";
  }
  const limitWrite = limit === 0 ? [] : [file("memory.limit_in_bytes", limit, "limit")];
  const swapWrite = swap === 0 ? [] : [file(swapFile, swap, ifMissing === undefined ? "swap" : "limit", ifMissing)];
  // The kernel refuses a state in which the limit is above that of memory and swap, also in between.
  const isSwapFirst =
    limit !== 0 && swap !== 0 && (swap === -1 || isBelow(current.read("memory", "memory.limit_in_bytes"), swap));
  if (isSwapFirst) writes.push(...swapWrite, ...limitWrite);
  else writes.push(...limitWrite, ...swapWrite);

  if (memory.reservation !== undefined && memory.reservation !== 0) {
    writes.push(file("memory.soft_limit_in_bytes", memory.reservation, "reservation"));
  }
  // `kernel` is left out: kernels from 5.16 on take any value and ignore it, and before it broke containers.
  if (memory.kernelTCP !== undefined && memory.kernelTCP !== 0) {
    writes.push(file("memory.kmem.tcp.limit_in_bytes", memory.kernelTCP, "kernelTCP", "skip"));
  }
  if (memory.useHierarchy !== undefined) {
    // Linux 5.11 and later refuse a 0.
    writes.push(file("memory.use_hierarchy", memory.useHierarchy ? "1" : "0", "useHierarchy"));
  }
  if (memory.disableOOMKiller === true) {
    writes.push(file("memory.oom_control", "1", "disableOOMKiller"));
  }
  if (memory.swappiness !== undefined && memory.swappiness !== -1) {
    writes.push(file("memory.swappiness", memory.swappiness, "swappiness"));
  }
}

/** @throws RuntimeError `CONFIG_INVALID` for limits that cannot be, or contradict each other */
export function checkMemory(memory: LinuxMemory, update: boolean): void {
  for (const name of ["limit", "reservation", "swap", "kernelTCP"] as const) {
    const value = memory[name];
    if (value === undefined || value >= -1) continue;
    throw invalid(`memory/${name}`, `${value} is not a number of bytes; -1 is no limit`);
  }
  const { limit, swap, swappiness } = memory;
  if (swappiness !== undefined && (swappiness < -1 || swappiness > 100)) {
    throw invalid("memory/swappiness", `invalid memory swappiness value: ${swappiness} (valid range is 0-100)`);
  }
  if (swap === undefined || swap <= 0) return;
  const hasLimit = limit !== undefined && limit !== 0;
  if (!hasLimit && !update) {
    throw invalid("memory/swap", "unable to set swap limit without memory limit");
  }
  if (hasLimit && (limit === -1 || limit > swap)) {
    throw invalid(
      "memory/swap",
      `${swap}, the limit of memory and swap together, is less than linux.resources.memory.limit (${limit})`,
    );
  }
}

/** Whether a file's number is below `value`; a file without a number counts as no limit. */
function isBelow(text: string | undefined, value: Int64): boolean {
  if (text === undefined) return false;
  const trimmed = text.trim();
  return /^[0-9]+$/.test(trimmed) && BigInt(trimmed) < BigInt(value);
}

function cpuWrites(cpu: LinuxCPU, update: boolean, writes: Write[]): void {
  const file = (name: string, value: Int64, property: string): Write => ({
    controller: "cpu",
    file: name,
    value: String(value),
    pointer: `${RESOURCES}/cpu/${property}`,
  });
  for (const name of ["shares", "burst", "period", "realtimePeriod"] as const) {
    const value = cpu[name];
    if (value !== undefined && value < 0) throw invalid(`cpu/${name}`, `${value} is negative`);
  }
  const { shares, period, burst, quota, idle, realtimePeriod, realtimeRuntime } = cpu;

  // The kernel takes no shares while the group is idle; they are written by the update that ends this.
  if (idle !== undefined && idle === 0) writes.push(file("cpu.idle", idle, "idle"));
  if (isSet(shares) && !(update && isSet(idle))) writes.push({ ...file("cpu.shares", shares, "shares"), check: "shares" });
  if (idle !== undefined && idle !== 0) writes.push(file("cpu.idle", idle, "idle"));

  // A smaller period or a larger burst can be refused because of the old quota.
  const retry = isSet(quota) ? ({ ifInvalid: "retry" } as const) : {};
  if (isSet(period)) writes.push({ ...file("cpu.cfs_period_us", period, "period"), ...retry });
  if (burst !== undefined) {
    writes.push({ ...file("cpu.cfs_burst_us", burst, "burst"), ...retry, ifMissing: "skip" });
  }
  if (isSet(quota)) writes.push(file("cpu.cfs_quota_us", quota, "quota"));

  const retryRealtime = isSet(realtimeRuntime) ? ({ ifInvalid: "retry" } as const) : {};
  if (isSet(realtimePeriod)) {
    writes.push({ ...file("cpu.rt_period_us", realtimePeriod, "realtimePeriod"), ...retryRealtime });
  }
  if (isSet(realtimeRuntime)) {
    writes.push(file("cpu.rt_runtime_us", realtimeRuntime, "realtimeRuntime"));
  }
}

function blockIOWrites(blockIO: LinuxBlockIO, writes: Write[]): void {
  const add = (file: string, value: string, property: string, otherFile?: string): void => {
    const pointer = `${RESOURCES}/blockIO/${property}`;
    writes.push({
      controller: "blkio",
      file: `blkio.${file}`,
      value,
      pointer,
      ...(otherFile !== undefined && { otherFile: `blkio.${otherFile}` }),
    });
  };
  // Under the bfq scheduler, the only one with weights since Linux 5.0, the files have its name.
  if (isSet(blockIO.weight)) add("weight", String(blockIO.weight), "weight", "bfq.weight");
  if (isSet(blockIO.leafWeight)) add("leaf_weight", String(blockIO.leafWeight), "leafWeight");
  (blockIO.weightDevice ?? []).forEach((device, index) => {
    const { weight, leafWeight } = device;
    const at = `weightDevice/${index}`;
    if (isSet(weight)) {
      add("weight_device", `${numbers(device)} ${weight}`, `${at}/weight`, "bfq.weight_device");
    }
    if (isSet(leafWeight)) {
      add("leaf_weight_device", `${numbers(device)} ${leafWeight}`, `${at}/leafWeight`);
    }
  });
  const throttle = (property: string, file: string, devices: readonly LinuxThrottleDevice[] | undefined): void => {
    (devices ?? []).forEach((device, index) => {
      add(`throttle.${file}`, `${numbers(device)} ${device.rate}`, `${property}/${index}/rate`);
    });
  };
  throttle("throttleReadBpsDevice", "read_bps_device", blockIO.throttleReadBpsDevice);
  throttle("throttleWriteBpsDevice", "write_bps_device", blockIO.throttleWriteBpsDevice);
  throttle("throttleReadIOPSDevice", "read_iops_device", blockIO.throttleReadIOPSDevice);
  throttle("throttleWriteIOPSDevice", "write_iops_device", blockIO.throttleWriteIOPSDevice);
}

function hugepageWrites(resources: LinuxResources, writes: Write[]): void {
  (resources.hugepageLimits ?? []).forEach(({ pageSize, limit }, index) => {
    const pointer = `${RESOURCES}/hugepageLimits/${index}/limit`;
    const common = { controller: "hugetlb", value: String(limit), pointer };
    writes.push({ ...common, file: `hugetlb.${pageSize}.limit_in_bytes` });
    // Limits of reservations came with Linux 5.7.
    writes.push({ ...common, file: `hugetlb.${pageSize}.rsvd.limit_in_bytes`, ifMissing: "skip" });
  });
}

function networkWrites(resources: LinuxResources, writes: Write[]): void {
  const at = `${RESOURCES}/network`;
  const classID = resources.network?.classID;
  if (isSet(classID)) {
    const value = String(classID);
    writes.push({ controller: "net_cls", file: "net_cls.classid", value, pointer: `${at}/classID` });
  }
  (resources.network?.priorities ?? []).forEach(({ name, priority }, index) => {
    writes.push({
      controller: "net_prio",
      file: "net_prio.ifpriomap",
      value: `${name} ${priority}`,
      pointer: `${at}/priorities/${index}`,
    });
  });
}

function rdmaWrites(resources: LinuxResources, writes: Write[]): void {
  for (const [device, { hcaHandles, hcaObjects }] of Object.entries(resources.rdma ?? {})) {
    let value = device;
    if (hcaHandles !== undefined) value += ` hca_handle=${hcaHandles}`;
    if (hcaObjects !== undefined) value += ` hca_object=${hcaObjects}`;
    writes.push({ controller: "rdma", file: "rdma.max", value, pointer: `${RESOURCES}/rdma${pointerStep(device)}` });
  }
}

function isSet<T extends Int64>(value: T | undefined): value is T {
  return value !== undefined && value !== 0;
}

function numbers(device: LinuxBlockIODevice): string {
  return `${device.major}:${device.minor}`;
}

function invalid(property: string, message: string): RuntimeError {
  const pointer = `${RESOURCES}/${property}`;
  return new RuntimeError("CONFIG_INVALID", `${propertyName(pointer)}: ${message}`, { pointer });
}
