// SPDX-License-Identifier: Apache-2.0
/** From `linux.resources` to writes of cgroup v2 files; pure. Devices are in device_program.ts. */

import { pointerStep } from "../../spec/json/pointer.ts";
import { RuntimeError } from "../../errors.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import { checkMemory } from "../v1/resources.ts";
import { unifiedKeyWrites } from "./unified.ts";
import type { Write } from "../files/write.ts";
import type { Int64, LinuxBlockIO, LinuxCPU, LinuxMemory, LinuxResources, LinuxThrottleDevice } from "../../spec/types.ts";

const RESOURCES = "/linux/resources";
const DEFAULT_PERIOD = 100_000;

/** Facts that the writes depend on. */
export interface UnifiedFacts {
  /** Text of a file of the container's cgroup; `undefined` if it does not exist. */
  read(file: string): string | undefined;
  /** A container's limits are changed, rather than set for the first time. */
  readonly update: boolean;
  /** Gets a message about each limit that cgroup v2 does not have; that one is left out. */
  ignored(property: string): void;
}

/**
 * The writes for everything but devices, in the order in which they have to be made. Each names its controller of
 * cgroup v2, or `cgroup` for a file of the core.
 *
 * As in runc a 0 leaves the kernel's value where 0 cannot be a limit.
 *
 * @throws RuntimeError `CONFIG_INVALID` for values that contradict each other or cannot be a limit, `CGROUP` where
 *   `checkBeforeUpdate` finds that a limit is too low, `HOST_UNABLE` for `useHierarchy` false
 */
export function unifiedWrites(resources: LinuxResources, facts: UnifiedFacts): Write[] {
  const writes: Write[] = [];
  const add = (file: string, value: string, property: string, more: Partial<Write> = {}): void => {
    const controller = file.slice(0, file.indexOf("."));
    writes.push({ controller, file, value, pointer: `${RESOURCES}/${property}`, ...more });
  };
  const pids = resources.pids?.limit;
  // 0 becomes 1, as in runc: systemd knows no 0, and both keep a process from forking.
  if (pids !== undefined) add("pids.max", pids > 0 ? String(pids) : pids < 0 ? "max" : "1", "pids/limit");
  if (resources.memory !== undefined) memoryWrites(resources.memory, facts, add);
  if (resources.blockIO !== undefined) blockIOWrites(resources.blockIO, facts, add);
  if (resources.cpu !== undefined) cpuWrites(resources.cpu, facts, add);
  (resources.hugepageLimits ?? []).forEach(({ pageSize, limit }, index) => {
    const property = `hugepageLimits/${index}/limit`;
    add(`hugetlb.${pageSize}.max`, String(limit), property);
    // Limits of reservations came with Linux 5.7.
    add(`hugetlb.${pageSize}.rsvd.max`, String(limit), property, { ifMissing: "skip" });
  });
  for (const [device, { hcaHandles, hcaObjects }] of Object.entries(resources.rdma ?? {})) {
    let value = device;
    if (hcaHandles !== undefined) value += ` hca_handle=${hcaHandles}`;
    if (hcaObjects !== undefined) value += ` hca_object=${hcaObjects}`;
    add("rdma.max", value, `rdma${pointerStep(device)}`);
  }
  if (isSet(resources.network?.classID)) facts.ignored("network/classID");
  if ((resources.network?.priorities ?? []).length > 0) facts.ignored("network/priorities");
  writes.push(...unifiedKeyWrites(resources.unified ?? {}));
  return writes;
}

type Add = (file: string, value: string, property: string, more?: Partial<Write>) => void;

/**
 * cpu.weight (1 to 10000) for `cpu.shares` (2 to 262144): the curve that takes the default of the one, 1024, to the
 * default of the other, 100.
 */
export function weightOfShares(shares: Int64): number {
  const value = Number(shares);
  if (value <= 2) return 1;
  if (value >= 262_144) return 10_000;
  const log = Math.log2(value);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

/** io.weight (1 to 10000) for a `blockIO` weight (10 to 1000). */
export function ioWeight(weight: number): number {
  return 1 + Math.trunc(((weight - 10) * 9999) / 990);
}

function memoryWrites(memory: LinuxMemory, facts: UnifiedFacts, add: Add): void {
  checkMemory(memory, facts.update);
  const { limit = 0, swap = 0, reservation } = memory;
  if (memory.checkBeforeUpdate === true) checkUsage(limit, swap, facts);
  const swapValue = swapMax(memory, facts);
  if (swapValue !== undefined) {
    // A kernel that does not account swap lets a cgroup have as much as there is, which may be none.
    const more = swapValue === "max" || swapValue === "0" ? ({ ifMissing: "skip" } as const) : {};
    add("memory.swap.max", swapValue, isSet(memory.swap) ? "memory/swap" : "memory/limit", more);
  }
  if (isSet(limit)) add("memory.max", limitText(limit), "memory/limit");
  if (isSet(reservation)) add("memory.low", limitText(reservation), "memory/reservation");
  for (const name of ["kernel", "kernelTCP"] as const) if (isSet(memory[name])) facts.ignored(`memory/${name}`);
  if (memory.swappiness !== undefined && memory.swappiness !== -1) facts.ignored("memory/swappiness");
  if (memory.disableOOMKiller === true) facts.ignored("memory/disableOOMKiller");
  if (memory.useHierarchy === false) {
    const pointer = `${RESOURCES}/memory/useHierarchy`;
    const why = "on cgroup v2 the memory of cgroups below is always counted";
    throw new RuntimeError("HOST_UNABLE", `${propertyName(pointer)}: false: ${why}`, { pointer });
  }
}

/** memory.swap.max counts swap alone, `memory.swap` counts memory as well. */
function swapMax({ limit = 0, swap = 0 }: LinuxMemory, facts: UnifiedFacts): string | undefined {
  if (swap === 0) return limit === -1 ? "max" : undefined;
  if (swap === -1) return "max";
  let memory = limit;
  if (memory === 0) {
    const now = (facts.read("memory.max") ?? "").trim();
    if (now === "" || now === "max") {
      throw invalid("memory/swap", "unable to set swap limit without memory limit");
    }
    memory = BigInt(now);
  }
  const rest = BigInt(swap) - BigInt(memory);
  if (rest >= 0n) return String(rest);
  throw invalid("memory/swap", `${swap}, the limit of memory and swap together, is less than that of memory (${memory})`);
}

function checkUsage(limit: Int64, swap: Int64, facts: UnifiedFacts): void {
  const text = facts.read("memory.current");
  if (text === undefined) return;
  const usage = BigInt(text.trim());
  for (const [name, value, what] of [
    ["limit", limit, "memory"],
    ["swap", swap, "memory+swap"],
  ] as const) {
    if (value <= 0 || BigInt(value) > usage) continue;
    const pointer = `${RESOURCES}/memory/${name}`;
    const why = `rejecting ${what} limit ${value} <= usage ${usage}, because of checkBeforeUpdate`;
    throw new RuntimeError("CGROUP", `${propertyName(pointer)}: ${why}`, { pointer });
  }
}

function cpuWrites(cpu: LinuxCPU, facts: UnifiedFacts, add: Add): void {
  for (const name of ["shares", "burst", "period"] as const) {
    const value = cpu[name];
    if (value !== undefined && value < 0) throw invalid(`cpu/${name}`, `${value} is negative`);
  }
  const { shares, period, burst, quota, idle } = cpu;
  if (idle !== undefined) add("cpu.idle", String(idle), "cpu/idle");
  // An idle group has no weight.
  if (isSet(shares) && !isSet(idle)) add("cpu.weight", String(weightOfShares(shares)), "cpu/shares");
  // A smaller period or a larger burst can be refused because of the old quota.
  const retry = isSet(quota) ? ({ ifInvalid: "retry" } as const) : {};
  if (burst !== undefined) add("cpu.max.burst", String(burst), "cpu/burst", { ...retry, ifMissing: "skip" });
  if (isSet(quota) || isSet(period)) {
    const [oldQuota = "max", oldPeriod = String(DEFAULT_PERIOD)] = facts.update
      ? (facts.read("cpu.max") ?? "")
          .trim()
          .split(" ")
          .filter((word) => word !== "")
      : [];
    const first = isSet(quota) ? (quota > 0 ? String(quota) : "max") : oldQuota;
    const second = isSet(period) ? String(period) : oldPeriod;
    add("cpu.max", `${first} ${second}`, isSet(quota) ? "cpu/quota" : "cpu/period");
  }
  if (isSet(cpu.realtimeRuntime)) facts.ignored("cpu/realtimeRuntime");
  if (isSet(cpu.realtimePeriod)) facts.ignored("cpu/realtimePeriod");
  for (const name of ["cpus", "mems"] as const) {
    const value = cpu[name];
    if (value !== undefined && value !== "") add(`cpuset.${name}`, value, `cpu/${name}`, { check: "cpuset" });
  }
}

function blockIOWrites(blockIO: LinuxBlockIO, facts: UnifiedFacts, add: Add): void {
  // Under the bfq scheduler the file has its name, and the range of the property.
  let bfq: boolean | undefined;
  const weight = (value: number, key: string, property: string): void => {
    bfq ??= facts.read("io.bfq.weight") !== undefined;
    if (!bfq && (value < 10 || value > 1000)) throw invalid(property, `${value} must be from 10 to 1000`);
    add(bfq ? "io.bfq.weight" : "io.weight", `${key}${bfq ? value : ioWeight(value)}`, property);
  };
  if (isSet(blockIO.weight)) weight(blockIO.weight, "", "blockIO/weight");
  if (isSet(blockIO.leafWeight)) facts.ignored("blockIO/leafWeight");
  (blockIO.weightDevice ?? []).forEach((device, index) => {
    const at = `blockIO/weightDevice/${index}`;
    if (isSet(device.weight)) weight(device.weight, `${device.major}:${device.minor} `, `${at}/weight`);
    if (isSet(device.leafWeight)) facts.ignored(`${at}/leafWeight`);
  });
  const throttle = (property: string, key: string, devices: readonly LinuxThrottleDevice[] = []): void => {
    devices.forEach(({ major, minor, rate }, index) => {
      // 0 takes a limit away on v1.
      const value = rate === 0 ? "max" : String(rate);
      add("io.max", `${major}:${minor} ${key}=${value}`, `blockIO/${property}/${index}/rate`);
    });
  };
  throttle("throttleReadBpsDevice", "rbps", blockIO.throttleReadBpsDevice);
  throttle("throttleWriteBpsDevice", "wbps", blockIO.throttleWriteBpsDevice);
  throttle("throttleReadIOPSDevice", "riops", blockIO.throttleReadIOPSDevice);
  throttle("throttleWriteIOPSDevice", "wiops", blockIO.throttleWriteIOPSDevice);
}

function limitText(value: Int64): string {
  return value === -1 ? "max" : String(value);
}

function isSet<T extends Int64>(value: T | undefined): value is T {
  return value !== undefined && value !== 0;
}

function invalid(property: string, message: string): RuntimeError {
  const pointer = `${RESOURCES}/${property}`;
  return new RuntimeError("CONFIG_INVALID", `${propertyName(pointer)}: ${message}`, { pointer });
}
