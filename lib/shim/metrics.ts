// SPDX-License-Identifier: Apache-2.0
/** The kernel's counts for a container, in the form of containerd's messages. Pure. */
import type { Count } from "../cgroups/files/stats_parse.ts";
import type { BlkioEntry, CgroupStats, MemoryEntry, PressureStats, RdmaEntry } from "../cgroups/files/stats_types.ts";
import type { Any, BlkIoEntryV1, IoEntryV2, MemoryEntryV1, PsiStatsV2, RdmaStatV1 } from "./proto/messages.gen.ts";
import { writeMetricsV1, writeMetricsV2 } from "./proto/messages.gen.ts";
import type { Draft } from "./proto/wire.ts";

type Counts = Readonly<Record<string, Count>>;

/** The value for "no limit": of processes on v1, of any resource on v2. */
const NO_LIMIT = 18446744073709551615n;

/** The message for cgroup v1, or for v2. */
export function metrics(stats: CgroupStats, isV2: boolean): Any {
  if (isV2) return { typeUrl: "io.containerd.cgroups.v2.Metrics", value: metricsV2(stats) };
  return { typeUrl: "io.containerd.cgroups.v1.Metrics", value: metricsV1(stats) };
}

/** `total_pgpgin` of memory.stat as a member of the message. */
function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Names of v1 that the message has in other words. */
const V1_NAMES: Readonly<Record<string, string>> = {
  pgpgin: "pgPgIn",
  pgpgout: "pgPgOut",
  pgfault: "pgFault",
  pgmajfault: "pgMajFault",
  total_pgpgin: "totalPgPgIn",
  total_pgpgout: "totalPgPgOut",
  total_pgfault: "totalPgFault",
  total_pgmajfault: "totalPgMajFault",
  hierarchical_memsw_limit: "hierarchicalSwapLimit",
};

function renamed(raw: Counts | undefined, names: Readonly<Record<string, string>>): Record<string, Count> {
  const result: Record<string, Count> = {};
  for (const [name, value] of Object.entries(raw ?? {})) result[names[name] ?? camel(name)] = value;
  return result;
}

function one(values: Readonly<Record<string, Count | readonly Count[]>> | undefined, name: string): Count | undefined {
  const value = values?.[name];
  return typeof value === "object" ? undefined : value;
}

function entryV1(entry: MemoryEntry | undefined): Draft<MemoryEntryV1> | undefined {
  return entry === undefined ? undefined : { limit: entry.limit, usage: entry.usage, max: entry.max, failcnt: entry.failcnt };
}

function blkioV1(entries: readonly BlkioEntry[] | undefined): Draft<BlkIoEntryV1>[] {
  return (entries ?? []).map(({ op, major, minor, value }) => ({ op, major, minor, value, device: "" }));
}

function rdma(stats: CgroupStats): Draft<RdmaStatV1> | undefined {
  const number = (value: Count | "max"): number => (value === "max" ? 0xffffffff : Number(value));
  const entries = (list: readonly RdmaEntry[]): Draft<RdmaStatV1>["current"] =>
    list.map((each) => ({ device: each.device, hcaHandles: number(each.hcaHandles), hcaObjects: number(each.hcaObjects) }));
  return stats.rdma === undefined ? undefined : { current: entries(stats.rdma.current), limit: entries(stats.rdma.limit) };
}

function metricsV1(stats: CgroupStats): Uint8Array {
  const { cpu, memory, pids, blkio, hugetlb } = stats;
  const perCpu = cpu.usage?.["percpu"];
  const raw = renamed(memory.raw, V1_NAMES);
  return writeMetricsV1({
    hugetlb: Object.entries(hugetlb).map(([pagesize, { usage, max, failcnt }]) => ({ pagesize, usage, max, failcnt })),
    pids: { current: pids["current"], limit: pids["limit"] },
    cpu: {
      usage: {
        total: one(cpu.usage, "total"),
        kernel: one(cpu.usage, "kernel"),
        user: one(cpu.usage, "user"),
        perCpu: typeof perCpu === "object" ? perCpu : [],
      },
      throttling: {
        periods: cpu.throttling?.["periods"],
        throttledPeriods: cpu.throttling?.["throttledPeriods"],
        throttledTime: cpu.throttling?.["throttledTime"],
      },
    },
    memory: {
      ...raw,
      usage: entryV1(memory.usage),
      swap: entryV1(memory.swap),
      kernel: entryV1(memory.kernel),
      kernelTcp: entryV1(memory.kernelTCP),
    },
    memoryOomControl: { oomKill: memory.oomKills },
    blkio: {
      ioServiceBytesRecursive: blkioV1(blkio.ioServiceBytesRecursive),
      ioServicedRecursive: blkioV1(blkio.ioServicedRecursive),
      ioQueuedRecursive: blkioV1(blkio.ioQueueRecursive),
      ioServiceTimeRecursive: blkioV1(blkio.ioServiceTimeRecursive),
      ioWaitTimeRecursive: blkioV1(blkio.ioWaitTimeRecursive),
      ioMergedRecursive: blkioV1(blkio.ioMergedRecursive),
      ioTimeRecursive: blkioV1(blkio.ioTimeRecursive),
      sectorsRecursive: blkioV1(blkio.sectorsRecursive),
    },
    rdma: rdma(stats),
  });
}

/** Nanoseconds as microseconds. */
function microseconds(value: Count | undefined): Count | undefined {
  return value === undefined ? undefined : typeof value === "bigint" ? value / 1000n : Math.round(value / 1000);
}

function psiV2(psi: PressureStats | undefined): Draft<PsiStatsV2> | undefined {
  return psi === undefined ? undefined : { some: psi.some, full: psi.full };
}

/** io.stat has a line a device, runc's form an entry a number. */
function ioV2(blkio: CgroupStats["blkio"]): Draft<IoEntryV2>[] {
  const devices = new Map<string, Record<string, Count>>();
  const add = (entries: readonly BlkioEntry[] | undefined, names: Readonly<Record<string, string>>): void => {
    for (const { major = 0, minor = 0, op = "", value = 0 } of entries ?? []) {
      const device = devices.get(`${major}:${minor}`) ?? { major, minor };
      const name = names[op];
      if (name !== undefined) device[name] = value;
      devices.set(`${major}:${minor}`, device);
    }
  };
  add(blkio.ioServiceBytesRecursive, { Read: "rbytes", Write: "wbytes" });
  add(blkio.ioServicedRecursive, { Read: "rios", Write: "wios" });
  return [...devices.values()];
}

function metricsV2(stats: CgroupStats): Uint8Array {
  const { cpu, memory, pids, blkio, hugetlb } = stats;
  const { usage, swap, events } = memory;
  const both = swap?.usage ?? 0;
  const swapUsage = swap === undefined ? undefined : Number(both) - Number(usage?.usage ?? 0);
  const swapLimit = swap === undefined || swap.limit === NO_LIMIT ? swap?.limit : BigInt(swap.limit) - BigInt(usage?.limit ?? 0);
  return writeMetricsV2({
    pids: { current: pids["current"], limit: pids["limit"] ?? NO_LIMIT },
    cpu: {
      usageUsec: microseconds(one(cpu.usage, "total")),
      userUsec: microseconds(one(cpu.usage, "user")),
      systemUsec: microseconds(one(cpu.usage, "kernel")),
      nrPeriods: cpu.throttling?.["periods"],
      nrThrottled: cpu.throttling?.["throttledPeriods"],
      throttledUsec: microseconds(cpu.throttling?.["throttledTime"]),
      psi: psiV2(cpu.psi),
      nrBursts: cpu.burst?.["periods"],
      burstUsec: microseconds(cpu.burst?.["time"]),
    },
    memory: {
      ...renamed(memory.raw, { anon_thp: "anonThp" }),
      usage: usage?.usage,
      usageLimit: usage?.limit,
      swapUsage,
      swapLimit,
      maxUsage: usage?.max,
      psi: psiV2(memory.psi),
    },
    memoryEvents: {
      low: events?.["low"],
      high: events?.["high"],
      max: events?.["max"],
      oom: events?.["oom"],
      oomKill: events?.["oom_kill"],
      oomGroupKill: events?.["oom_group_kill"],
    },
    io: { usage: ioV2(blkio), psi: psiV2(blkio.psi) },
    rdma: rdma(stats),
    hugetlb: Object.entries(hugetlb).map(([pagesize, { usage: current, max, failcnt }]) => ({ pagesize, current, max, failcnt })),
  });
}
