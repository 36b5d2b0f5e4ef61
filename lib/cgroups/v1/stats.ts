// SPDX-License-Identifier: Apache-2.0
/** Statistics of a container on cgroup v1, and in the v2 hierarchy of a hybrid host. */
import type { CpuStats, MemoryEntry, MemoryStats, HugetlbStats, CgroupStats } from "../files/stats_types.ts";
import { blkioStats } from "./stats_blkio.ts";
import {
  count,
  CPUSET_FLAGS,
  pageSizes,
  pidsStats,
  psi,
  rdmaStats,
  reader,
  type Read,
  type StatsFiles,
} from "../files/stats_files.ts";
import { type Count, cpuList, keyValues, lines, nonZero, parseCount } from "../files/stats_parse.ts";

/** USER_HZ, the unit of cpuacct.stat, is 100 on every architecture that runt is built for. */
const NANOSECONDS_PER_TICK = 10_000_000;

/**
 * The statistics of a container.
 *
 * @param paths absolute directory by controller, as in `Cgroup.paths`
 * @throws RuntimeError `CGROUP` for a file that cannot be read or understood
 */
export function v1Stats(paths: Readonly<Record<string, string>>, files: StatsFiles): CgroupStats {
  const of = (controller: string): Read => reader(files, paths[controller]);
  const unified = of("");
  return {
    cpu: files.part("cpu", () => cpuStats(of("cpu"), of("cpuacct"), unified)),
    cpuset: files.part("cpuset", () => cpusetStats(of("cpuset"))),
    memory: files.part("memory", () => memoryStats(of("memory"), unified)),
    pids: files.part("pids", () => pidsStats(of("pids"))),
    blkio: files.part("blkio", () => ({ ...blkioStats(of("blkio")), ...psi(unified, "io.pressure") })),
    hugetlb: files.part("hugetlb", () => hugetlbStats(files, paths)),
    ...files.part("rdma", () => rdmaStats(of("rdma"))),
  };
}

function cpuStats(cpu: Read, cpuacct: Read, unified: Read): CpuStats {
  const stat = keyValues(cpu("cpu.stat") ?? "", "cpu.stat");
  const throttling = nonZero({
    periods: stat["nr_periods"],
    throttledPeriods: stat["nr_throttled"],
    throttledTime: stat["throttled_time"],
  });
  const burst = nonZero({ periods: stat["nr_bursts"], time: stat["burst_time"] });
  const total = count(cpuacct, "cpuacct.usage");
  const result: { -readonly [Name in keyof CpuStats]: CpuStats[Name] } = {};
  if (total !== undefined) {
    const ticks = keyValues(cpuacct("cpuacct.stat") ?? "", "cpuacct.stat");
    const nanoseconds = (value: Count | undefined): Count => Number(value ?? 0) * NANOSECONDS_PER_TICK;
    const perCpu = (cpuacct("cpuacct.usage_percpu") ?? "").split(" ").filter((word) => word.trim() !== "");
    // After a line of titles one for each processor: its number, user, system.
    const modes = lines(cpuacct("cpuacct.usage_all") ?? "")
      .slice(1)
      .map((line) => line.split(" "));
    const column = (index: number): Count[] => modes.map((row) => parseCount(row[index] ?? "", "cpuacct.usage_all"));
    result.usage = {
      ...nonZero({ total }),
      ...(perCpu.length > 0 && { percpu: perCpu.map((word) => parseCount(word.trim(), "cpuacct.usage_percpu")) }),
      ...(modes.length > 0 && { percpu_kernel: column(2), percpu_user: column(1) }),
      kernel: nanoseconds(ticks["system"]),
      user: nanoseconds(ticks["user"]),
    };
  }
  if (Object.keys(throttling).length > 0) result.throttling = throttling;
  Object.assign(result, psi(unified, "cpu.pressure"));
  if (Object.keys(burst).length > 0) result.burst = burst;
  return result;
}

function cpusetStats(read: Read): CgroupStats["cpuset"] {
  // A cpuset hierarchy can be mounted with `noprefix` (Android does).
  const value = (name: string): string => (read(`cpuset.${name}`) ?? read(name) ?? "").trim();
  const list = (name: string): Record<string, readonly number[]> => {
    const numbers = cpuList(value(name), `cpuset.${name}`);
    return numbers.length === 0 ? {} : { [name]: numbers };
  };
  const flag = (name: string): Record<string, Count> => {
    const text = value(name);
    return { [name]: text === "" ? 0 : parseCount(text, `cpuset.${name}`) };
  };
  const result: Record<string, Count | readonly number[]> = { ...list("cpus"), ...flag("cpu_exclusive"), ...list("mems") };
  for (const name of CPUSET_FLAGS) Object.assign(result, flag(name));
  return result;
}

function memoryStats(read: Read, unified: Read): MemoryStats {
  const stat = read("memory.stat");
  const raw = keyValues(stat ?? "", "memory.stat");
  const entry = (name: string): MemoryEntry | undefined => {
    const usage = count(read, `memory${name}.usage_in_bytes`);
    if (usage === undefined) return undefined;
    const max = count(read, `memory${name}.max_usage_in_bytes`);
    return {
      // Newer kernels have no limit of kernel memory any more.
      limit: count(read, `memory${name}.limit_in_bytes`) ?? 0,
      ...nonZero({ usage, max }),
      failcnt: count(read, `memory${name}.failcnt`) ?? 0,
    };
  };
  const result: Record<string, unknown> = { ...nonZero({ cache: raw["cache"] }) };
  for (const [name, infix] of [
    ["usage", ""],
    ["swap", ".memsw"],
    ["kernel", ".kmem"],
    ["kernelTCP", ".kmem.tcp"],
  ] as const) {
    const found = entry(infix);
    // runc leaves out an entry that holds nothing but zeros.
    if (found !== undefined && Object.values(found).some((value) => value !== 0)) result[name] = found;
  }
  if (stat !== undefined) result["raw"] = raw;
  Object.assign(result, psi(unified, "memory.pressure"));
  const oom = keyValues(read("memory.oom_control") ?? "", "memory.oom_control");
  Object.assign(result, nonZero({ oomKills: oom["oom_kill"] }));
  return result;
}

function hugetlbStats(files: StatsFiles, paths: Readonly<Record<string, string>>): CgroupStats["hugetlb"] {
  const { hugetlb: directory, "": unifiedDirectory } = paths;
  const [read, unified] = [reader(files, directory), reader(files, unifiedDirectory)];
  const result: Record<string, HugetlbStats> = {};
  for (const size of pageSizes(files, directory, ".limit_in_bytes")) {
    const reserved = `hugetlb.${size}.rsvd`;
    const prefix = read(`${reserved}.usage_in_bytes`) === undefined ? `hugetlb.${size}` : reserved;
    result[size] = {
      ...nonZero({ usage: count(read, `${prefix}.usage_in_bytes`), max: count(read, `${prefix}.max_usage_in_bytes`) }),
      failcnt: count(read, `${prefix}.failcnt`) ?? 0,
    };
  }
  for (const size of pageSizes(files, unifiedDirectory, ".max")) {
    const events = keyValues(unified(`hugetlb.${size}.events`) ?? "", `hugetlb.${size}.events`);
    const reserved = count(unified, `hugetlb.${size}.rsvd.current`);
    const usage = reserved ?? count(unified, `hugetlb.${size}.current`);
    result[size] = { ...nonZero({ usage }), failcnt: events["max"] ?? 0 };
  }
  return result;
}
