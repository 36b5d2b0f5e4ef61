import { RuntimeError } from "../../errors.ts";
import { events as tellEvents, type ContainerEvent } from "../../runtime/operations/events.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { stats } from "../../runtime/operations/stats.ts";
import { jsonText } from "../output/json_text.ts";
import { type CommandResult, printed, SILENT } from "../result.ts";

/** Options of {@link events}. */
export interface EventsOptions {
  /** Statistics once, and nothing else. */
  readonly stats: boolean;
  /** Time between two statistics; milliseconds. */
  readonly interval: number;
  /** Prints what happens while the command runs; `false` where nobody reads it any more. */
  readonly print: (text: string) => boolean;
}

/**
 * `runt events`: what happens to a container, a JSON object on each line.
 *
 * @throws RuntimeError `USAGE` for an interval that is none, and those of the runtime's `events`
 */
export async function events(context: RuntimeContext, id: string, options: EventsOptions): Promise<CommandResult> {
  if (options.interval <= 0) throw new RuntimeError("USAGE", "duration interval must be greater than 0");
  if (options.stats) return printed(eventLine({ type: "stats", id, data: stats(context, id) }));
  await tellEvents(context, id, options.interval, (event) => options.print(eventLine(event)));
  return SILENT;
}

/** runc's line for an event, newline and all. Pure. */
export function eventLine(event: ContainerEvent): string {
  if (event.type === "oom") return `${jsonText({ type: "oom", id: event.id })}\n`;
  const { cpu, cpuset, memory, pids, blkio, hugetlb, rdma, misc } = event.data;
  const data = {
    cpu,
    cpuset,
    memory: memory.raw === undefined ? memory : { ...memory, raw: sorted(memory.raw) },
    pids,
    blkio,
    hugetlb,
    intel_rdt: {},
    // runc tells of interfaces only that it has made itself, which no config.json can ask for.
    network_interfaces: null,
    ...(rdma !== undefined && { rdma }),
    ...(misc !== undefined && { misc }),
  };
  return `${encode({ type: "stats", id: event.id, data })}\n`;
}

function sorted<Value>(values: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** JSON with integers of 64 bits, which `JSON.stringify` does not know. */
function encode(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(encode).join(",")}]`;
  if (typeof value !== "object" || value === null) return jsonText(value);
  return `{${Object.entries(value)
    .map(([name, member]) => `${jsonText(name)}:${encode(member)}`)
    .join(",")}}`;
}
