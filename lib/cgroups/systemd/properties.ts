// SPDX-License-Identifier: Apache-2.0
/**
 * From limits to properties of a systemd unit. Pure.
 *
 * systemd writes the files of its units itself, whenever it likes (`systemctl daemon-reload`), so it has to know every limit
 * that it can know; the cgroup driver writes all of them. Both come from the same writes.
 *
 * @see https://www.freedesktop.org/software/systemd/man/systemd.resource-control.html
 */
import { RuntimeError } from "../../errors.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { Write } from "../files/write.ts";
import { flag, INFINITY, number, text, type Property } from "../../dbus/values.ts";

/** The versions of systemd that introduced features. */
const SINCE = { quotaPeriod: 242, cpuset: 244, idle: 252, oomPolicy: 253 } as const;
/** The kernel's default period; microseconds. */
const DEFAULT_PERIOD = 100_000;
const SECOND = 1_000_000;
/** systemd keeps a quota in whole percents of a processor; microseconds a second. */
const PERCENT = 10_000n;
/** The highest processor or node that a list may name: systemd takes masks of this many bits. */
const LAST_CPU = 8191;

/** Files whose value is a number, or `max`, or (v1) -1 for no limit. */
const NUMBERS: Readonly<Record<string, string>> = {
  "memory.min": "MemoryMin",
  "memory.low": "MemoryLow",
  "memory.high": "MemoryHigh",
  "memory.max": "MemoryMax",
  "memory.swap.max": "MemorySwapMax",
  "memory.limit_in_bytes": "MemoryLimit",
  "cpu.weight": "CPUWeight",
  "cpu.shares": "CPUShares",
  "blkio.weight": "BlockIOWeight",
  "pids.max": "TasksMax",
};
const LISTS: Readonly<Record<string, string>> = { "cpuset.cpus": "AllowedCPUs", "cpuset.mems": "AllowedMemoryNodes" };

/** Properties of every unit, whatever its limits. */
export interface UnitFacts {
  readonly unit: string;
  readonly slice: string;
  readonly name: string;
  /** The container's first process. */
  readonly pid: number;
  readonly isUnified: boolean;
}

/** The properties with which the unit of a container starts, before those of its limits. */
export function unitProperties({ unit, slice, name, pid, isUnified }: UnitFacts): Property[] {
  const isSlice = unit.endsWith(".slice");
  return [
    text("Description", `libcontainer container ${name}`),
    ...(isSlice ? [{ name: "Wants", signature: "as", value: [slice] }] : [text("Slice", slice), flag("Delegate", true)]),
    { name: "PIDs", signature: "au", value: [pid] },
    // The kernel has trouble with a process that enters the memory controller later.
    flag("MemoryAccounting", true),
    flag("CPUAccounting", true),
    flag(isUnified ? "IOAccounting" : "BlockIOAccounting", true),
    flag("TasksAccounting", true),
    flag("DefaultDependencies", false),
  ];
}

/**
 * The limits as properties of systemd; those that systemd does not know are left out.
 * @param writes as the cgroup driver makes them; the last one to a file counts
 * @param version of systemd, such as 252
 * @throws RuntimeError CONFIG_INVALID for a list of processors that systemd could not read
 */
export function limitProperties(writes: readonly Write[], version: number): Property[] {
  const last = new Map<string, Write>();
  for (const write of writes) last.set(write.file, write);
  const properties: Property[] = [];
  const isIdle = last.get("cpu.idle")?.value.trim() === "1" && version >= SINCE.idle;
  for (const { file, value, pointer } of last.values()) {
    const name = NUMBERS[file];
    const list = LISTS[file];
    // A weight of 0 is how systemd says cpu.idle; it cannot say both.
    if (file === "cpu.weight" && isIdle) continue;
    if (name !== undefined) {
      const amount = file.startsWith("memory.") ? bytesOf(value.trim()) : amountOf(value.trim());
      if (amount !== undefined) properties.push(number(name, file === "pids.max" && amount === 0n ? 1n : amount));
    } else if (list !== undefined && version >= SINCE.cpuset) {
      properties.push({ name: list, signature: "ay", value: maskOf(value, pointer) });
    }
  }
  if (isIdle) properties.push(number("CPUWeight", 0));
  properties.push(...quotaProperties(last, version));
  return properties;
}

/** `memory.oom.group` as the policy that only a unit that starts can be given. */
export function oomPolicy(unified: Readonly<Record<string, string>> | undefined, version: number): Property[] {
  const value = unified?.["memory.oom.group"]?.trim();
  if (version < SINCE.oomPolicy || (value !== "0" && value !== "1")) return [];
  return [text("OOMPolicy", value === "1" ? "kill" : "continue")];
}

/** systemd keeps less than the runtime asks for: its value is never below that, which the file has until a reload. */
function roundUp(perSecond: bigint): bigint {
  return perSecond % PERCENT === 0n ? perSecond : (perSecond / PERCENT + 1n) * PERCENT;
}

function quotaProperties(last: ReadonlyMap<string, Write>, version: number): Property[] {
  const unified = last.get("cpu.max")?.value.trim().split(/\s+/);
  const quota = unified?.[0] ?? last.get("cpu.cfs_quota_us")?.value;
  const period = unified?.[1] ?? last.get("cpu.cfs_period_us")?.value;
  if (quota === undefined && period === undefined) return [];
  const properties: Property[] = [];
  if (period !== undefined && version >= SINCE.quotaPeriod) properties.push(number("CPUQuotaPeriodUSec", BigInt(period)));
  const amount = quota === undefined ? INFINITY : (amountOf(quota) ?? INFINITY);
  const perSecond = amount === INFINITY ? INFINITY : roundUp((amount * BigInt(SECOND)) / BigInt(period ?? DEFAULT_PERIOD));
  properties.push(number("CPUQuotaPerSecUSec", perSecond));
  return properties;
}

/** A file's value as systemd counts; `undefined` if it is not a number, such as `default 100`. */
function amountOf(value: string): bigint | undefined {
  if (value === "max" || value === "-1") return INFINITY;
  return /^[0-9]+$/.test(value) ? BigInt(value) : undefined;
}

/** As {@link amountOf}, of a file of the memory controller: the kernel takes `20M` there, and hexadecimal and octal numbers. */
function bytesOf(value: string): bigint | undefined {
  const [, digits = "", unit = ""] = /^(0[xX][0-9a-fA-F]+|[0-9]+)([kKmMgGtTpPeE]?)$/.exec(value) ?? [];
  if (digits === "") return amountOf(value);
  const isOctal = /^0[0-9]/.test(digits);
  // The kernel refuses such a number.
  if (isOctal && /[89]/.test(digits)) return undefined;
  const number = BigInt(isOctal ? `0o${digits.slice(1)}` : digits);
  const shift = unit === "" ? 0 : 10 * (1 + "kmgtpe".indexOf(unit.toLowerCase()));
  return BigInt.asUintN(64, number << BigInt(shift));
}

/** A list such as `0-3,7` as a mask: bit 0 of byte 0 is number 0. */
function maskOf(list: string, pointer: string): Uint8Array {
  const bits: number[] = [];
  for (const part of list.split(",")) {
    const range = part.trim();
    if (range === "") continue;
    const [, from = "", to = from] = /^([0-9]+)(?:-([0-9]+))?$/.exec(range) ?? [];
    const [first, last] = [Number(from), Number(to)];
    if (from === "" || first > last || last > LAST_CPU) {
      const what = `${propertyName(pointer)}: ${JSON.stringify(list)}: invalid range: ${range}`;
      throw new RuntimeError("CONFIG_INVALID", what, { pointer });
    }
    for (let bit = first; bit <= last; bit++) bits.push(bit);
  }
  if (bits.length === 0) {
    throw new RuntimeError("CONFIG_INVALID", `${propertyName(pointer)}: ${JSON.stringify(list)}: empty value`, { pointer });
  }
  const mask = new Uint8Array((bits.reduce((most, bit) => Math.max(most, bit), 0) >> 3) + 1);
  for (const bit of bits) mask[bit >> 3] = (mask[bit >> 3] ?? 0) | (1 << (bit & 7));
  return mask;
}
