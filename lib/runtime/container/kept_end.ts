// SPDX-License-Identifier: Apache-2.0
/** The end of a container as its keeper has noted it (`native/init/keeper.h`), and the end of the keeper itself. */
import { native } from "../../sys/native.ts";
import { hasStartedAt, readProcStat } from "../../sys/proc_stat.ts";
import { readable } from "../../sys/waiting.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import type { KeptEnd } from "../options.ts";
import type { ContainerRecord } from "../record.ts";
import type { Glance } from "./store.ts";

/** How long a keeper whose container has ended may take to end; milliseconds. */
const PATIENCE = 1000;

/** The end that the keeper noted; `undefined` where there is no note, or not yet. */
export function keptEnd(entry: Glance): KeptEnd | undefined {
  const text = entry.readExit();
  if (text === undefined) return undefined;
  try {
    const { exitCode, signal, oomKilled, endedNs } = JSON.parse(text) as Partial<Record<string, unknown>>;
    if (typeof exitCode !== "number" || typeof endedNs !== "string") return undefined;
    return {
      exitCode,
      ...(typeof signal === "number" ? { signal } : {}),
      oomKilled: oomKilled === true,
      ended: timeText(endedNs),
    };
  } catch {
    return undefined;
  }
}

/** The time in RFC 3339, from nanoseconds since 1970. */
function timeText(nanoseconds: string): string {
  const milliseconds = Number(nanoseconds.slice(0, -6));
  const whole = new Date(milliseconds).toISOString().slice(0, 19);
  return `${whole}.${nanoseconds.slice(-9).padStart(9, "0")}Z`;
}

/** Waits until the keeper of an ended container has written its note; a keeper that does not end is killed. */
export async function awaitKeeper({ keeper }: ContainerRecord): Promise<void> {
  if (keeper === undefined) return;
  const pidfd = native.pidfdOpen(keeper.pid);
  if (pidfd < 0) return;
  try {
    // The process is checked after the pidfd was opened, so the descriptor stands for the process that was checked.
    const stat = readProcStat(keeper.pid);
    if (stat === undefined || stat.state === "Z" || !hasStartedAt(stat, keeper.start)) return;
    if (await readable(pidfd, PATIENCE)) return;
    native.pidfdKill(pidfd, SIGKILL);
    await readable(pidfd, PATIENCE);
  } finally {
    native.close(pidfd);
  }
}
