// SPDX-License-Identifier: Apache-2.0
/** The kernel's counts for a container on cgroup v2, in runc's shape, which is that of v1. */
import { blkioOf } from "./stats_io.ts";
import type { CgroupStats, HugetlbStats, MemoryEntry, MemoryStats, MiscStats } from "../files/stats_types.ts";
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
import { type Count, cpuList, keyValues, nonZero, parseCount } from "../files/stats_parse.ts";

/** runc's number for "no limit": the largest one of 64 bits. */
const NO_LIMIT = 18446744073709551615n;

/**
 * The statistics of a container.
 *
 * @param directory absolute path of its cgroup
 * @throws RuntimeError `CGROUP` for a file that cannot be read or understood
 */
export function unifiedStats(directory: string, files: StatsFiles): CgroupStats {
  const read = reader(files, directory);
  return {
    cpu: files.part("cpu", () => cpuStats(read)),
    cpuset: files.part("cpuset", () => cpusetStats(read)),
    memory: files.part("memory", () => memoryStats(read)),
    pids: files.part("pids", () => pidsStats(read)),
    blkio: files.part("blkio", () => ({ ...blkioOf(read("io.stat") ?? ""), ...psi(read, "io.pressure") })),
    hugetlb: files.part("hugetlb", () => hugetlbStats(files, directory, read)),
    ...files.part("rdma", () => rdmaStats(read)),
    ...files.part("misc", () => miscStats(read)),
  };
}

/** The kernel counts microseconds, runc nanoseconds. */
function nanoseconds(value: Count | undefined): Count | undefined {
  if (value === undefined) return undefined;
  const product = BigInt(value) * 1000n;
  return product <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(product) : product;
}

function cpuStats(read: Read): CgroupStats["cpu"] {
  const text = read("cpu.stat");
  const stat = keyValues(text ?? "", "cpu.stat");
  const throttling = nonZero({
    periods: stat["nr_periods"],
    throttledPeriods: stat["nr_throttled"],
    throttledTime: nanoseconds(stat["throttled_usec"]),
  });
  const burst = nonZero({ periods: stat["nr_bursts"], time: nanoseconds(stat["burst_usec"]) });
  return {
    ...(text !== undefined && {
      usage: {
        ...nonZero({ total: nanoseconds(stat["usage_usec"]) }),
        kernel: nanoseconds(stat["system_usec"]) ?? 0,
        user: nanoseconds(stat["user_usec"]) ?? 0,
      },
    }),
    ...(Object.keys(throttling).length > 0 && { throttling }),
    ...psi(read, "cpu.pressure"),
    ...(Object.keys(burst).length > 0 && { burst }),
  };
}

function cpusetStats(read: Read): CgroupStats["cpuset"] {
  const list = (name: string): Record<string, readonly number[]> => {
    // Without a limit of its own a cgroup has the limit of the cgroups above.
    const own = (read(`cpuset.${name}`) ?? "").trim();
    const text = own === "" ? (read(`cpuset.${name}.effective`) ?? "").trim() : own;
    const numbers = cpuList(text, `cpuset.${name}`);
    return numbers.length === 0 ? {} : { [name]: numbers };
  };
  const result: Record<string, Count | readonly number[]> = { ...list("cpus"), cpu_exclusive: 0, ...list("mems") };
  for (const name of CPUSET_FLAGS) result[name] = 0;
  return result;
}

function memoryStats(read: Read): MemoryStats {
  const text = read("memory.stat");
  const raw = keyValues(text ?? "", "memory.stat");
  const events = keyValues(read("memory.events") ?? "", "memory.events");
  const swapEvents = keyValues(read("memory.swap.events") ?? "", "memory.swap.events");
  const limitOf = (file: string): Count => {
    const limit = (read(file) ?? "max").trim();
    return limit === "max" ? NO_LIMIT : parseCount(limit, file);
  };
  const current = count(read, "memory.current");
  const result: Record<string, unknown> = { ...nonZero({ cache: raw["file"] }) };
  if (current !== undefined) {
    const limit = limitOf("memory.max");
    const usage: MemoryEntry = {
      limit,
      // memory.peak came with Linux 5.19.
      ...nonZero({ usage: current, max: count(read, "memory.peak") }),
      failcnt: events["max"] ?? 0,
    };
    result["usage"] = usage;
    const swap = count(read, "memory.swap.current");
    if (swap !== undefined) {
      // Memory and swap together, as v1 counts them.
      const swapLimit = limitOf("memory.swap.max");
      const both = limit === NO_LIMIT || swapLimit === NO_LIMIT ? NO_LIMIT : sum(limit, swapLimit);
      result["swap"] = { limit: both, ...nonZero({ usage: sum(current, swap) }), failcnt: swapEvents["max"] ?? 0 };
    }
  }
  if (text !== undefined) result["raw"] = raw;
  Object.assign(result, psi(read, "memory.pressure"), nonZero({ oomKills: events["oom_kill"] }));
  for (const [name, counts] of Object.entries({ events: nonZero(events), swapEvents: nonZero(swapEvents) })) {
    if (Object.keys(counts).length > 0) result[name] = counts;
  }
  return result;
}

function sum(one: Count, other: Count): Count {
  const result = BigInt(one) + BigInt(other);
  return result <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(result) : result;
}

function hugetlbStats(files: StatsFiles, directory: string, read: Read): CgroupStats["hugetlb"] {
  const result: Record<string, HugetlbStats> = {};
  for (const size of pageSizes(files, directory, ".max")) {
    const usage = count(read, `hugetlb.${size}.rsvd.current`) ?? count(read, `hugetlb.${size}.current`);
    const events = keyValues(read(`hugetlb.${size}.events`) ?? "", `hugetlb.${size}.events`);
    result[size] = { ...nonZero({ usage }), failcnt: events["max"] ?? 0 };
  }
  return result;
}

function miscStats(read: Read): Pick<CgroupStats, "misc"> {
  const text = read("misc.current");
  if (text === undefined) return {};
  const peak = keyValues(read("misc.peak") ?? "", "misc.peak");
  const events = keyValues(read("misc.events") ?? "", "misc.events");
  const limits: Record<string, string> = {};
  for (const line of (read("misc.max") ?? "").split("\n")) {
    const [name = "", limit = ""] = line.split(" ");
    limits[name] = limit;
  }
  const misc: Record<string, MiscStats> = {};
  for (const [name, usage] of Object.entries(keyValues(text, "misc.current"))) {
    const limit = limits[name];
    misc[name] = {
      ...nonZero({ usage, max: peak[name], failcnt: events[`${name}.max`] }),
      ...(limit !== undefined && { limit: limit === "max" ? limit : parseCount(limit, "misc.max") }),
    };
  }
  return { misc };
}
