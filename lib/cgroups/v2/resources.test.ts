// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { LinuxResources } from "../../spec/types.ts";
import { ioWeight, unifiedWrites, weightOfShares } from "./resources.ts";

/** Writes as `file = value`, in order; then each ignored property, with a `-`. */
function writes(resources: LinuxResources, files: Record<string, string> = {}, update = false): string[] {
  const ignored: string[] = [];
  const found = unifiedWrites(resources, {
    read: (file) => files[file],
    update,
    ignored: (property) => void ignored.push(`- ${property}`),
  });
  return [...found.map(({ file, value }) => `${file} = ${value}`), ...ignored];
}

t.test("cpu: shares become a weight on the curve of today's runtimes", async (t) => {
  for (const [shares, weight] of [
    [1, 1],
    [2, 1],
    [3, 2],
    [102, 17],
    [512, 59],
    [1024, 100],
    [2048, 174],
    [262144, 10000],
    [500000, 10000],
  ] as const) {
    t.equal(weightOfShares(shares), weight, `shares ${shares}`);
  }
  t.strictSame(writes({ cpu: { shares: 1024 } }), ["cpu.weight = 100"]);
  t.strictSame(writes({ cpu: { shares: 0 } }), [], "0 is not set");
});

t.test("cpu: quota, period, burst, idle, cpuset", async (t) => {
  t.strictSame(writes({ cpu: { quota: 5000 } }), ["cpu.max = 5000 100000"]);
  t.strictSame(writes({ cpu: { quota: -1, period: 20000 } }), ["cpu.max = max 20000"]);
  t.strictSame(writes({ cpu: { period: 20000 } }), ["cpu.max = max 20000"]);
  t.strictSame(
    writes({ cpu: { quota: 7000 } }, { "cpu.max": "5000 20000\n" }, true),
    ["cpu.max = 7000 20000"],
    "an update keeps the period",
  );
  t.strictSame(writes({ cpu: { period: 30000 } }, { "cpu.max": "5000 20000\n" }, true), ["cpu.max = 5000 30000"]);
  t.strictSame(writes({ cpu: { burst: 1000, quota: 5000, period: 10000 } }), ["cpu.max.burst = 1000", "cpu.max = 5000 10000"]);
  t.strictSame(writes({ cpu: { idle: 1, shares: 2048 } }), ["cpu.idle = 1"], "an idle group has no weight");
  t.strictSame(writes({ cpu: { idle: 0, shares: 2048 } }), ["cpu.idle = 0", "cpu.weight = 174"]);
  t.strictSame(writes({ cpu: { cpus: "0-1", mems: "0" } }), ["cpuset.cpus = 0-1", "cpuset.mems = 0"]);
  t.strictSame(writes({ cpu: { realtimeRuntime: 1, realtimePeriod: 2 } }), ["- cpu/realtimeRuntime", "- cpu/realtimePeriod"]);
  t.throws(() => writes({ cpu: { shares: -1 } }), { code: "CONFIG_INVALID" });
});

t.test("memory: swap is what is above the limit", async (t) => {
  t.strictSame(writes({ memory: { limit: 1000, swap: 3000, reservation: 500 } }), [
    "memory.swap.max = 2000",
    "memory.max = 1000",
    "memory.low = 500",
  ]);
  t.strictSame(writes({ memory: { limit: 1000, swap: 1000 } }), ["memory.swap.max = 0", "memory.max = 1000"]);
  t.strictSame(writes({ memory: { limit: 1000, swap: -1 } }), ["memory.swap.max = max", "memory.max = 1000"]);
  t.strictSame(writes({ memory: { limit: -1 } }), ["memory.swap.max = max", "memory.max = max"]);
  t.strictSame(writes({ memory: { limit: 1000 } }), ["memory.max = 1000"]);
  t.strictSame(
    writes({ memory: { swap: 3000 } }, { "memory.max": "1000\n" }, true),
    ["memory.swap.max = 2000"],
    "an update knows the limit",
  );
  t.throws(() => writes({ memory: { swap: 3000 } }), {
    code: "CONFIG_INVALID",
    message: /unable to set swap limit without memory limit/,
  });
  t.throws(() => writes({ memory: { swap: 3000 } }, { "memory.max": "max\n" }, true), { code: "CONFIG_INVALID" });
  t.throws(() => writes({ memory: { swap: 300 } }, { "memory.max": "1000\n" }, true), { code: "CONFIG_INVALID" });
  t.throws(() => writes({ memory: { limit: 2000, swap: 1000 } }), { code: "CONFIG_INVALID" });
  t.throws(() => writes({ memory: { limit: -2 } }), { code: "CONFIG_INVALID" });
});

t.test("memory: checkBeforeUpdate, and what version 2 does not have", async (t) => {
  const files = { "memory.current": "5000\n" };
  t.throws(() => writes({ memory: { limit: 4000, checkBeforeUpdate: true } }, files), {
    code: "CGROUP",
    message: /rejecting memory limit 4000 <= usage 5000/,
  });
  t.throws(() => writes({ memory: { limit: 6000, swap: 6000, checkBeforeUpdate: true } }, { "memory.current": "6000" }), {
    message: /usage 6000/,
  });
  t.strictSame(writes({ memory: { limit: 6000, checkBeforeUpdate: true } }, files), ["memory.max = 6000"]);
  t.strictSame(writes({ memory: { limit: 4000 } }, files), ["memory.max = 4000"]);
  t.strictSame(writes({ memory: { swappiness: 10, disableOOMKiller: true, kernel: 5, kernelTCP: 6, useHierarchy: true } }), [
    "- memory/kernel",
    "- memory/kernelTCP",
    "- memory/swappiness",
    "- memory/disableOOMKiller",
  ]);
  t.throws(() => writes({ memory: { useHierarchy: false } }), { code: "HOST_UNABLE" });
});

t.test("block I/O", async (t) => {
  for (const [weight, value] of [
    [10, 1],
    [100, 910],
    [500, 4950],
    [1000, 10000],
  ] as const)
    t.equal(ioWeight(weight), value);
  const device = { major: 8, minor: 16 };
  const blockIO = { weight: 500, leafWeight: 7, weightDevice: [{ ...device, weight: 1000, leafWeight: 3 }] };
  t.strictSame(writes({ blockIO }), [
    "io.weight = 4950",
    "io.weight = 8:16 10000",
    "- blockIO/leafWeight",
    "- blockIO/weightDevice/0/leafWeight",
  ]);
  t.strictSame(writes({ blockIO }, { "io.bfq.weight": "default 100\n" }).slice(0, 2), [
    "io.bfq.weight = 500",
    "io.bfq.weight = 8:16 1000",
  ]);
  t.strictSame(
    writes({
      blockIO: {
        throttleReadBpsDevice: [{ ...device, rate: 1 }],
        throttleWriteBpsDevice: [{ ...device, rate: 2 }],
        throttleReadIOPSDevice: [{ ...device, rate: 3 }],
        throttleWriteIOPSDevice: [{ ...device, rate: 0 }],
      },
    }),
    ["io.max = 8:16 rbps=1", "io.max = 8:16 wbps=2", "io.max = 8:16 riops=3", "io.max = 8:16 wiops=max"],
  );
});

t.test("pids, huge pages, rdma, network, in their order", async (t) => {
  t.strictSame(writes({ pids: { limit: 0 } }), ["pids.max = 1"]);
  t.strictSame(writes({ pids: { limit: -1 } }), ["pids.max = max"]);
  t.strictSame(
    writes({
      unified: { "memory.high": "77" },
      rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, mlx4: { hcaObjects: 1 } },
      hugepageLimits: [{ pageSize: "2MB", limit: 9 }],
      cpu: { shares: 2 },
      memory: { limit: 5 },
      pids: { limit: 4 },
      network: { classID: 1, priorities: [{ name: "eth0", priority: 1 }] },
    }),
    [
      "pids.max = 4",
      "memory.max = 5",
      "cpu.weight = 1",
      "hugetlb.2MB.max = 9",
      "hugetlb.2MB.rsvd.max = 9",
      "rdma.max = mlx5_1 hca_handle=3 hca_object=10000",
      "rdma.max = mlx4 hca_object=1",
      "memory.high = 77",
      "- network/classID",
      "- network/priorities",
    ],
  );
});

t.test("unified: line by line, and no way out of the cgroup", async (t) => {
  t.strictSame(writes({ unified: { "misc.max": "res_a 1\nres_b 2\n", "hugetlb.1GB.max": "3" } }), [
    "misc.max = res_a 1",
    "misc.max = res_b 2",
    "hugetlb.1GB.max = 3",
  ]);
  for (const [key, why] of [
    ["../memory.max", /no slashes/],
    ["a/b.c", /no slashes/],
    ["memory", /CONTROLLER\.PARAMETER/],
    [".", /CONTROLLER\.PARAMETER/],
    ["..", /CONTROLLER\.PARAMETER/],
    ["cgroup.freeze", /is not a setting: it freezes processes/],
    ["cgroup.kill", /not a setting/],
    ["cgroup.procs", /not a setting/],
    ["cgroup.threads", /not a setting/],
    ["memory.", /CONTROLLER\.PARAMETER/],
  ] as const) {
    t.throws(() => writes({ unified: { [key]: "1" } }), { code: "CONFIG_INVALID", message: why }, key);
  }
});

t.test("a weight that io.weight cannot have", async (t) => {
  for (const weight of [5, 1001]) {
    const message = `linux.resources.blockIO.weight: ${weight} must be from 10 to 1000`;
    t.throws(() => writes({ blockIO: { weight } }), { code: "CONFIG_INVALID", message });
  }
});
