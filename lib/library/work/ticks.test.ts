// SPDX-License-Identifier: Apache-2.0
import { setTimeout } from "node:timers/promises";
import t from "tap";
import { native } from "../../sys/native.ts";
import { completed, difference } from "./event_types.ts";
import { type Ticked, Ticks } from "./ticks.ts";
import type { CgroupStats } from "../../cgroups/files/stats_types.ts";

t.test("each has its turn again and again, an interval apart, and those that are due together come together", async (t) => {
  const times = new Map<Ticked, number[]>();
  let calls = 0;
  const ticks = new Ticks((due) => {
    calls++;
    for (const each of due) times.get(each)?.push(native.now());
  });
  const all = Array.from({ length: 8 }, (): Ticked => ({ interval: 50, due: 0 }));
  for (const each of all) {
    times.set(each, []);
    ticks.add(each);
  }
  await setTimeout(1000);
  for (const each of all) ticks.remove(each);
  const counts = [...times.values()].map((each) => each.length);
  t.ok(Math.min(...counts) >= 3, `${counts.join(" ")} times`);
  for (const each of times.values())
    t.ok(
      each.every((time, at) => at === 0 || time - (each[at - 1] ?? 0) >= 49.9),
      "an interval apart, at least",
    );
  t.ok(calls <= Math.max(...counts) * 2, `${calls} calls`);
  const ended = calls;
  await setTimeout(120);
  t.equal(calls, ended, "one that was removed is over");
});

t.test("work that takes longer than its interval lets everything else have its turn", async (t) => {
  let done = 0;
  const ticks = new Ticks(() => {
    done++;
    const end = native.now() + 5;
    while (native.now() < end);
  });
  const all = Array.from({ length: 40 }, (): Ticked => ({ interval: 1, due: 0 }));
  for (const each of all) ticks.add(each);
  let turns = 0;
  for (let at = 0; at < 20; at++) {
    await setTimeout(1);
    turns++;
  }
  t.equal(turns, 20);
  t.ok(done > 3, `${done} times`);
  for (const each of all) ticks.remove(each);
});

t.test("statistics cross as what has changed", async (t) => {
  const pids = { current: 1 };
  const first = { cpu: {}, cpuset: {}, memory: {}, pids, blkio: {}, hugetlb: {}, misc: {} } as CgroupStats;
  const change = difference({}, first);
  t.strictSame(completed({}, change), first);
  const { misc: _, ...second } = { ...first, pids: { current: 2 } };
  const next = difference(first, second);
  t.strictSame(next, { changed: { pids: { current: 2 } }, gone: ["misc"] });
  t.strictSame(completed(first, next), second);
});
