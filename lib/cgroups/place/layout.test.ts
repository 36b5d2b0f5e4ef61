// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { cgroupLayout, findHierarchy, findLayout, type LayoutSource } from "./layout.ts";

const V1 = 0x27e0eb;
const V2 = 0x63677270;
const TMPFS = 0x01021994;

/** A host: its two files of procfs, and the file systems at its mount points. */
function host(
  procCgroup: readonly string[],
  mountinfo: readonly string[],
  types: Readonly<Record<string, number>>,
  files: readonly string[] = [],
): LayoutSource & { readonly mountinfoReads: () => number } {
  let reads = 0;
  return {
    procCgroup: () => procCgroup.join("\n"),
    mountinfo: () => {
      reads++;
      return mountinfo.join("\n");
    },
    filesystemType: (path) => types[path] ?? 0,
    exists: (path) => files.includes(path),
    mountinfoReads: () => reads,
  };
}

const mount = (root: string, at: string, type: string, options: string): string =>
  `40 30 0:40 ${root} ${at} rw,nosuid,nodev,noexec,relatime shared:9 - ${type} ${type} rw,${options}`;

t.test("hybrid, shared hierarchies, the runtime in a session scope", async (t) => {
  const scope = "/user.slice/user-1000.slice/session-3.scope";
  const source = host(
    [
      "12:memory:/user.slice/user-1000.slice/session-3.scope",
      "6:net_cls,net_prio:/",
      "3:cpu,cpuacct:/user.slice",
      `1:name=systemd:${scope}`,
      `0::${scope}`,
    ],
    [],
    {
      "/sys/fs/cgroup": TMPFS,
      "/sys/fs/cgroup/memory": V1,
      "/sys/fs/cgroup/net_cls,net_prio": V1,
      "/sys/fs/cgroup/cpu,cpuacct": V1,
      "/sys/fs/cgroup/systemd": V1,
      "/sys/fs/cgroup/unified": V2,
    },
    ["/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/cpu,cpuacct/release_agent", "/sys/fs/cgroup/systemd/release_agent"],
  );
  const layout = findLayout(source);
  t.equal(layout.kind, "hybrid");
  t.strictSame(
    layout.hierarchies.map(({ name, mountpoint, ownPath, root }) => [name, mountpoint, ownPath, root]),
    [
      ["memory", "/sys/fs/cgroup/memory", scope, "/"],
      ["net_cls", "/sys/fs/cgroup/net_cls,net_prio", "/", "/"],
      ["cpu", "/sys/fs/cgroup/cpu,cpuacct", "/user.slice", "/"],
      ["name=systemd", "/sys/fs/cgroup/systemd", scope, "/"],
    ],
  );
  t.match(layout.unified, { name: "", mountpoint: "/sys/fs/cgroup/unified", ownPath: scope, root: "/" });
  t.equal(findHierarchy(layout, "cpuacct")?.mountpoint, "/sys/fs/cgroup/cpu,cpuacct");
  t.equal(findHierarchy(layout, "pids"), undefined);
  t.equal(source.mountinfoReads(), 0, "customary mount points need no mountinfo");
});

t.test("the directory is named in another order than /proc/self/cgroup", async (t) => {
  const source = host(["4:cpuacct,cpu:/", "3:pids:/"], [mount("/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "cpuacct,cpu")], {
    "/sys/fs/cgroup": TMPFS,
    "/sys/fs/cgroup/cpu,cpuacct": V1,
  });
  const layout = findLayout(source);
  t.equal(layout.kind, "v1");
  t.equal(layout.unified, undefined);
  t.strictSame(
    layout.hierarchies.map(({ mountpoint }) => mountpoint),
    ["/sys/fs/cgroup/cpu,cpuacct"],
    "pids is known to the kernel, but not mounted",
  );
});

t.test("inside a container without a cgroup namespace", async (t) => {
  const source = host(
    ["5:memory:/docker/c1", "4:pids:/docker/c1"],
    [
      mount("/docker/c1", "/sys/fs/cgroup/memory", "cgroup", "memory"),
      mount("/docker/c1", "/sys/fs/cgroup/pids", "cgroup", "pids"),
    ],
    { "/sys/fs/cgroup": TMPFS, "/sys/fs/cgroup/memory": V1, "/sys/fs/cgroup/pids": V1 },
  );
  const layout = findLayout(source);
  t.strictSame(
    layout.hierarchies.map(({ root }) => root),
    ["/docker/c1", "/docker/c1"],
  );
  t.equal(source.mountinfoReads(), 1);
});

t.test("mounted elsewhere", async (t) => {
  const source = host(
    ["5:memory:/", "0::/"],
    [
      "22 1 8:1 / / rw - ext4 /dev/sda1 rw",
      mount("/", "/dev/memcg", "cgroup", "memory"),
      mount("/", "/dev/cg2", "cgroup2", "memory"),
    ],
    {},
  );
  const layout = findLayout(source);
  t.equal(layout.kind, "v1");
  t.strictSame(
    layout.hierarchies.map(({ mountpoint }) => mountpoint),
    ["/dev/memcg"],
  );
});

t.test("mounted by CRIU alone, for the time of a dump", async (t) => {
  const yard = "/images/.criu.cgyard.Lnec0Z/net_cls";
  const source = host(["6:net_cls:/", "5:memory:/"], [mount("/", yard, "cgroup", "net_cls")], {
    "/sys/fs/cgroup": TMPFS,
    "/sys/fs/cgroup/memory": V1,
  });
  t.strictSame(
    findLayout(source).hierarchies.map(({ name }) => name),
    ["memory"],
  );
});

t.test("cgroup v2 alone", async (t) => {
  const plain = findLayout(host(["0::/init.scope"], [], { "/sys/fs/cgroup": V2 }));
  t.equal(plain.kind, "v2");
  t.strictSame(plain.hierarchies, []);
  t.match(plain.unified, { mountpoint: "/sys/fs/cgroup", ownPath: "/init.scope", root: "/" });

  const nested = findLayout(
    host(["0::/pod/c1"], [mount("/pod/c1", "/sys/fs/cgroup", "cgroup2", "nsdelegate")], { "/sys/fs/cgroup": V2 }, [
      "/sys/fs/cgroup/cgroup.type",
    ]),
  );
  t.equal(nested.unified?.root, "/pod/c1");
});

t.test("no cgroups at all", async (t) => {
  t.strictSame(findLayout(host([], [], {})), { kind: "v1", hierarchies: [] });
});

t.test("this host", async (t) => {
  const layout = cgroupLayout();
  for (const hierarchy of layout.hierarchies) {
    t.ok(hierarchy.mountpoint.startsWith("/"), hierarchy.mountpoint);
    t.ok(hierarchy.controllers.length > 0);
    t.ok(hierarchy.ownPath.startsWith("/"));
  }
  t.ok(layout.hierarchies.length > 0 || layout.unified !== undefined || layout.kind === "v1");
});
