// SPDX-License-Identifier: Apache-2.0
/** The resource use of all containers, sampled repeatedly. */
import { readSlowUsage, UsageReader, type SlowUsage, type Usage } from "../../cgroups/usage.ts";
import { RuntimeError } from "../../errors.ts";
import { native } from "../../sys/native.ts";
import { status } from "../container/status.ts";
import { find, ids, recordOf } from "../container/store.ts";
import type { RuntimeContext, StateReport } from "../options.ts";
import type { ContainerRecord } from "../record.ts";

/** One container at one time; values that are not known are absent. */
export interface TopRow {
  readonly id: string;
  readonly status: StateReport["status"];
  readonly pid: number;
  /** Percent of one processor since the sample before. */
  readonly cpu?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly memoryLimit?: number;
  /** Percent of the last ten seconds in which at least one task waited for memory. */
  readonly pressure?: number;
  readonly pids?: number;
  readonly pidsLimit?: number;
  /** Bytes a second. */
  readonly readRate?: number;
  readonly writeRate?: number;
  readonly oomKills?: number;
}

/** The state of a container that is kept between samples. */
interface Known {
  record: ContainerRecord;
  reader: UsageReader;
  status: StateReport["status"];
  /** When the use was read; milliseconds. */
  at: number;
  usage: Usage;
  slowAt: number;
  slow: SlowUsage;
  rates: { readonly readRate?: number; readonly writeRate?: number };
}

/** Values that change seldom are read at every sixteenth sample, at a different one for each container. */
const SLOW = 16;

/** Samples the containers of a root directory. */
export class Top {
  readonly #context: RuntimeContext;
  /** Ids of the containers to show; empty: all. */
  readonly #wanted: readonly string[];
  #known = new Map<string, Known>();
  #round = 0;

  /** @throws INVALID_ID, CONTAINER_NOT_FOUND for one of `wanted` */
  constructor(context: RuntimeContext, wanted: readonly string[]) {
    this.#context = context;
    this.#wanted = wanted;
    for (const id of wanted) find(context.root, id).close();
  }

  /** All containers, by id. The first sample has no shares and rates. */
  sample(): readonly TopRow[] {
    const rows: TopRow[] = [];
    const next = new Map<string, Known>();
    const names = this.#wanted.length > 0 ? this.#wanted : ids(this.#context.root);
    names.forEach((id, index) => {
      const before = this.#known.get(id);
      const isSlow = before === undefined || (this.#round + index) % SLOW === 0;
      const now = isSlow ? this.#look(id, before) : before;
      if (now === undefined) return;
      next.set(id, now);
      rows.push(rowOf(id, now, isSlow));
    });
    for (const [id, { reader }] of this.#known) if (next.get(id)?.reader !== reader) reader.close();
    this.#known = next;
    this.#round += 1;
    return rows;
  }

  /** Closes the files that are kept open between samples. */
  close(): void {
    for (const { reader } of this.#known.values()) reader.close();
    this.#known = new Map();
  }

  /** Everything of one container; `undefined` where it is gone, or cannot be read. */
  #look(id: string, before: Known | undefined): Known | undefined {
    try {
      const entry = find(this.#context.root, id);
      try {
        const record = recordOf(entry);
        if (record === undefined) return undefined;
        const slowAt = native.now();
        const slow = readSlowUsage(record.cgroup_paths);
        const isSame = before?.record.init_process_pid === record.init_process_pid;
        const rates = isSame ? ratesOf(before, slow, slowAt) : {};
        const { usage, at, reader } = isSame ? before : { usage: {}, at: 0, reader: new UsageReader(record.cgroup_paths) };
        return { record, reader, status: status(entry, record), at, usage, slowAt, slow, rates };
      } finally {
        entry.close();
      }
    } catch (error) {
      if (error instanceof RuntimeError) return undefined;
      throw error;
    }
  }
}

function ratesOf(before: Known, slow: SlowUsage, at: number): Known["rates"] {
  const seconds = (at - before.slowAt) / 1000;
  const rate = (one: number | undefined, other: number | undefined): number | undefined =>
    one === undefined || seconds <= 0 ? undefined : Math.max(0, (one - (other ?? 0)) / seconds);
  const [readRate, writeRate] = [rate(slow.read, before.slow.read), rate(slow.written, before.slow.written)];
  return { ...(readRate !== undefined && { readRate }), ...(writeRate !== undefined && { writeRate }) };
}

/** Reads the values that change all the time. */
function rowOf(id: string, now: Known, isSlow: boolean): TopRow {
  const { record, slow, rates, usage: before, at } = now;
  const usage = record.no_cgroup === true ? {} : now.reader.read(isSlow);
  now.at = native.now();
  now.usage = usage;
  const spent = usage.cpu === undefined || before.cpu === undefined ? undefined : usage.cpu - before.cpu;
  const cpu = spent === undefined ? undefined : Math.max(0, spent / (now.at - at) / 10);
  const { memoryLimit, pressure, pidsLimit, oomKills } = slow;
  return {
    id,
    status: now.status,
    pid: now.status === "stopped" ? 0 : record.init_process_pid,
    ...(cpu !== undefined && { cpu }),
    ...(usage.memory !== undefined && { memory: usage.memory }),
    ...(memoryLimit !== undefined && { memoryLimit }),
    ...(pressure !== undefined && { pressure }),
    ...(usage.pids !== undefined && { pids: usage.pids }),
    ...(pidsLimit !== undefined && { pidsLimit }),
    ...rates,
    ...(oomKills !== undefined && { oomKills }),
  };
}
