// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { cgroupMounts } from "./mounts.ts";
import type { CgroupLayout } from "./layout.ts";

const layout: CgroupLayout = {
  kind: "hybrid",
  hierarchies: [
    { name: "name=systemd", controllers: ["name=systemd"], mountpoint: "/sys/fs/cgroup/systemd", ownPath: "/", root: "/" },
    { name: "cpu", controllers: ["cpu", "cpuacct"], mountpoint: "/sys/fs/cgroup/cpu,cpuacct", ownPath: "/", root: "/" },
    { name: "debug", controllers: ["debug"], mountpoint: "/sys/fs/cgroup/debug", ownPath: "/own", root: "/" },
  ],
  unified: { name: "", controllers: [], mountpoint: "/sys/fs/cgroup/unified", ownPath: "/", root: "/" },
};
const paths = {
  cpu: "/sys/fs/cgroup/cpu,cpuacct/c",
  cpuacct: "/sys/fs/cgroup/cpu,cpuacct/c",
  "name=systemd": "/sys/fs/cgroup/systemd/c",
  "": "/sys/fs/cgroup/unified/c",
};
const mount = {
  destination: "/sys/fs/cgroup/",
  type: "cgroup",
  source: "cgroup",
  options: ["nosuid", "noexec", "nodev", "relatime", "rslave", "ro"],
};
const tmpfs = {
  kind: "mount",
  mount: {
    destination: "/sys/fs/cgroup",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "noexec", "nodev", "mode=755", "rslave"],
  },
};
const links = [
  { kind: "symlink", path: "/sys/fs/cgroup/cpu", target: "cpu,cpuacct" },
  { kind: "symlink", path: "/sys/fs/cgroup/cpuacct", target: "cpu,cpuacct" },
];

t.test("v1 without a cgroup namespace: binds of the container's own cgroup", async (t) => {
  const bind = (name: string, source: string) => ({
    kind: "mount",
    mount: { destination: `/sys/fs/cgroup/${name}`, type: "bind", source, options: ["rbind", ...mount.options] },
  });
  t.strictSame(cgroupMounts(layout, paths, mount, { cgroupNamespace: false, userNamespace: false }), [
    tmpfs,
    bind("systemd", "/sys/fs/cgroup/systemd/c"),
    bind("cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/c"),
    bind("debug", "/sys/fs/cgroup/debug/own"),
    ...links,
    { kind: "readonly", path: "/sys/fs/cgroup" },
  ]);
});

t.test("v1 with a cgroup namespace: the file systems themselves", async (t) => {
  const fs = (name: string, source: string, data: string, ro: readonly string[]) => ({
    kind: "mount",
    mount: {
      destination: `/sys/fs/cgroup/${name}`,
      type: "cgroup",
      source,
      options: ["nosuid", "noexec", "nodev", ...ro, data],
    },
  });
  const facts = { cgroupNamespace: true, userNamespace: false };
  t.strictSame(cgroupMounts(layout, paths, mount, facts), [
    tmpfs,
    fs("systemd", "systemd", "name=systemd", ["ro"]),
    fs("cpu,cpuacct", "cgroup", "cpu,cpuacct", ["ro"]),
    fs("debug", "cgroup", "debug", ["ro"]),
    ...links,
    { kind: "readonly", path: "/sys/fs/cgroup" },
  ]);
  const { options: _, ...bare } = mount;
  t.strictSame(cgroupMounts(layout, paths, bare, facts).slice(1), [
    fs("systemd", "systemd", "name=systemd", []),
    fs("cpu,cpuacct", "cgroup", "cpu,cpuacct", []),
    fs("debug", "cgroup", "debug", []),
    ...links,
  ]);
});

t.test("v2", async (t) => {
  const v2 = {
    kind: "v2",
    hierarchies: [],
    unified: { name: "", controllers: [], mountpoint: "/sys/fs/cgroup", ownPath: "/", root: "/" },
  } as const;
  const parts = (cgroupNamespace: boolean, userNamespace: boolean) =>
    cgroupMounts(v2, {}, mount, { cgroupNamespace, userNamespace });
  const own = [{ kind: "mount", mount: { ...mount, type: "cgroup2" } }];
  t.strictSame(parts(true, false), own);
  t.strictSame(parts(true, true), own);
  t.strictSame(parts(false, true), [
    {
      kind: "mount",
      mount: { ...mount, type: "bind", source: "/sys/fs/cgroup", options: ["rbind", ...mount.options] },
    },
  ]);
});
