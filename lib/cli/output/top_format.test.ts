// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { sizeText, sortRows, topScreen, topTable } from "./top_format.ts";

const ROWS = [
  {
    id: "a",
    status: "running",
    pid: 1,
    cpu: 5,
    memory: 3_000_000,
    memoryLimit: 6_000_000,
    pressure: 1.25,
    pids: 3,
    pidsLimit: 10,
    readRate: 2048,
    writeRate: 0,
    oomKills: 2,
  },
  { id: "b", status: "stopped", pid: 0 },
  { id: "c", status: "paused", pid: 2, cpu: 70, memory: 1000, pids: 30 },
] as const;

t.test("sizes", async (t) => {
  t.same([0, 999, 1000, 1536, 123 * 1024, 5 * 2 ** 40].map(sizeText), ["0", "999", "1.0K", "1.5K", "123K", "5.0T"]);
  t.equal(sizeText(undefined), "-");
});

t.test("order", async (t) => {
  const order = (key: Parameters<typeof sortRows>[1]): string =>
    sortRows(ROWS, key)
      .map(({ id }) => id)
      .join("");
  t.same((["cpu", "memory", "pids", "io", "oom", "id"] as const).map(order), ["cab", "acb", "cab", "abc", "abc", "abc"]);
});

t.test("the table", async (t) => {
  const [head, first, second] = topTable(ROWS).split("\n");
  t.match(head, /^ID +STATE +CPU % +MEMORY +LIMIT/);
  t.match(first, /^a +running +5\.0 +2\.9M +5\.7M +50\.0 +1\.3 +3\/10 +2\.0K +0 +2$/);
  t.match(second, /^b +stopped( +-){9}$/);
});

t.test("a screen has no line too many and none too long", async (t) => {
  for (const [height, width] of [
    [1, 10],
    [3, 5],
    [4, 200],
    [100, 20],
  ] as const) {
    const lines = topScreen(ROWS, "cpu", height, width).split("\n");
    t.ok(lines.length <= height && lines.every((line) => line.length <= width), `${height} ${width}`);
  }
});
