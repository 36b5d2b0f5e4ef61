// SPDX-License-Identifier: Apache-2.0
/** Files of statistics that both versions of cgroups have, or that v1 takes from the v2 hierarchy of a hybrid host. */
import { RuntimeError } from "../../errors.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import type { CgroupStats, Pressure, PressureStats, RdmaEntry } from "./stats_types.ts";
import { type Count, keyValues, lines, nonZero, parseCount } from "./stats_parse.ts";

/** Files of a cpuset of v1 that hold a number. v2 has none of them, and runc shows them as 0 there. */
export const CPUSET_FLAGS = [
  "mem_hardwall",
  "mem_exclusive",
  "memory_migrate",
  "memory_spread_page",
  "memory_spread_slab",
  "memory_pressure",
  "sched_load_balance",
  "sched_relax_domain_level",
] as const;

/** Files of statistics may be long on machines with many processors or devices; bytes. */
const LIMIT = 1 << 20;

/** Text of a file of a cgroup; `undefined` if it does not exist. */
export type Read = (file: string) => string | undefined;

/** The way in which statistics read the files of cgroups. */
export interface StatsFiles {
  /** The text of a file, or -errno. */
  read(path: string): string | number;
  /** The names in a directory; none where there is no directory. */
  names(directory: string): readonly string[];
  /** A part of the statistics: one that is known already, where none of the files that it was made of has changed, or a new one. */
  part<Part>(name: string, make: () => Part): Part;
}

/** Reads each file when it is asked for. */
export const STATS_FILES: StatsFiles = {
  read: (path) => native.readFile(AT_FDCWD, path, LIMIT),
  names(directory) {
    const names = native.readdir(AT_FDCWD, directory);
    return typeof names === "number" ? [] : names;
  },
  part: (_, make) => make(),
};

/** Reads files of a directory; none where there is no directory. */
export function reader(files: StatsFiles, directory: string | undefined): Read {
  return directory === undefined ? () => undefined : (file) => readFile(files, `${directory}/${file}`);
}

function readFile(files: StatsFiles, path: string): string | undefined {
  const text = files.read(path);
  if (typeof text === "string") return text;
  // EOPNOTSUPP: pressure is compiled in, but switched off; ENODEV: the cgroup goes away meanwhile.
  if (text === -Errno.ENOENT || text === -Errno.EOPNOTSUPP || text === -Errno.ENODEV) return undefined;
  throw new RuntimeError("CGROUP", `read ${path}: ${errnoText(-text)}`, { path, errno: -text });
}

/** The number that a file holds. @throws RuntimeError `CGROUP` */
export function count(read: Read, file: string): Count | undefined {
  const text = read(file);
  return text === undefined ? undefined : parseCount(text.trim(), file);
}

/** Sizes in the names `hugetlb.SIZE<end>` of a directory, sorted. */
export function pageSizes(files: StatsFiles, directory: string | undefined, end: string): string[] {
  const names = directory === undefined ? [] : files.names(directory);
  const sizes: string[] = [];
  for (const name of names) {
    const size = name.slice("hugetlb.".length, -end.length);
    if (name.startsWith("hugetlb.") && name.endsWith(end) && !size.includes(".")) sizes.push(size);
  }
  return sizes.sort();
}

/** Use and limits of RDMA devices. */
export function rdmaStats(read: Read): Pick<CgroupStats, "rdma"> {
  const current = read("rdma.current");
  if (current === undefined) return {};
  return { rdma: { current: rdmaEntries(current), limit: rdmaEntries(read("rdma.max") ?? "") } };
}

function rdmaEntries(text: string): RdmaEntry[] {
  return lines(text).map((line) => {
    const [device = "", ...pairs] = line.split(" ");
    const value = (name: string): Count | "max" => {
      const found = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "0";
      return found === "max" ? "max" : parseCount(found, "rdma");
    };
    return { device, hcaHandles: value("hca_handle"), hcaObjects: value("hca_object") };
  });
}

/** A *.pressure file; nothing where there is none. */
export function psi(read: Read, file: string): { readonly psi?: PressureStats } {
  const text = read(file);
  if (text === undefined) return {};
  const result: Record<string, Pressure> = {};
  for (const line of lines(text)) {
    const [kind = "", ...pairs] = line.split(" ");
    const value = (name: string): string => pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "0";
    result[kind] = {
      avg10: Number(value("avg10")),
      avg60: Number(value("avg60")),
      avg300: Number(value("avg300")),
      total: parseCount(value("total"), file),
    };
  }
  return Object.keys(result).length === 0 ? {} : { psi: result };
}

/** The number of processes, and its limit. */
export function pidsStats(read: Read): CgroupStats["pids"] {
  const limit = (read("pids.max") ?? "").trim();
  return nonZero({
    current: count(read, "pids.current"),
    // Not in runc: the highest number of processes at a time.
    peak: count(read, "pids.peak"),
    limit: limit === "" || limit === "max" ? 0 : parseCount(limit, "pids.max"),
    // Not in runc: forks that were refused because of the limit.
    refused: keyValues(read("pids.events") ?? "", "pids.events")["max"],
  });
}
