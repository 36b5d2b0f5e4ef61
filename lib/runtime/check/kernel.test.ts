// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { LinuxResources } from "../../spec/types.ts";
import { neededControllers } from "./kernel.ts";

function needed(resources: LinuxResources, isUnified = false): Record<string, string> {
  return Object.fromEntries(neededControllers(resources, isUnified));
}

t.test("a limit needs its controller, which the versions of cgroups call by other names", async (t) => {
  const rate = [{ major: 8, minor: 0, rate: 1 }];
  t.same(needed({ memory: { swap: 5 }, cpu: { quota: 5, mems: "0" } }), {
    memory: "/memory/swap",
    cpu: "/cpu/quota",
    cpuset: "/cpu/mems",
  });
  t.same(needed({ blockIO: { throttleReadIOPSDevice: rate } }), { blkio: "/blockIO/throttleReadIOPSDevice" });
  t.same(needed({ blockIO: { weight: 10, throttleReadIOPSDevice: rate } }, true), { io: "/blockIO/weight" });
  t.same(needed({ network: { classID: 1, priorities: [{ name: "lo", priority: 1 }] } }), {
    net_cls: "/network/classID",
    net_prio: "/network/priorities",
  });
  t.same(needed({ network: { classID: 1 } }, true), {}, "cgroup v2 has nothing for it");
  t.same(needed({ hugepageLimits: [{ pageSize: "2MB", limit: 0 }], rdma: { mlx: { hcaHandles: 1 } } }), {
    hugetlb: "/hugepageLimits",
    rdma: "/rdma",
  });
});

t.test("what is no limit needs no controller", async (t) => {
  t.same(needed({ memory: { limit: 0 }, cpu: { shares: 0, cpus: "" }, blockIO: { weight: 0, throttleReadBpsDevice: [] } }), {});
  t.same(needed({ hugepageLimits: [], rdma: {}, network: { priorities: [] } }), {});
  t.same(needed({ pids: { limit: 0 }, cpu: { burst: 0 } }), { pids: "/pids/limit", cpu: "/cpu/burst" }, "a 0 that is one");
});

t.test("the files of unified name their controllers", async (t) => {
  t.same(needed({ unified: { "misc.max": "1", "cgroup.max.depth": "1", odd: "1", "a/b.c": "1" } }, true), {
    misc: "/unified/misc.max",
    "a/b": "/unified/a~1b.c",
  });
  t.same(needed({ unified: { "misc.max": "1" } }), {}, "on cgroup v1 that is another error");
});
