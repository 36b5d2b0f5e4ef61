// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { cgroupStats } from "../open.ts";
import type { CgroupStats } from "../files/stats_types.ts";

const NO_LIMIT = 18446744073709551615n;

function statsOf(t: Test, files: Readonly<Record<string, string>>): CgroupStats {
  const directory = join(t.testdir({}), "c");
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return cgroupStats({ "": directory });
}

t.test("cpu: nanoseconds from microseconds, throttling, burst, pressure", async (t) => {
  const { cpu } = statsOf(t, {
    "cpu.stat":
      "usage_usec 123\nuser_usec 100\nsystem_usec 23\nnr_periods 5\nnr_throttled 2\nthrottled_usec 7\nnr_bursts 1\nburst_usec 9\n",
    "cpu.pressure": "some avg10=0.50 avg60=0.10 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
  });
  t.strictSame(cpu, {
    usage: { total: 123000, kernel: 23000, user: 100000 },
    throttling: { periods: 5, throttledPeriods: 2, throttledTime: 7000 },
    psi: { some: { avg10: 0.5, avg60: 0.1, avg300: 0, total: 12 }, full: { avg10: 0, avg60: 0, avg300: 0, total: 0 } },
    burst: { periods: 1, time: 9000 },
  });
  t.strictSame(statsOf(t, { "cpu.stat": "usage_usec 9007199254740993\n" }).cpu.usage?.["total"], 9007199254740993000n);
});

t.test("memory: memory and swap together, peak, events", async (t) => {
  const { memory } = statsOf(t, {
    "memory.current": "4096\n",
    "memory.max": "8192\n",
    "memory.peak": "6000\n",
    "memory.swap.current": "100\n",
    "memory.swap.max": "1000\n",
    "memory.swap.events": "high 0\nmax 4\nfail 0\n",
    "memory.stat": "anon 1\nfile 2048\n",
    "memory.events": "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n",
  });
  t.strictSame(memory, {
    cache: 2048,
    usage: { limit: 8192, usage: 4096, max: 6000, failcnt: 3 },
    swap: { limit: 9192, usage: 4196, failcnt: 4 },
    raw: { anon: 1, file: 2048 },
    oomKills: 1,
    events: { max: 3, oom: 2, oom_kill: 1 },
    swapEvents: { max: 4 },
  });
  const none = statsOf(t, {
    "memory.current": "1\n",
    "memory.max": "max\n",
    "memory.swap.current": "0\n",
    "memory.swap.max": "5\n",
  }).memory;
  t.strictSame(none.usage, { limit: NO_LIMIT, usage: 1, failcnt: 0 });
  t.strictSame(none.swap, { limit: NO_LIMIT, usage: 1, failcnt: 0 });
});

t.test("pids, cpuset, block I/O", async (t) => {
  const stats = statsOf(t, {
    "pids.current": "3\n",
    "pids.max": "7\n",
    "pids.peak": "5\n",
    "pids.events": "max 2\n",
    "cpuset.cpus": "\n",
    "cpuset.cpus.effective": "0-1\n",
    "cpuset.mems": "0\n",
    "io.stat": "8:0 rbytes=90112 wbytes=0 rios=22 wios=1 dbytes=5 dios=6 cost.usage=7\n(unknown) rbytes=1\n",
  });
  t.strictSame(stats.pids, { current: 3, peak: 5, limit: 7, refused: 2 });
  t.strictSame([stats.cpuset["cpus"], stats.cpuset["mems"], stats.cpuset["cpu_exclusive"]], [[0, 1], [0], 0]);
  t.strictSame(stats.blkio, {
    ioServiceBytesRecursive: [
      { major: 8, op: "Read", value: 90112 },
      { major: 8, op: "Write" },
      { major: 8, op: "Discard", value: 5 },
    ],
    ioServicedRecursive: [
      { major: 8, op: "Read", value: 22 },
      { major: 8, op: "Write", value: 1 },
      { major: 8, op: "Discard", value: 6 },
    ],
  });
});

t.test("huge pages, rdma, misc", async (t) => {
  const stats = statsOf(t, {
    "hugetlb.2MB.max": "max\n",
    "hugetlb.2MB.current": "2097152\n",
    "hugetlb.2MB.rsvd.current": "4194304\n",
    "hugetlb.2MB.rsvd.max": "max\n",
    "hugetlb.2MB.events": "max 3\n",
    "rdma.current": "mlx5_1 hca_handle=2 hca_object=5\n",
    "rdma.max": "mlx5_1 hca_handle=3 hca_object=max\n",
    "misc.current": "res_a 3\nres_b 0\n",
    "misc.peak": "res_a 9\nres_b 0\n",
    "misc.max": "res_a max\nres_b 10\n",
    "misc.events": "res_a.max 0\nres_b.max 4\n",
  });
  t.strictSame(stats.hugetlb, { "2MB": { usage: 4194304, failcnt: 3 } });
  t.strictSame(stats.rdma, {
    current: [{ device: "mlx5_1", hcaHandles: 2, hcaObjects: 5 }],
    limit: [{ device: "mlx5_1", hcaHandles: 3, hcaObjects: "max" }],
  });
  t.strictSame(stats.misc, { res_a: { usage: 3, max: 9, limit: "max" }, res_b: { failcnt: 4, limit: 10 } });
});

t.test("an empty cgroup: what is always there", async (t) => {
  const { cpu, memory, pids, blkio, hugetlb } = statsOf(t, {});
  t.strictSame({ cpu, memory, pids, blkio, hugetlb }, { cpu: {}, memory: {}, pids: {}, blkio: {}, hugetlb: {} });
});
