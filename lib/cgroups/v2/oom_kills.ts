// SPDX-License-Identifier: Apache-2.0
/** Processes that the kernel has killed for want of memory, as cgroup v2 counts them. */
import { AT_FDCWD, exists, SMALL_FILE } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { parentOf } from "../files/tree.ts";

/** The number of OOM kills in a cgroup and below it; `undefined` if there is no such cgroup, or the kernel has no count. */
export function killsIn(directory: string): number | undefined {
  const text = native.readFile(AT_FDCWD, `${directory}/memory.events`, SMALL_FILE);
  if (typeof text === "number") return undefined;
  for (const line of text.split("\n")) if (line.startsWith("oom_kill ")) return Number(line.slice(9));
  return undefined;
}

/** Counts of OOM kills, by directory of each cgroup above one. */
export type KillsAbove = ReadonlyMap<string, number>;

/** The counts that {@link moreKillsAbove} compares with. Cgroups that do not exist yet are left out: nothing was killed there. */
export function killsAbove({ "": directory }: Readonly<Record<string, string>>): KillsAbove {
  const found = new Map<string, number>();
  if (directory === undefined) return found;
  for (let at = parentOf(directory); at !== "/"; at = parentOf(at)) {
    const kills = killsIn(at);
    // The root of the hierarchy does not count.
    if (kills !== undefined) found.set(at, kills);
    else if (exists(`${at}/cgroup.procs`)) break;
  }
  return found;
}

/** The number of OOM kills since then, in the remaining cgroups above one that is gone; it includes those beside that one. */
export function moreKillsAbove(before: KillsAbove, { "": directory }: Readonly<Record<string, string>>): number {
  if (directory === undefined || exists(directory)) return 0;
  for (let at = parentOf(directory); at !== "/"; at = parentOf(at)) {
    const kills = killsIn(at);
    if (kills !== undefined) return kills - (before.get(at) ?? 0);
  }
  return 0;
}
