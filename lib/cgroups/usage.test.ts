// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { sumOf, valueOf } from "./usage.ts";

t.test("a value by its key", async (t) => {
  t.equal(valueOf("usage_usec 12\nuser_usec 5\n", "usage_usec "), 12);
  t.equal(valueOf("low 0\noom 3\noom_kill 2\n", "oom_kill "), 2);
  t.equal(valueOf("nr 1\n", "usage_usec "), undefined);
  t.equal(valueOf("xoom_kill 2\n", "oom_kill "), undefined);
});

t.test("a sum over devices", async (t) => {
  t.equal(sumOf("8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=5 wbytes=0\n", "rbytes="), 15);
  t.equal(sumOf("8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n", "Write "), 20);
  t.equal(sumOf("", "rbytes="), undefined);
});
