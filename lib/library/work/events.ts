// SPDX-License-Identifier: Apache-2.0
/**
 * The events that a thread of the library sends while a container lives.
 *
 * Statistics are endless work: they have a thread of their own. It collects one in a turn of its event loop, and no more
 * than the program reads.
 */
import type { CgroupStats } from "../../cgroups/files/stats_types.ts";
import { cgroupStats, watchOom } from "../../cgroups/open.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { runningRecord } from "../../runtime/operations/stats.ts";
import { native } from "../../sys/native.ts";
import { readable } from "../../sys/waiting.ts";
import { watchPressure } from "./pressure.ts";

/** Something that has happened to a container. */
export type WorkEvent =
  /** The container's use. `dropped` statistics before it were left out, because the program has not read them in time. */
  | { readonly type: "stats"; readonly id: string; readonly data: CgroupStats; readonly dropped: number }
  /** The kernel has had to kill processes of the container for want of memory, `count` times since the last event. */
  | { readonly type: "oom"; readonly id: string; readonly count: number }
  /** Processes of the container wait for memory; `count` times since the last event. */
  | { readonly type: "pressure"; readonly id: string; readonly count: number };

type Kind = WorkEvent["type"];

/** Events of a kind that are on their way to the program, at most. */
const ROOM: Readonly<Record<Kind, number>> = { stats: 2, oom: 1, pressure: 1 };

/** The events that one reader was sent and has not taken yet. */
export class Room {
  readonly #sent: Record<Kind, number> = { stats: 0, oom: 0, pressure: 0 };
  #told: (() => void) | undefined;

  has(kind: Kind): boolean {
    return this.#sent[kind] < ROOM[kind];
  }

  sent(kind: Kind): void {
    this.#sent[kind]++;
  }

  taken(kind: Kind): void {
    this.#sent[kind]--;
    this.#told?.();
  }

  /** Calls `told` whenever the program has taken something. */
  onTaken(told: () => void): void {
    this.#told = told;
  }
}

const waiting: (() => void)[] = [];

/** Waits for the caller's own turn of the event loop: the work of others comes between any two turns. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(next);
  });
}

function next(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(next);
}

/**
 * Tells of a container, until it is deleted.
 * @param interval time between two statistics, at least; milliseconds
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, HOST_UNABLE without a memory controller, CGROUP
 */
export async function watchEvents(
  context: RuntimeContext,
  id: string,
  interval: number,
  room: Room,
  emit: (event: WorkEvent) => void,
): Promise<void> {
  const { cgroup_paths: paths } = runningRecord(context, id);
  const owed = { oom: 0, pressure: 0 };
  let dropped = 0;
  const send = (event: WorkEvent): void => {
    room.sent(event.type);
    emit(event);
  };
  const flush = (): void => {
    for (const type of ["oom", "pressure"] as const) {
      if (owed[type] === 0 || !room.has(type)) continue;
      send({ type, id, count: owed[type] });
      owed[type] = 0;
    }
  };
  room.onTaken(flush);
  const oom = watchOom(paths);
  const pressure = watchPressure(paths, () => {
    owed.pressure++;
    flush();
  });
  try {
    let due = native.now() + interval;
    for (;;) {
      const left = Math.max(1, Math.ceil(due - native.now()));
      if (await readable(oom.fd, Math.min(left, 0x7fffffff))) {
        const { ooms, gone } = await oom.read();
        owed.oom += ooms;
        flush();
        if (gone) return;
      }
      if (native.now() < due) continue;
      if (room.has("stats")) {
        await turn();
        send({ type: "stats", id, data: cgroupStats(paths), dropped });
        dropped = 0;
      } else {
        dropped++;
      }
      // Ticks that were missed are not repeated.
      due = native.now() + interval;
    }
  } finally {
    pressure?.();
    oom.close();
  }
}
