// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { RuntimeError } from "../errors.ts";
import { errorEntry, formatJson, formatTerminal, formatText, quote } from "./log_format.ts";

const NOW = Date.UTC(2026, 10, 21, 6, 18, 39, 987);
const error = (message: string) => ({ level: "error" as const, message });

t.test("text, as runc 1.1.5 wrote it for the same messages", async (t) => {
  const lines: readonly (readonly [string, string])[] = [
    ["container does not exist", '"container does not exist"'],
    ['runc: "state" requires exactly 1 argument(s)', String.raw`"runc: \"state\" requires exactly 1 argument(s)"`],
    ["No help topic for 'nosuch'\n", String.raw`"No help topic for 'nosuch'\n"`],
    ["plain-text_1.0/@^+", "plain-text_1.0/@^+"],
  ];
  for (const [message, quoted] of lines) {
    t.equal(formatText(error(message), NOW), `time="2026-11-21T06:18:39Z" level=error msg=${quoted}\n`);
  }
  t.equal(formatText(error(""), NOW), 'time="2026-11-21T06:18:39Z" level=error\n');
  t.equal(formatText({ level: "warning", message: "w" }, 0), 'time="1970-01-01T00:00:00Z" level=warning msg=w\n');
});

t.test("JSON, as runc 1.1.5 wrote it", async (t) => {
  t.equal(
    formatJson(error("container does not exist"), NOW),
    '{"level":"error","msg":"container does not exist","time":"2026-11-21T06:18:39Z"}\n',
  );
  t.equal(
    formatJson(error("a <b> & \u2028\n"), NOW),
    '{"level":"error","msg":"a \\u003cb\\u003e \\u0026 \\u2028\\n","time":"2026-11-21T06:18:39Z"}\n',
  );
});

t.test("an error is one entry on one line, with its facts", async (t) => {
  const problems = [{ pointer: "/process", line: 1, column: 2, message: "missing" }];
  const facts = { pointer: "/mounts/2", path: "/proc", errno: 1, syscall: "mount", problems };
  const line = formatJson(errorEntry(new RuntimeError("STEP_FAILED", "first\nsecond", facts)), NOW);
  t.equal(line.indexOf("\n"), line.length - 1);
  const entry = JSON.parse(line) as Record<string, unknown>;
  t.strictSame(entry, {
    code: "STEP_FAILED",
    errno: 1,
    level: "error",
    msg: "first\nsecond",
    path: "/proc",
    pointer: "/mounts/2",
    problems,
    syscall: "mount",
    time: "2026-11-21T06:18:39Z",
  });
  t.strictSame(Object.keys(entry), Object.keys(entry).sort());
  const text = formatText(errorEntry(new RuntimeError("USAGE", "first\nsecond")), NOW);
  t.equal(text, 'time="2026-11-21T06:18:39Z" level=error msg="first\\nsecond"\n');
});

t.test("terminal", async (t) => {
  t.equal(formatTerminal(error("no"), 1.9), `\x1b[31mERRO\x1b[0m[0001] no${" ".repeat(42)} \n`);
  t.match(formatTerminal({ level: "warning", message: "w" }, 0), "\x1b[33mWARN\x1b[0m[0000] w");
  t.match(formatTerminal({ level: "debug", message: "d" }, 0), "\x1b[37mDEBU\x1b[0m[0000] d");
});

t.test("quote", async (t) => {
  t.equal(quote('\x00\x07\b\f\n\r\t\v\x1b\x7f"\\'), String.raw`"\x00\a\b\f\n\r\t\v\x1b\x7f\"\\"`);
  t.equal(quote("é€😀"), '"é€😀"');
  t.equal(quote("\u0085\u00a0\u200b\ufeff\u{e0001}"), String.raw`"\u0085\u00a0\u200b\ufeff\U000e0001"`);
  t.equal(quote("\ud800"), '"\ufffd"');
});
