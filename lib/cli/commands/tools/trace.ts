// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { readText } from "../../../sys/files.ts";
import { defineCommand } from "../../command.ts";
import { printed } from "../../result.ts";

export const TRACE = defineCommand({
  name: "trace",
  summary: "draw a timeline that --trace has written",
  arguments: "<file>",
  min: 1,
  max: 1,
  options: [],
  description: `Draws a timeline that the global option --trace has written: when each system call of the
runtime and each step of init began, how long it took, and from which property of config.json it comes.
Browsers draw the same file (ui.perfetto.dev, chrome://tracing).`,
  examples: ["# runt --trace web.json run --bundle /bundles/web web", "$ runt trace web.json"],
  seeAlso: ["runt-plan(8)", "runt-run(8)"],
  run(_context, _flags, [path]) {
    return printed(drawTrace(readText(path), path));
  },
});

/** Width of the drawn timeline; characters. */
const WIDTH = 40;

/** The part of an event that is drawn; times in microseconds. */
interface Span {
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly tid: number;
  readonly args: Readonly<Record<string, unknown>>;
}

/**
 * A line for each event: its start, its duration, the process, a bar on the timeline, and its name. Pure.
 * @param path names the file in errors
 */
export function drawTrace(text: string, path: string): string {
  const spans = parse(text, path);
  const first = Math.min(...spans.map(({ ts }) => ts));
  const last = Math.max(...spans.map(({ ts, dur }) => ts + dur));
  const scale = WIDTH / Math.max(1, last - first);
  const lines = spans.map(({ name, ts, dur, tid, args }) => {
    const from = Math.min(WIDTH - 1, Math.floor((ts - first) * scale));
    const length = Math.max(1, Math.min(WIDTH - from, Math.round(dur * scale)));
    const bar = `${" ".repeat(from)}${(dur === 0 ? "|" : "#").repeat(length)}`.padEnd(WIDTH);
    const who = tid === 2 ? "init" : "runt";
    return `${milliseconds(ts - first)} ${milliseconds(dur)}  ${who}  ${bar}  ${name}${details(args)}`.trimEnd();
  });
  return `${"at ms".padStart(9)} ${"took ms".padStart(9)}\n${lines.join("\n")}\n`;
}

function milliseconds(microseconds: number): string {
  return (microseconds / 1000).toFixed(3).padStart(9);
}

/** The arguments that a person can read. */
function details({ arguments: list, target, path, origin }: Readonly<Record<string, unknown>>): string {
  const texts = Array.isArray(list) ? list.filter((each) => typeof each === "string" && each !== "") : [];
  const words = [...texts, target ?? path, origin].filter((each) => typeof each === "string" && each !== "");
  return words.length === 0 ? "" : ` ${words.map((word) => String(word).split("\n")[0]?.slice(0, 60)).join(" ")}`;
}

function parse(text: string, path: string): readonly Span[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const spans: Span[] = [];
  for (const each of Array.isArray(value) ? (value as unknown[]) : []) {
    const { name, ts, dur = 0, tid = 1, args = {}, ph } = (each ?? {}) as Partial<Span & { readonly ph: string }>;
    if (ph !== "X" && ph !== "i") continue;
    if (typeof name === "string" && typeof ts === "number" && typeof dur === "number") spans.push({ name, ts, dur, tid, args });
  }
  if (spans.length > 0) return spans;
  throw new RuntimeError("USAGE", `${path} has no timeline: it is not a file that --trace has written`, { path });
}
