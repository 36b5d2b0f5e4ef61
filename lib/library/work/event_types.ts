// SPDX-License-Identifier: Apache-2.0
/** Events of containers, and their form on the way from a thread to the program. */
import type { CgroupStats } from "../../cgroups/files/stats_types.ts";

/** Something that has happened to a container. */
export type WorkEvent =
  /** The container's use. `dropped` statistics before it were left out, because the program has not read them in time. */
  | { readonly type: "stats"; readonly id: string; readonly data: CgroupStats; readonly dropped: number }
  /** The kernel has had to kill processes of the container for want of memory, `count` times since the last event. */
  | { readonly type: "oom"; readonly id: string; readonly count: number }
  /** Processes of the container wait for memory; `count` times since the last event. */
  | { readonly type: "pressure"; readonly id: string; readonly count: number };

/** The difference between two statistics of a container: to copy all of them each time costs more than to read them. */
export interface StatsChange {
  readonly changed: Partial<CgroupStats>;
  /** Parts that are not there any more. */
  readonly gone: readonly (keyof CgroupStats)[];
}

export type SentStats = StatsChange & { readonly type: "stats"; readonly id: string; readonly dropped: number };

/** An event as it crosses between threads. */
export type SentEvent = Exclude<WorkEvent, { readonly type: "stats" }> | SentStats;

const namesOf = (stats: Partial<CgroupStats>): (keyof CgroupStats)[] => Object.keys(stats) as (keyof CgroupStats)[];

/** @param before the statistics that the program has; parts that are the same object have not changed */
export function difference(before: Partial<CgroupStats>, now: CgroupStats): StatsChange {
  const changed = Object.fromEntries(
    namesOf(now)
      .filter((name) => now[name] !== before[name])
      .map((name) => [name, now[name]]),
  );
  return { changed, gone: namesOf(before).filter((name) => now[name] === undefined) };
}

/** The statistics of a program that has `before`. The first change has all parts. */
export function completed(before: Partial<CgroupStats>, { changed, gone }: StatsChange): CgroupStats {
  const all = { ...before, ...changed };
  for (const name of gone) delete all[name];
  return all as CgroupStats;
}
