// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { cgroupStats } from "../open.ts";

/** A tree of files, and its directories by controller. */
function tree(t: Test, files: Readonly<Record<string, string>>): Record<string, string> {
  const root = t.testdir({});
  const paths: Record<string, string> = {};
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    const controller = path.slice(0, path.indexOf("/"));
    paths[controller === "unified" ? "" : controller] = join(root, controller);
  }
  return paths;
}

t.test("a container without cgroups: what is always there, and nothing else", async (t) => {
  const { cpuset, ...rest } = cgroupStats({});
  t.strictSame(rest, { cpu: {}, memory: {}, pids: {}, blkio: {}, hugetlb: {} });
  t.strictSame(Object.keys(cpuset), [
    "cpu_exclusive",
    "mem_hardwall",
    "mem_exclusive",
    "memory_migrate",
    "memory_spread_page",
    "memory_spread_slab",
    "memory_pressure",
    "sched_load_balance",
    "sched_relax_domain_level",
  ]);
});

t.test("cpu: nanoseconds, throttling, burst", async (t) => {
  const paths = tree(t, {
    "cpu/cpu.stat": "nr_periods 10\nnr_throttled 3\nthrottled_time 500\nnr_bursts 2\nburst_time 77\n",
    "cpuacct/cpuacct.usage": "123456789\n",
    "cpuacct/cpuacct.stat": "user 5\nsystem 7\n",
    "cpuacct/cpuacct.usage_percpu": "100 200 \n",
    "cpuacct/cpuacct.usage_all": "cpu user system\n0 1 2\n1 3 4\n",
  });
  t.strictSame(cgroupStats(paths).cpu, {
    usage: {
      total: 123456789,
      percpu: [100, 200],
      percpu_kernel: [2, 4],
      percpu_user: [1, 3],
      kernel: 70_000_000,
      user: 50_000_000,
    },
    throttling: { periods: 10, throttledPeriods: 3, throttledTime: 500 },
    burst: { periods: 2, time: 77 },
  });
});

t.test("memory: exact beyond 2^53, entries of zeros left out, OOM kills", async (t) => {
  const paths = tree(t, {
    "memory/memory.stat": "cache 4096\nrss 8192\n",
    "memory/memory.usage_in_bytes": "12288\n",
    "memory/memory.max_usage_in_bytes": "20480\n",
    "memory/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/memory.failcnt": "3\n",
    "memory/memory.kmem.usage_in_bytes": "0\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
  });
  t.strictSame(cgroupStats(paths).memory, {
    cache: 4096,
    usage: { limit: 9223372036854771712n, usage: 12288, max: 20480, failcnt: 3 },
    raw: { cache: 4096, rss: 8192 },
    oomKills: 2,
  });
});

t.test("pids, cpuset, rdma", async (t) => {
  const limited = tree(t, {
    "pids/pids.current": "4\n",
    "pids/pids.max": "10\n",
    "pids/pids.peak": "9\n",
    "pids/pids.events": "max 6\n",
    "cpuset/cpuset.cpus": "0-2,7\n",
    "cpuset/mems": "0\n",
    "cpuset/cpuset.sched_relax_domain_level": "-1\n",
    "rdma/rdma.current": "mlx4_0 hca_handle=1 hca_object=20\n",
    "rdma/rdma.max": "mlx4_0 hca_handle=2 hca_object=max\n",
  });
  const { pids, cpuset, rdma } = cgroupStats(limited);
  t.strictSame(pids, { current: 4, peak: 9, limit: 10, refused: 6 });
  t.match(cpuset, { cpus: [0, 1, 2, 7], mems: [0], sched_relax_domain_level: -1 });
  t.strictSame(rdma, {
    current: [{ device: "mlx4_0", hcaHandles: 1, hcaObjects: 20 }],
    limit: [{ device: "mlx4_0", hcaHandles: 2, hcaObjects: "max" }],
  });
  t.strictSame(cgroupStats(tree(t, { "pids/pids.max": "max\n", "pids/pids.current": "1\n" })).pids, { current: 1 });
});

t.test("blkio: the files of the scheduler that counts", async (t) => {
  const throttle = {
    "blkio/blkio.throttle.io_serviced": "8:0 Read 9\nTotal 9\n",
    "blkio/blkio.throttle.io_service_bytes": "8:0 Read 4096\n8:0 Write 0\nTotal 4096\n",
  };
  t.strictSame(cgroupStats(tree(t, throttle)).blkio, {
    ioServiceBytesRecursive: [
      { major: 8, op: "Read", value: 4096 },
      { major: 8, op: "Write" },
    ],
    ioServicedRecursive: [{ major: 8, op: "Read", value: 9 }],
  });
  const bfq = {
    ...throttle,
    "blkio/blkio.bfq.sectors_recursive": "",
    "blkio/blkio.bfq.io_serviced_recursive": "8:16 Read 1\nTotal 1\n",
    "blkio/blkio.bfq.io_service_bytes_recursive": "8:16 Read 512\nTotal 512\n",
  };
  t.strictSame(cgroupStats(tree(t, bfq)).blkio, {
    ioServiceBytesRecursive: [{ major: 8, minor: 16, op: "Read", value: 512 }],
    ioServicedRecursive: [{ major: 8, minor: 16, op: "Read", value: 1 }],
  });
  const wrong = tree(t, { "blkio/blkio.throttle.io_serviced": "nonsense\n" });
  t.throws(() => cgroupStats(wrong), { code: "CGROUP" });
});

t.test("hugetlb: reserved pages where the kernel counts them, also of the v2 hierarchy", async (t) => {
  const v1 = tree(t, {
    "hugetlb/hugetlb.2MB.limit_in_bytes": "9\n",
    "hugetlb/hugetlb.2MB.rsvd.limit_in_bytes": "9\n",
    "hugetlb/hugetlb.2MB.rsvd.usage_in_bytes": "4\n",
    "hugetlb/hugetlb.2MB.rsvd.max_usage_in_bytes": "5\n",
    "hugetlb/hugetlb.2MB.rsvd.failcnt": "6\n",
    "hugetlb/hugetlb.1GB.limit_in_bytes": "9\n",
    "hugetlb/hugetlb.1GB.usage_in_bytes": "1\n",
    "hugetlb/hugetlb.1GB.max_usage_in_bytes": "2\n",
    "hugetlb/hugetlb.1GB.failcnt": "0\n",
  });
  t.strictSame(cgroupStats(v1).hugetlb, {
    "1GB": { usage: 1, max: 2, failcnt: 0 },
    "2MB": { usage: 4, max: 5, failcnt: 6 },
  });
  const v2 = tree(t, {
    "unified/hugetlb.2MB.max": "max\n",
    "unified/hugetlb.2MB.rsvd.max": "max\n",
    "unified/hugetlb.2MB.current": "7\n",
    "unified/hugetlb.2MB.events": "max 3\n",
  });
  t.strictSame(cgroupStats(v2).hugetlb, { "2MB": { usage: 7, failcnt: 3 } });
});

t.test("pressure of the v2 hierarchy", async (t) => {
  const paths = tree(t, {
    "unified/cpu.pressure": "some avg10=1.50 avg60=0.25 avg300=0.00 total=77\n",
    "unified/io.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2\n",
  });
  const { cpu, blkio, memory } = cgroupStats(paths);
  t.strictSame(cpu, { psi: { some: { avg10: 1.5, avg60: 0.25, avg300: 0, total: 77 } } });
  t.match(blkio, { psi: { some: { total: 1 }, full: { total: 2 } } });
  t.strictSame(memory, {});
});
