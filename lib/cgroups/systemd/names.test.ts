// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { CgroupLayout, Hierarchy } from "../place/layout.ts";
import { expandSlice, unitNames, unitPaths } from "./names.ts";

const hierarchy = (name: string, mountpoint: string): Hierarchy => ({
  name,
  controllers: name === "" ? [] : [name],
  mountpoint,
  ownPath: "/",
  root: "/",
});

t.test("cgroupsPath is slice:prefix:name", async (t) => {
  t.same(unitNames("machine.slice:libpod:abc", "c1", false), { unit: "libpod-abc.scope", slice: "machine.slice", name: "abc" });
  t.same(unitNames(":runt:abc", "c1", false), { unit: "runt-abc.scope", slice: "system.slice", name: "abc" });
  t.same(unitNames("a.slice::abc", "c1", false), { unit: "-abc.scope", slice: "a.slice", name: "abc" });
  t.same(unitNames("a.slice:x:pod.slice", "c1", false), { unit: "pod.slice", slice: "a.slice", name: "pod.slice" });
});

t.test("without it the scope is named after the container", async (t) => {
  t.same(unitNames(undefined, "c1", false), { unit: "runc-c1.scope", slice: "system.slice", name: "c1" });
  t.same(unitNames("", "c1", true), { unit: "runc-c1.scope", slice: "user.slice", name: "c1" });
});

t.test("other forms are errors", async (t) => {
  for (const path of ["/a/b", "a:b", "a:b:c:d", "a.slice:x:../y", "a.slice:x:y z", `a.slice:x:${"n".repeat(260)}`]) {
    t.throws(() => unitNames(path, "c1", false), { code: "CONFIG_INVALID", message: /^linux.cgroupsPath: / }, path);
  }
  t.throws(() => unitNames("/a/b", "c1", false), {
    message: /to be of format "slice:prefix:name" for systemd cgroups, got "\/a\/b" instead$/,
  });
});

t.test("a slice lies in those that its name begins with", async (t) => {
  t.equal(expandSlice("-.slice"), "");
  t.equal(expandSlice("system.slice"), "/system.slice");
  t.equal(expandSlice("test-a-b.slice"), "/test.slice/test-a.slice/test-a-b.slice");
  for (const slice of ["", ".slice", "a", "a-.slice", "-a.slice", "a--b.slice", "a/b.slice", "a.scope"]) {
    t.throws(() => expandSlice(slice), { code: "CONFIG_INVALID", message: /invalid slice name/ }, slice);
  }
});

t.test("where the unit's cgroup is", async (t) => {
  const names = { unit: "runc-c1.scope", slice: "a-b.slice", name: "c1" };
  const v2: CgroupLayout = { kind: "v2", hierarchies: [], unified: hierarchy("", "/sys/fs/cgroup") };
  t.same(unitPaths(v2, names, "/user.slice/user@1.service"), {
    "": "/sys/fs/cgroup/user.slice/user@1.service/a.slice/a-b.slice/runc-c1.scope",
  });
  const hybrid: CgroupLayout = {
    kind: "hybrid",
    hierarchies: [hierarchy("memory", "/sys/fs/cgroup/memory"), hierarchy("name=systemd", "/sys/fs/cgroup/systemd")],
    unified: hierarchy("", "/sys/fs/cgroup/unified"),
  };
  t.same(unitPaths(hybrid, names, ""), {
    memory: "/sys/fs/cgroup/memory/a.slice/a-b.slice/runc-c1.scope",
    "name=systemd": "/sys/fs/cgroup/systemd/a.slice/a-b.slice/runc-c1.scope",
    "": "/sys/fs/cgroup/unified/a.slice/a-b.slice/runc-c1.scope",
  });
});
