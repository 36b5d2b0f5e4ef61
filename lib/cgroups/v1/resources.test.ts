// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { resourceWrites } from "./resources.ts";
import type { LinuxResources } from "../../spec/types.ts";

const UNLIMITED = "9223372036854771712\n";

/** `file value` of each write, for a cgroup whose memory limit is `limit`. */
function lines(resources: LinuxResources, update = false, limit: string | undefined = UNLIMITED): string[] {
  const read = (_: string, file: string): string | undefined => (file === "memory.limit_in_bytes" ? limit : undefined);
  return resourceWrites(resources, { read }, update).map(({ file, value }) => `${file} ${value}`);
}

function writes(resources: LinuxResources) {
  return resourceWrites(resources, { read: () => undefined }, false);
}

t.test("nothing asked, nothing written", async (t) => {
  t.strictSame(lines({}), []);
  t.strictSame(lines({ devices: [], memory: {}, cpu: {}, pids: {}, blockIO: {}, network: {}, unified: {} }), []);
});

t.test("memory of a new container", async (t) => {
  t.strictSame(
    lines({
      memory: {
        limit: 50593792,
        swap: 50593793,
        reservation: 50593792,
        kernel: 50593792,
        kernelTCP: 50593792,
        swappiness: 50,
        disableOOMKiller: true,
      },
    }),
    [
      "memory.limit_in_bytes 50593792",
      "memory.memsw.limit_in_bytes 50593793",
      "memory.soft_limit_in_bytes 50593792",
      "memory.kmem.tcp.limit_in_bytes 50593792",
      "memory.oom_control 1",
      "memory.swappiness 50",
    ],
  );
  t.strictSame(lines({ memory: { limit: 0, swap: 0, disableOOMKiller: false, swappiness: -1 } }), []);
  t.strictSame(lines({ memory: { limit: 9223372036854775807n } }), ["memory.limit_in_bytes 9223372036854775807"]);
});

t.test("memory and swap are written so that the limit is never above both together", async (t) => {
  const memory = { limit: 2000, swap: 3000 };
  t.strictSame(lines({ memory }, true, "1000\n"), ["memory.memsw.limit_in_bytes 3000", "memory.limit_in_bytes 2000"]);
  t.strictSame(lines({ memory }, true, "5000\n"), ["memory.limit_in_bytes 2000", "memory.memsw.limit_in_bytes 3000"]);
  t.strictSame(lines({ memory: { limit: 5000, swap: -1 } }, true, "9000\n"), [
    "memory.memsw.limit_in_bytes -1",
    "memory.limit_in_bytes 5000",
  ]);
});

t.test("no limit of memory means none of swap, where there is such a file", async (t) => {
  const found = writes({ memory: { limit: -1 } });
  t.match(found, [
    { file: "memory.memsw.limit_in_bytes", value: "-1", ifMissing: "skip", pointer: "/linux/resources/memory/limit" },
    { file: "memory.limit_in_bytes", value: "-1" },
  ]);
});

t.test("memory that contradicts itself", async (t) => {
  const refused = (memory: NonNullable<LinuxResources["memory"]>, property: string, message: RegExp, update = false) =>
    t.throws(() => lines({ memory }, update), {
      code: "CONFIG_INVALID",
      message,
      facts: { pointer: `/linux/resources/memory/${property}` },
    });
  refused({ swap: 1000 }, "swap", /^linux\.resources\.memory\.swap: unable to set swap limit without memory limit$/);
  refused({ limit: 2000, swap: 1000 }, "swap", /^linux\.resources\.memory\.swap: 1000, .*\(2000\)$/);
  refused({ limit: 2000, swap: 1000 }, "swap", /less than/, true);
  refused({ limit: -1, swap: 1000 }, "swap", /less than/);
  refused({ limit: -2 }, "limit", /^linux\.resources\.memory\.limit: -2 is not a number of bytes/);
  refused({ reservation: -5 }, "reservation", /-5/);
  refused({ swappiness: 101 }, "swappiness", /invalid memory swappiness value: 101 \(valid range is 0-100\)/);
  t.strictSame(lines({ memory: { swap: 1000 } }, true), ["memory.memsw.limit_in_bytes 1000"]);
});

t.test("cpu and cpuset", async (t) => {
  const cpu = {
    shares: 1024,
    quota: 40000,
    burst: 1000,
    period: 20000,
    realtimeRuntime: 500,
    realtimePeriod: 1000,
    cpus: "0-1",
    mems: "0",
    idle: 1,
  };
  const found = writes({ cpu });
  t.strictSame(
    found.map(({ file, value }) => `${file} ${value}`),
    [
      "cpuset.cpus 0-1",
      "cpuset.mems 0",
      "cpu.shares 1024",
      "cpu.idle 1",
      "cpu.cfs_period_us 20000",
      "cpu.cfs_burst_us 1000",
      "cpu.cfs_quota_us 40000",
      "cpu.rt_period_us 1000",
      "cpu.rt_runtime_us 500",
    ],
  );
  t.match(found[0], { controller: "cpuset", otherFile: "cpus" });
  t.equal(found[2]?.check, "shares");
  t.strictSame(
    found.filter(({ ifInvalid }) => ifInvalid === "retry").map(({ file }) => file),
    ["cpu.cfs_period_us", "cpu.cfs_burst_us", "cpu.rt_period_us"],
  );
  t.equal(writes({ cpu: { period: 20000 } })[0]?.ifInvalid, undefined, "no quota follows: refused at once");
  t.strictSame(lines({ cpu: { idle: 0, shares: 2 } }), ["cpu.idle 0", "cpu.shares 2"]);
  t.strictSame(lines({ cpu: { shares: 0, quota: 0, period: 0, cpus: "", mems: "" } }), []);
  t.strictSame(lines({ cpu: { quota: -1, burst: 0 } }), ["cpu.cfs_burst_us 0", "cpu.cfs_quota_us -1"]);
  t.throws(() => lines({ cpu: { shares: -1 } }), {
    code: "CONFIG_INVALID",
    facts: { pointer: "/linux/resources/cpu/shares" },
  });
});

t.test("pids", async (t) => {
  t.strictSame(lines({ pids: { limit: 20 } }), ["pids.max 20"]);
  t.strictSame(lines({ pids: { limit: 0 } }), ["pids.max 1"]);
  t.strictSame(lines({ pids: { limit: -1 } }), ["pids.max max"]);
});

t.test("block devices", async (t) => {
  const device = { major: 8, minor: 0 };
  const found = writes({
    blockIO: {
      weight: 500,
      leafWeight: 400,
      weightDevice: [{ ...device, weight: 300, leafWeight: 200 }],
      throttleReadBpsDevice: [{ ...device, rate: 1 }],
      throttleWriteBpsDevice: [{ ...device, rate: 2 }],
      throttleReadIOPSDevice: [{ ...device, rate: 3 }],
      throttleWriteIOPSDevice: [{ ...device, rate: 4 }],
    },
  });
  t.strictSame(
    found.map(({ file, value }) => `${file} ${value}`),
    [
      "blkio.weight 500",
      "blkio.leaf_weight 400",
      "blkio.weight_device 8:0 300",
      "blkio.leaf_weight_device 8:0 200",
      "blkio.throttle.read_bps_device 8:0 1",
      "blkio.throttle.write_bps_device 8:0 2",
      "blkio.throttle.read_iops_device 8:0 3",
      "blkio.throttle.write_iops_device 8:0 4",
    ],
  );
  t.equal(found[0]?.otherFile, "blkio.bfq.weight");
  t.equal(found[2]?.otherFile, "blkio.bfq.weight_device");
  t.equal(found[7]?.pointer, "/linux/resources/blockIO/throttleWriteIOPSDevice/0/rate");
});

t.test("huge pages, network, rdma", async (t) => {
  const found = writes({
    hugepageLimits: [{ pageSize: "2MB", limit: 9007199254740993n }],
    network: { classID: 1048577, priorities: [{ name: "eth0", priority: 500 }] },
    rdma: { "mlx5/1": { hcaHandles: 3, hcaObjects: 10000 }, mlx4_0: { hcaObjects: 1 } },
  });
  t.strictSame(
    found.map(({ controller, file, value }) => `${controller} ${file} ${value}`),
    [
      "hugetlb hugetlb.2MB.limit_in_bytes 9007199254740993",
      "hugetlb hugetlb.2MB.rsvd.limit_in_bytes 9007199254740993",
      "net_cls net_cls.classid 1048577",
      "net_prio net_prio.ifpriomap eth0 500",
      "rdma rdma.max mlx5/1 hca_handle=3 hca_object=10000",
      "rdma rdma.max mlx4_0 hca_object=1",
    ],
  );
  t.equal(found[1]?.ifMissing, "skip");
  t.equal(found[4]?.pointer, "/linux/resources/rdma/mlx5~11");
});

t.test("unified does not exist on v1", async (t) => {
  t.throws(() => lines({ unified: { "memory.high": "1000" } }), {
    code: "HOST_UNABLE",
    message: /cannot use unified on cgroup v1/,
    facts: { pointer: "/linux/resources/unified" },
  });
});
