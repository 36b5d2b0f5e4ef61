// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { parseDuration } from "./duration.ts";

t.test("durations as Go writes them", async (t) => {
  for (const [text, milliseconds] of [
    ["5s", 5000],
    ["100ms", 100],
    ["1m30s", 90_000],
    ["1h0.5s", 3_600_500],
    [".5s", 500],
    ["2000us", 2],
    ["0", 0],
    ["+1s", 1000],
    ["-1.5s", -1500],
  ] as const) {
    t.equal(parseDuration(text, "interval"), milliseconds, text);
  }
});

t.test("what is none", async (t) => {
  for (const text of ["", "s", "5", "5x", "1s5", "-", "1..5s", "5 s"]) {
    t.throws(() => parseDuration(text, "interval"), { code: "USAGE", message: /for flag -interval: / }, text);
  }
});
