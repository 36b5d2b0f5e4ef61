// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { drawTrace } from "./trace.ts";

const EVENTS = [
  { name: "thread_name", ph: "M", ts: 0, tid: 1, args: { name: "runtime" } },
  { name: "runt run", ph: "X", ts: 1000, dur: 4000, tid: 1 },
  { name: "mkdir", ph: "X", ts: 2000, dur: 1000, tid: 1, args: { arguments: [-100, "/run/box", 448], returned: 0 } },
  { name: "a phase", ph: "i", ts: 3000, tid: 1 },
  { name: "mount", ph: "X", ts: 3000, dur: 2000, tid: 2, args: { target: "/proc", origin: "/mounts/0" } },
];

t.test("a line for each event, on one scale", async (t) => {
  const lines = drawTrace(JSON.stringify(EVENTS), "file").split("\n");
  t.same(lines, [
    "    at ms   took ms",
    `    0.000     4.000  runt  ${"#".repeat(40)}  runt run`,
    `    1.000     1.000  runt  ${" ".repeat(10)}${"#".repeat(10)}${" ".repeat(20)}  mkdir /run/box`,
    `    2.000     0.000  runt  ${" ".repeat(20)}|${" ".repeat(19)}  a phase`,
    `    2.000     2.000  init  ${" ".repeat(20)}${"#".repeat(20)}  mount /proc /mounts/0`,
    "",
  ]);
});

t.test("what is no timeline", async (t) => {
  for (const text of ["", "{}", "[]", '[null, 1, { "ph": "X" }]']) {
    t.throws(() => drawTrace(text, "file"), { code: "USAGE", facts: { path: "file" } }, text);
  }
});
