// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { CgroupLayout } from "./layout.ts";
import { cgroupIn, cgroupOfProcess } from "./path_of_process.ts";

const common = { ownPath: "/" };
const LAYOUT: CgroupLayout = {
  kind: "hybrid",
  hierarchies: [
    { ...common, name: "cpu", controllers: ["cpu", "cpuacct"], mountpoint: "/sys/fs/cgroup/cpu,cpuacct", root: "/" },
    { ...common, name: "memory", controllers: ["memory"], mountpoint: "/sys/fs/cgroup/memory", root: "/docker/c1" },
  ],
  unified: { ...common, name: "", controllers: [], mountpoint: "/sys/fs/cgroup/unified", root: "/" },
};
const TEXT = "3:cpu,cpuacct:/a/b\n2:memory:/docker/c1/own\n0::/moved\n";

t.test("where a process is, by hierarchy", async (t) => {
  t.equal(cgroupIn(LAYOUT, TEXT, "cpuacct"), "/sys/fs/cgroup/cpu,cpuacct/a/b");
  t.equal(cgroupIn(LAYOUT, TEXT, "memory"), "/sys/fs/cgroup/memory/own", "the mount shows a part of the tree");
  t.equal(cgroupIn(LAYOUT, TEXT, ""), "/sys/fs/cgroup/unified/moved");
  t.equal(cgroupIn(LAYOUT, "0::/\n", ""), "/sys/fs/cgroup/unified");
});

t.test("what cannot be reached from here is nowhere, and never the root of what is mounted", async (t) => {
  t.equal(cgroupIn(LAYOUT, "2:memory:/docker/c11\n", "memory"), undefined, "beside what the mount shows");
  t.equal(cgroupIn(LAYOUT, "0::/../other\n", ""), undefined, "outside of the cgroup namespace");
  t.equal(cgroupIn(LAYOUT, TEXT, "pids"), undefined, "not mounted");
  t.equal(cgroupIn(LAYOUT, "", ""), undefined);
  t.equal(cgroupOfProcess(2 ** 30, ""), undefined, "no such process");
});
