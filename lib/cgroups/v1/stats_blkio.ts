// SPDX-License-Identifier: Apache-2.0
/** Statistics of block devices on cgroup v1, which have other names under each I/O scheduler. */
import { BLKIO_NAMES, type BlkioStats } from "../files/stats_types.ts";
import type { BlkioEntry } from "../files/stats_types.ts";
import { RuntimeError } from "../../errors.ts";
import { type Count, lines, parseCount } from "../files/stats_parse.ts";

type Files = readonly (readonly [file: string, name: keyof BlkioStats])[];

const DEBUG: Files = [
  ["sectors_recursive", "sectorsRecursive"],
  ["io_service_time_recursive", "ioServiceTimeRecursive"],
  ["io_wait_time_recursive", "ioWaitTimeRecursive"],
  ["io_merged_recursive", "ioMergedRecursive"],
  ["io_queued_recursive", "ioQueueRecursive"],
  ["time_recursive", "ioTimeRecursive"],
];
const RECURSIVE: Files = [
  ["io_serviced_recursive", "ioServicedRecursive"],
  ["io_service_bytes_recursive", "ioServiceBytesRecursive"],
];
const FLAT: Files = [
  ["io_serviced", "ioServicedRecursive"],
  ["io_service_bytes", "ioServiceBytesRecursive"],
];

/** The first group that says anything is the one of the scheduler in use. */
const GROUPS: readonly (readonly [prefix: string, files: Files])[] = [
  ["blkio.bfq.", [...DEBUG, ...RECURSIVE]],
  ["blkio.bfq.", RECURSIVE],
  ["blkio.", [...DEBUG, ...RECURSIVE]],
  ["blkio.throttle.", RECURSIVE],
  ["blkio.throttle.", FLAT],
];

/**
 * @param read text of a file of the container's cgroup; `undefined` if it does not exist
 * @throws RuntimeError `CGROUP`
 */
export function blkioStats(read: (file: string) => string | undefined): BlkioStats {
  for (const [prefix, files] of GROUPS) {
    const found = new Map<string, BlkioEntry[]>();
    for (const [file, name] of files) {
      const entries = parse(read(`${prefix}${file}`) ?? "", `${prefix}${file}`);
      if (entries.length === 0) break;
      found.set(name, entries);
    }
    if (found.size === 0) continue;
    const result: Record<string, BlkioEntry[]> = {};
    for (const name of BLKIO_NAMES) {
      const entries = found.get(name);
      if (entries !== undefined) result[name] = entries;
    }
    return result;
  }
  return {};
}

/** Lines `8:0 Read 4096`, or `8:0 12`; the line of the total is left out. */
function parse(text: string, file: string): BlkioEntry[] {
  const entries: BlkioEntry[] = [];
  for (const line of lines(text)) {
    const words = line.split(" ");
    if (words[0] === "Total") continue;
    const [major, minor] = (words[0] ?? "").split(":");
    const op = words.length > 2 ? words[1] : undefined;
    const value = words[words.length - 1];
    if (major === undefined || minor === undefined || value === undefined || words.length < 2) {
      throw new RuntimeError("CGROUP", `${file}: a line of an unknown form: ${JSON.stringify(line)}`);
    }
    entries.push({
      ...shown("major", parseCount(major, file)),
      ...shown("minor", parseCount(minor, file)),
      ...(op !== undefined && { op }),
      ...shown("value", parseCount(value, file)),
    });
  }
  return entries;
}

function shown(name: string, value: Count): Record<string, Count> {
  return value === 0 ? {} : { [name]: value };
}
