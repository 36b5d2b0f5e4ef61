// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { events, type ContainerEvent } from "../../../runtime/operations/events.ts";
import { stats } from "../../../runtime/operations/stats.ts";
import { defineCommand } from "../../command.ts";
import { parseDuration } from "../../duration.ts";
import { jsonText } from "../../output/json_text.ts";
import { STDOUT, write } from "../../output/write.ts";
import { printed, SILENT } from "../../result.ts";
import { ONE_ID } from "../../shared_options.ts";

export const EVENTS = defineCommand({
  name: "events",
  summary: "display container events such as OOM, and statistics of CPU, memory and I/O",
  ...ONE_ID,
  options: [
    { name: "interval", type: "string", value: "TIME", default: "5s", help: "time between two statistics" },
    { name: "stats", type: "boolean", help: "display the statistics once, and exit" },
  ],
  description: `Prints what happens to the container, a JSON object on each line: its statistics in an
interval, and "oom" whenever the kernel kills one of its processes because memory has run out.
It ends when the container is deleted.`,
  examples: ["# runt events --stats web", "# runt events --interval 1s web"],
  exitStatus: "0 when the container has been deleted, or with --stats when they are printed. 1 after an error.",
  seeAlso: ["runt-update(8)"],
  async run(context, flags, [id]) {
    const interval = parseDuration(flags.interval ?? "5s", "interval");
    if (interval <= 0) throw new RuntimeError("USAGE", "duration interval must be greater than 0");
    if (flags.stats === true) return printed(eventLine({ type: "stats", id, data: stats(context, id) }));
    // It also ends when the reader of the output has gone.
    await events(context, id, interval, (event) => write(STDOUT, eventLine(event)) === 0);
    return SILENT;
  },
});

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
    // runc reports only interfaces that it has made itself, and no config.json can ask for those.
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
