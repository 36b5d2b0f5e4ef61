// SPDX-License-Identifier: Apache-2.0
/** io.stat of cgroup v2 under the names of v1's blkio. Pure. */
import type { BlkioStats } from "../files/stats_types.ts";
import type { BlkioEntry } from "../files/stats_types.ts";
import { lines, parseCount } from "../files/stats_parse.ts";

/** The name on v1 of each key of io.stat; others (of io.cost and io.latency) have none. */
const KEYS: readonly (readonly [key: string, name: "ioServiceBytesRecursive" | "ioServicedRecursive", op: string])[] = [
  ["rbytes", "ioServiceBytesRecursive", "Read"],
  ["wbytes", "ioServiceBytesRecursive", "Write"],
  ["dbytes", "ioServiceBytesRecursive", "Discard"],
  ["rios", "ioServicedRecursive", "Read"],
  ["wios", "ioServicedRecursive", "Write"],
  ["dios", "ioServicedRecursive", "Discard"],
];

/**
 * @param text lines such as `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`
 * @throws RuntimeError `CGROUP` for a text that is not a number
 */
export function blkioOf(text: string): BlkioStats {
  const found: Record<"ioServiceBytesRecursive" | "ioServicedRecursive", BlkioEntry[]> = {
    ioServiceBytesRecursive: [],
    ioServicedRecursive: [],
  };
  for (const line of lines(text)) {
    const [device = "", ...pairs] = line.split(" ");
    const [major = "", minor = ""] = device.split(":");
    // A device that is gone has no numbers.
    if (minor === "") continue;
    for (const [key, name, op] of KEYS) {
      const word = pairs.find((pair) => pair.startsWith(`${key}=`));
      if (word === undefined) continue;
      const entry: Record<string, unknown> = {};
      const shown = { major: parseCount(major, "io.stat"), minor: parseCount(minor, "io.stat") };
      for (const [field, number] of Object.entries(shown)) if (number !== 0) entry[field] = number;
      entry["op"] = op;
      const value = parseCount(word.slice(key.length + 1), "io.stat");
      if (value !== 0) entry["value"] = value;
      found[name].push(entry);
    }
  }
  const result: Record<string, readonly BlkioEntry[]> = {};
  for (const [name, entries] of Object.entries(found)) if (entries.length > 0) result[name] = entries;
  return result;
}
