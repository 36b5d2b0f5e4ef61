// SPDX-License-Identifier: Apache-2.0
/**
 * The shape of the statistics that the kernel keeps for a container.
 *
 * The shape, the names and their order are those of `data` in runc's `events`, because programs read it. Statistics that
 * runc leaves out (burst, OOM kills, refused forks, rdma, misc, pressure and hugetlb events of the v2 hierarchy) have names of
 * their own. A statistic that the kernel does not have is absent; so is a 0 where runc leaves it out.
 */
import type { Count } from "./stats_parse.ts";

/** One count of one device. A 0 is left out, as in runc. */
export interface BlkioEntry {
  readonly major?: Count;
  readonly minor?: Count;
  /** `Read`, `Write`, …; absent where the file does not tell them apart. */
  readonly op?: string;
  readonly value?: Count;
}

/** Names as in runc's `events`. */
export const BLKIO_NAMES = [
  "ioServiceBytesRecursive",
  "ioServicedRecursive",
  "ioQueueRecursive",
  "ioServiceTimeRecursive",
  "ioWaitTimeRecursive",
  "ioMergedRecursive",
  "ioTimeRecursive",
  "sectorsRecursive",
] as const;

/** See {@link BLKIO_NAMES}; empty lists are absent. */
export type BlkioStats = { readonly [Name in (typeof BLKIO_NAMES)[number]]?: readonly BlkioEntry[] };

/** One line of a *.pressure file: shares of time in percent, and all of it in microseconds. */
export interface Pressure {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: Count;
}

/** A *.pressure file. */
export interface PressureStats {
  readonly some?: Pressure;
  readonly full?: Pressure;
}

/** Times in nanoseconds. */
export interface CpuStats {
  readonly usage?: Readonly<Record<string, Count | readonly Count[]>>;
  readonly throttling?: Readonly<Record<string, Count>>;
  readonly psi?: PressureStats;
  /** Not in runc: the count and the duration of bursts, which exceed the quota with saved-up time. */
  readonly burst?: Readonly<Record<string, Count>>;
}

/** Bytes, except `failcnt`. */
export interface MemoryEntry {
  readonly limit: Count;
  readonly usage?: Count;
  readonly max?: Count;
  readonly failcnt: Count;
}

/** Bytes. */
export interface MemoryStats {
  readonly cache?: Count;
  readonly usage?: MemoryEntry;
  /** Memory and swap together. */
  readonly swap?: MemoryEntry;
  readonly kernel?: MemoryEntry;
  readonly kernelTCP?: MemoryEntry;
  /** memory.stat, with its names. */
  readonly raw?: Readonly<Record<string, Count>>;
  readonly psi?: PressureStats;
  /** Not in runc: processes that the kernel has killed for want of memory. */
  readonly oomKills?: Count;
  /** Not in runc: memory.events of cgroup v2, with its names: the number of times that a limit was met, and its effects. */
  readonly events?: Readonly<Record<string, Count>>;
  /** Not in runc: memory.swap.events of cgroup v2. */
  readonly swapEvents?: Readonly<Record<string, Count>>;
}

/** Bytes, except `failcnt`. */
export interface HugetlbStats {
  readonly usage?: Count;
  readonly max?: Count;
  readonly failcnt: Count;
}

/** All statistics of a container. */
export interface CgroupStats {
  readonly cpu: CpuStats;
  readonly cpuset: Readonly<Record<string, Count | readonly number[]>>;
  readonly memory: MemoryStats;
  readonly pids: Readonly<Record<string, Count>>;
  readonly blkio: BlkioStats & { readonly psi?: PressureStats };
  /** By page size, such as `2MB`. */
  readonly hugetlb: Readonly<Record<string, HugetlbStats>>;
  /** Not in runc; by device. */
  readonly rdma?: { readonly current: readonly RdmaEntry[]; readonly limit: readonly RdmaEntry[] };
  /** Not in runc; by resource, on cgroup v2. */
  readonly misc?: Readonly<Record<string, MiscStats>>;
}

/** One resource of the misc controller; `failcnt` counts the requests that the limit has refused. */
export interface MiscStats {
  readonly usage?: Count;
  readonly max?: Count;
  readonly limit?: Count | "max";
  readonly failcnt?: Count;
}

/** Use or limit of one RDMA device; `max` is no limit. */
export interface RdmaEntry {
  readonly device: string;
  readonly hcaHandles: Count | "max";
  readonly hcaObjects: Count | "max";
}
