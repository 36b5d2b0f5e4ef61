// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { barChart } from "./picture.ts";

const BARS = [
  { name: "run", runtime: "runt", median: 15, low: 10, high: 20 },
  { name: "run", runtime: "runc", median: 75, low: 70, high: 100 },
  { name: "a<b", runtime: "runt", median: 5, low: 5, high: 5 },
];

t.test("a bar for each runtime of each case, on one scale that begins at 0", async (t) => {
  const lines = barChart(BARS, ["run", "not measured", "a<b"], ["runt", "runc"]).split("\n");
  const widths = lines.flatMap((line) => (/^<rect x="280" .* width="([0-9.]+)" .* fill="(#\w+)"/.exec(line) ?? []).slice(1, 3));
  // 480 pixels are 100 ms.
  t.strictSame(widths, ["72", "#4c78a8", "360", "#f58518", "24", "#4c78a8"]);
  const ticks = lines.filter((line) => line.includes('text-anchor="middle"')).map((line) => />(\d+)</.exec(line)?.[1]);
  t.strictSame(ticks, ["0", "20", "40", "60", "80", "100", undefined]);
  t.ok(lines.some((line) => line.includes(">a&lt;b<")));
  t.notOk(lines.some((line) => line.includes("not measured")));
});
