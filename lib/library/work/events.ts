// SPDX-License-Identifier: Apache-2.0
/**
 * The events that a thread of the library sends while a container lives.
 *
 * Statistics are endless work: they have a thread of their own. It collects a few in a turn of its event loop, and no more
 * than the program reads.
 */
import type { OomWatch } from "../../cgroups/cgroup.ts";
import type { CgroupStats } from "../../cgroups/files/stats_types.ts";
import { watchOom } from "../../cgroups/open.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { runningRecord } from "../../runtime/operations/stats.ts";
import { readable } from "../../sys/waiting.ts";
import { difference, type SentEvent, type WorkEvent } from "./event_types.ts";
import { HeldFiles } from "./held_files.ts";
import { watchPressure } from "./pressure.ts";
import { notifyTogether } from "./shared_notify.ts";
import { type Ticked, Ticks } from "./ticks.ts";

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

/** The statistics of one reader. */
interface Counted extends Ticked {
  readonly files: HeldFiles;
  readonly room: Room;
  /** Sends the statistics of the files as they were read. */
  send(): void;
  /** There was no room. */
  drop(): void;
}

const ticks = new Ticks<Counted>((due) => {
  const wanted = due.filter((each) => each.room.has("stats") || (each.drop(), false));
  HeldFiles.refresh(wanted.map(({ files }) => files));
  for (const each of wanted) each.send();
});

/**
 * Tells of a container, until it is deleted.
 * @param interval between two statistics; milliseconds, 1 at least
 * @param giveUp ends the wait of this operation
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, HOST_UNABLE without a memory controller, CGROUP
 */
export async function watchEvents(
  context: RuntimeContext,
  id: string,
  interval: number,
  room: Room,
  emit: (event: SentEvent) => void,
  giveUp: () => void,
): Promise<void> {
  const { cgroup_paths: paths } = runningRecord(context, id);
  const owed = { oom: 0, pressure: 0 };
  const send = (event: SentEvent): void => {
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
  const oom = watchOom(paths, notifyTogether);
  const pressure = watchPressure(paths, () => {
    owed.pressure++;
    flush();
  });
  const files = new HeldFiles(paths);
  let failure: unknown;
  let before: Partial<CgroupStats> = {};
  let dropped = 0;
  const counted: Counted = {
    interval: Math.max(1, interval),
    due: 0,
    files,
    room,
    send() {
      try {
        const now = files.stats();
        send({ type: "stats", id, ...difference(before, now), dropped });
        before = now;
        dropped = 0;
      } catch (error) {
        ticks.remove(counted);
        failure = error;
        giveUp();
      }
    },
    drop: () => void dropped++,
  };
  ticks.add(counted);
  try {
    await untilGone(oom, (ooms) => ((owed.oom += ooms), flush()));
  } catch (error) {
    throw failure ?? error;
  } finally {
    ticks.remove(counted);
    files.close();
    pressure?.();
    oom.close();
  }
}

/** Tells of OOM kills until the cgroup is gone. */
async function untilGone(oom: OomWatch, tell: (ooms: number) => void): Promise<void> {
  for (;;) {
    await readable(oom.fd);
    const { ooms, gone } = await oom.read();
    tell(ooms);
    if (gone) return;
  }
}
