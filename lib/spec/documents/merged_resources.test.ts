// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { mergedResources, parseResourcesText, resourcesText } from "./merged_resources.ts";

t.test("what an update does not name stays, and a 0 names nothing", async (t) => {
  const before = {
    memory: { limit: 64, swap: 96 },
    cpu: { shares: 512, quota: 20000, period: 50000, cpus: "0" },
    pids: { limit: 40 },
  };
  const zeros = {
    memory: { limit: 0, swap: 0, reservation: 0 },
    cpu: { shares: 0, quota: 0, period: 0, cpus: "" },
    blockIO: { weight: 0 },
  };
  t.strictSame(mergedResources(before, zeros), before);
  t.strictSame(mergedResources(before, { cpu: { quota: -1 } }).cpu, { ...before.cpu, quota: -1 });
  t.strictSame(mergedResources({}, { cpu: { burst: 0, idle: 0 } }), { cpu: { burst: 0, idle: 0 } }, "a 0 that is a limit");
  t.strictSame(
    mergedResources({ ...before, devices: [{ allow: true }] }, { devices: [{ allow: false }] }),
    before,
    "no device rules",
  );
});

t.test("without a limit of memory one of memory and swap has no meaning", async (t) => {
  const before = { memory: { limit: 64, swap: 96, checkBeforeUpdate: true } };
  t.strictSame(mergedResources(before, { memory: { limit: -1 } }).memory, { limit: -1 });
  t.strictSame(mergedResources(before, { memory: { limit: -1, swap: 128 } }).memory, { limit: -1, swap: 128 });
  t.strictSame(mergedResources(before, { memory: { limit: 32, checkBeforeUpdate: true } }).memory, {
    limit: 32,
    swap: 96,
    checkBeforeUpdate: true,
  });
});

t.test("lists go by device, page size and interface, those of the update first", async (t) => {
  const rate = (minor: number, value: number) => ({ major: 8, minor, rate: value });
  const before = {
    blockIO: { throttleReadBpsDevice: [rate(0, 100), rate(16, 200)] },
    hugepageLimits: [
      { pageSize: "2MB", limit: 1 },
      { pageSize: "1GB", limit: 2 },
    ],
    network: { classID: 1, priorities: [{ name: "lo", priority: 1 }] },
    rdma: { mlx: { hcaHandles: 1 } },
  };
  const merged = mergedResources(before, {
    blockIO: { throttleReadBpsDevice: [rate(16, 300)] },
    hugepageLimits: [{ pageSize: "1GB", limit: 3 }],
    network: { priorities: [{ name: "eth0", priority: 2 }] },
  });
  t.strictSame(merged, {
    blockIO: { throttleReadBpsDevice: [rate(16, 300), rate(0, 100)] },
    hugepageLimits: [
      { pageSize: "1GB", limit: 3 },
      { pageSize: "2MB", limit: 1 },
    ],
    network: {
      classID: 1,
      priorities: [
        { name: "eth0", priority: 2 },
        { name: "lo", priority: 1 },
      ],
    },
    rdma: { mlx: { hcaHandles: 1 } },
  });
});

t.test("a property takes the place of an earlier unified of its file", async (t) => {
  const before = {
    unified: {
      "memory.max": "64M",
      "memory.high": "32M",
      "io.max": "8:0 rbps=1",
      "hugetlb.2MB.max": "0",
      "rdma.max": "mlx hca_handle=1",
    },
  };
  t.strictSame(mergedResources(before, { memory: { limit: 80 } }), {
    memory: { limit: 80 },
    unified: { "memory.high": "32M", "io.max": "8:0 rbps=1", "hugetlb.2MB.max": "0", "rdma.max": "mlx hca_handle=1" },
  });
  const given = {
    blockIO: { throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 1 }] },
    hugepageLimits: [{ pageSize: "2MB", limit: 0 }],
    rdma: { mlx: { hcaHandles: 2 } },
    unified: { "memory.max": "1G" },
  };
  t.strictSame(mergedResources(before, given).unified, { "memory.max": "1G", "memory.high": "32M" });
});

t.test("the text of the state keeps 64 bits", async (t) => {
  const resources = { memory: { limit: 9223372036854771712n, swap: -1 }, unified: { "a.b": '"\u0000' + "0" } };
  t.strictSame(parseResourcesText(resourcesText(resources)), resources);
  t.strictSame(parseResourcesText("{"), {});
  t.strictSame(parseResourcesText("[]"), {});
});
