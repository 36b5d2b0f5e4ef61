// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { Errno } from "../../../kernel/errno.ts";
import { POLLIN } from "../../../kernel/numbers.ts";
import { Top, type TopRow } from "../../../runtime/live/top.ts";
import type { RuntimeContext } from "../../../runtime/options.ts";
import { native } from "../../../sys/native.ts";
import { Signals } from "../../../sys/signals.ts";
import { defineCommand } from "../../command.ts";
import { parseDuration } from "../../duration.ts";
import { jsonText } from "../../output/json_text.ts";
import { SORT_KEYS, sortRows, topScreen, topTable, type SortKey } from "../../output/top_format.ts";
import { STDOUT, write } from "../../output/write.ts";
import { SILENT } from "../../result.ts";
import { FORMAT_TABLE } from "../../shared_options.ts";

/** Between the two samples of `--once`; milliseconds. */
const ONCE = 500;
/** A shorter time than this between two samples would show nothing; milliseconds. */
const SHORTEST = 50;
const SIGINT = 2;
const SIGTERM = 15;
const SIGHUP = 1;
const SIGWINCH = 28;
/** ^C and "q" end it. */
const END_KEYS = [3, 113];
const KEYS: Readonly<Record<string, SortKey>> = { c: "cpu", m: "memory", p: "pids", i: "io", o: "oom", n: "id" };

export const TOP = defineCommand({
  name: "top",
  summary: "show what the containers use, again and again",
  arguments: "[<container-id>...]",
  min: 0,
  max: Infinity,
  options: [
    { name: "once", type: "boolean", help: "print one table after half a second, and exit" },
    { name: "interval", type: "string", value: "TIME", default: "1s", help: "time between two refreshes" },
    {
      name: "sort",
      type: "string",
      choices: SORT_KEYS,
      default: "cpu",
      help: "what the containers are sorted by, the greatest first",
    },
    FORMAT_TABLE,
  ],
  description: `Shows the containers of the root directory, or those that are named: state, processor time in
percent of one processor, memory with its limit and the share of time in which something waited
for it, processes with their limit, bytes read from and written to block devices a second, and
how many processes the OOM killer has ended. What changes seldom is looked at every sixteenth time.

On a terminal the table is refreshed in its place. The keys c, m, p, i, o and n sort it by
processor, memory, processes, I/O, OOM kills and id; q or ^C ends it, and the terminal is as
before. Elsewhere each refresh is printed below the one before. With --format json each is an
array on one line, and numbers are bytes, bytes a second and percent.`,
  examples: ["# runt top --sort memory", "# runt top --once --format json web"],
  exitStatus: "0 when it was ended by a key or ^C, or with --once. 1 after an error.",
  seeAlso: ["runt-events(8)", "runt-list(8)", "top(1)"],
  async run(context, { once, interval = "1s", sort = "cpu", format = "table" }, wanted) {
    const pause = parseDuration(interval, "interval");
    if (pause < SHORTEST) throw new RuntimeError("USAGE", `--interval ${interval}: it is ${SHORTEST}ms or more`);
    const top = new Top(
      context,
      wanted.filter((id) => id !== ""),
    );
    top.sample();
    if (once === true) {
      native.poll(new Int32Array(0), ONCE);
      write(STDOUT, printable(top, sort, format));
    } else if (format === "table" && native.isatty(STDOUT) && native.isatty(0)) onTerminal(top, pause, sort);
    else printAgain(context, top, pause, sort, format);
    return SILENT;
  },
});

function printable(top: Top, sort: SortKey, format: string): string {
  const rows = sortRows(top.sample(), sort);
  return format === "json" ? `${jsonText(rows)}\n` : topTable(rows);
}

/** Prints until the reader has gone, or a signal comes. */
function printAgain(context: RuntimeContext, top: Top, pause: number, sort: SortKey, format: string): void {
  const signals = Signals.catch([SIGHUP, SIGINT, SIGTERM]);
  signals.endWaits(false);
  for (let next = native.now() + pause; ; next += pause) {
    native.poll(new Int32Array([signals.fd, POLLIN]), Math.max(0, Math.ceil(next - native.now())));
    if (signals.next() > 0) return;
    const text = printable(top, sort, format);
    if (write(STDOUT, text) !== 0) {
      context.log.debug("top: nobody reads the output any more");
      return;
    }
  }
}

/** Sequences that show the alternate screen without a cursor, and restore the screen. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

function onTerminal(top: Top, pause: number, sorted: SortKey): void {
  const signals = Signals.catch([SIGHUP, SIGINT, SIGTERM, SIGWINCH]);
  signals.endWaits(false);
  const saved = native.ttyRaw(0);
  const keys = new Uint8Array(64);
  let sort = sorted;
  write(STDOUT, ENTER);
  try {
    let rows: readonly TopRow[] = [];
    for (let next = native.now() + pause; ;) {
      const events = new Int32Array([signals.fd, POLLIN, 0, POLLIN]);
      native.poll(events, Math.max(0, Math.ceil(next - native.now())));
      for (let signal = signals.next(); signal > 0; signal = signals.next()) if (signal !== SIGWINCH) return;
      if ((events[3] ?? 0) !== 0) {
        const size = native.read(0, keys);
        // The terminal has gone.
        if (size === 0 || (size < 0 && size !== -Errno.EAGAIN && size !== -Errno.EINTR)) return;
        for (const key of keys.subarray(0, Math.max(0, size))) {
          if (END_KEYS.includes(key)) return;
          sort = KEYS[String.fromCharCode(key)] ?? sort;
        }
      }
      if (native.now() >= next) {
        rows = top.sample();
        next = Math.max(next + pause, native.now());
      }
      if (!draw(rows, sort)) return;
    }
  } finally {
    write(STDOUT, LEAVE);
    if (typeof saved !== "number") native.ttyRestore(0, saved);
  }
}

/** Draws over the old screen, each line to its end, so that nothing flickers. */
function draw(rows: readonly TopRow[], sort: SortKey): boolean {
  const size = native.ttyGetSize(STDOUT);
  const [height, width] = typeof size === "number" || size[0] === 0 ? [24, 80] : size;
  const screen = topScreen(sortRows(rows, sort), sort, height, width);
  return write(STDOUT, `\x1b[H${screen.replaceAll("\n", "\x1b[K\n")}\x1b[K\x1b[J`) === 0;
}
