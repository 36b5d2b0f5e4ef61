// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { cleanPath } from "../../spec/clean_path.ts";
import { containerPaths, innerPath, isUnified, ownDirectory, V1_CONTROLLERS } from "./path.ts";
import type { CgroupLayout, Hierarchy } from "./layout.ts";

function hierarchy(controllers: readonly string[], ownPath: string, root = "/"): Hierarchy {
  const name = controllers[0] ?? "";
  const directory = name.startsWith("name=") ? name.slice(5) : controllers.join(",");
  return { name, controllers, mountpoint: `/sys/fs/cgroup/${directory}`, ownPath, root };
}

const layout: CgroupLayout = {
  kind: "hybrid",
  hierarchies: [
    hierarchy(["name=systemd"], "/user.slice"),
    hierarchy(["devices"], "/user.slice"),
    hierarchy(["cpu", "cpuacct"], "/"),
    hierarchy(["memory"], "/docker/c1/own", "/docker/c1"),
    hierarchy(["debug"], "/"),
  ],
  unified: { name: "", controllers: [], mountpoint: "/sys/fs/cgroup/unified", ownPath: "/u", root: "/" },
};

t.test("paths are cleaned and cannot lead out", async (t) => {
  t.equal(cleanPath("/a//b/./c/../d/"), "/a/b/d");
  t.equal(cleanPath("/../../etc"), "/etc");
  t.equal(cleanPath("../../etc"), "etc");
  t.equal(cleanPath("a/../.."), "");
  t.equal(cleanPath("/"), "/");
  t.equal(innerPath(undefined, "id"), "id");
  t.equal(innerPath("", "id"), "id");
  t.equal(innerPath("../..", "id"), "id");
  t.equal(innerPath("system.slice:runt:id", "id"), "system.slice:runt:id");
});

t.test("absolute: from the mount point", async (t) => {
  t.strictSame(containerPaths(layout, "/box/../pod/c", "id", true), {
    devices: "/sys/fs/cgroup/devices/pod/c",
    memory: "/sys/fs/cgroup/memory/pod/c",
    cpu: "/sys/fs/cgroup/cpu,cpuacct/pod/c",
    cpuacct: "/sys/fs/cgroup/cpu,cpuacct/pod/c",
    "name=systemd": "/sys/fs/cgroup/systemd/pod/c",
    "": "/sys/fs/cgroup/unified/pod/c",
  });
});

t.test("relative and empty: below the runtime's own cgroup", async (t) => {
  const expected = (last: string): Record<string, string> => ({
    devices: `/sys/fs/cgroup/devices/user.slice/${last}`,
    memory: `/sys/fs/cgroup/memory/own/${last}`,
    cpu: `/sys/fs/cgroup/cpu,cpuacct/${last}`,
    cpuacct: `/sys/fs/cgroup/cpu,cpuacct/${last}`,
    "name=systemd": `/sys/fs/cgroup/systemd/user.slice/${last}`,
    "": `/sys/fs/cgroup/unified/${last}`,
  });
  t.strictSame(containerPaths(layout, "../x/y", "id", true), expected("x/y"));
  t.strictSame(containerPaths(layout, undefined, "id", true), expected("id"));
});

t.test("the order is that in which runc makes them", async (t) => {
  const names = Object.keys(containerPaths(layout, "/c", "id", true));
  t.strictSame(
    names,
    V1_CONTROLLERS.filter((name) => names.includes(name)),
  );
});

t.test("a host without the devices controller", async (t) => {
  const poor = { kind: "v1", hierarchies: [hierarchy(["pids"], "/")] } as const;
  t.throws(() => containerPaths(poor, "/c", "id", true), {
    code: "HOST_UNABLE",
    message: /controller devices.*mountpoint for devices not found/,
    facts: { pointer: "/linux/cgroupsPath" },
  });
  t.strictSame(containerPaths(poor, "/c", "id", false), { pids: "/sys/fs/cgroup/pids/c" });
});

t.test("the runtime's own cgroup as this mount shows it", async (t) => {
  t.equal(ownDirectory(hierarchy(["pids"], "/a/b")), "/sys/fs/cgroup/pids/a/b");
  t.equal(ownDirectory(hierarchy(["pids"], "/a/b", "/a")), "/sys/fs/cgroup/pids/b");
  t.equal(ownDirectory(hierarchy(["pids"], "/a", "/a")), "/sys/fs/cgroup/pids");
  t.equal(ownDirectory(hierarchy(["pids"], "/ab", "/a")), "/sys/fs/cgroup/pids");
});

t.test("cgroup v2: one directory, relative to the cgroup above the runtime's own", async (t) => {
  const at = (ownPath: string, cgroupsPath?: string): string | undefined =>
    containerPaths(
      { kind: "v2", hierarchies: [], unified: { name: "", controllers: [], mountpoint: "/sys/fs/cgroup", ownPath, root: "/" } },
      cgroupsPath,
      "id",
      true,
    )[""];
  t.equal(at("/user.slice/session.scope"), "/sys/fs/cgroup/user.slice/id");
  t.equal(at("/user.slice/session.scope", "a/../b"), "/sys/fs/cgroup/user.slice/b");
  t.equal(at("/user.slice/session.scope", "/../../x/y"), "/sys/fs/cgroup/x/y");
  t.equal(at("/"), "/sys/fs/cgroup/id");
  t.equal(at("/top", "../../.."), "/sys/fs/cgroup/id");
  t.ok(isUnified({ "": "/x" }));
  t.notOk(isUnified({ "": "/x", pids: "/y" }));
  t.notOk(isUnified({}));
});
