// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { Step } from "../../plan/steps.ts";
import { formatPlan, formatPlanJson } from "./plan_format.ts";

const steps: readonly Step[] = [
  { op: "unshare", origin: "/linux/namespaces", fields: { flags: 0x20020000 } },
  {
    op: "mount",
    origin: "/mounts/2",
    fields: {
      target: "/dev",
      source: "tmpfs",
      fstype: "tmpfs",
      flags: 8,
      sb: 1 << 25,
      set: 0x26,
      clear: 0x70,
      implied: 0x1,
      recSet: 0,
      recClear: 0,
      propagation: [0x40000, 0x84000],
      data: "mode=755,size=65536k",
      tree: 0,
    },
  },
  { op: "rlimit", origin: "/process/rlimits/0", fields: { resource: 7, soft: 1024n, hard: 0xffffffffffffffffn } },
  {
    op: "device",
    origin: "",
    fields: { path: "/dev/null", mode: 0o020666, major: 1, minor: 3, uid: 0, gid: 0, bind: 0, node: 0 },
  },
  {
    op: "credentials",
    origin: "/process",
    fields: {
      uid: 0,
      gid: 0,
      groups: [],
      keepGroups: 0,
      bounding: 1n << 40n,
      effective: 0x21n,
      permitted: 1n << 50n,
      inheritable: 0n,
      ambient: 0n,
      forFilter: 0,
    },
  },
  { op: "enterRoot", origin: "/root", fields: { mode: 0 } },
  { op: "umask", origin: "/process/user/umask", fields: { mask: 0o27 } },
  { op: "ready", origin: "", fields: {} },
];

t.test("text", async (t) => {
  t.equal(
    formatPlan(steps),
    `1. unshare     flags=CLONE_NEWNS|CLONE_NEWPID  ← /linux/namespaces
2. mount       target="/dev" source="tmpfs" fstype="tmpfs" flags=COPY_UP sb=MS_LAZYTIME set=MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_STRICTATIME clear=MOUNT_ATTR__ATIME implied=MOUNT_ATTR_RDONLY propagation=MS_PRIVATE,MS_REC|MS_SLAVE data="mode=755,size=65536k"  ← /mounts/2
3. rlimit      resource=RLIMIT_NOFILE soft=1024 hard=infinity  ← /process/rlimits/0
4. device      path="/dev/null" mode=c:0666 major=1 minor=3 uid=0 gid=0 bind=0 node=0
5. credentials uid=0 gid=0 keepGroups=0 bounding=CAP_CHECKPOINT_RESTORE effective=CAP_CHOWN|CAP_KILL permitted=0x4000000000000 forFilter=0  ← /process
6. enterRoot   mode=pivot_root  ← /root
7. umask       mask=027  ← /process/user/umask
8. ready
`,
  );
  t.equal(formatPlan([]), "");
});

t.test("JSON", async (t) => {
  const plan = JSON.parse(formatPlanJson(steps)) as { op: string; origin: string; fields: object }[];
  t.strictSame(
    plan.map(({ op }) => op),
    steps.map(({ op }) => op),
  );
  t.strictSame(plan[2], {
    op: "rlimit",
    origin: "/process/rlimits/0",
    fields: { resource: 7, soft: 1024, hard: "18446744073709551615" },
  });
  t.strictSame(JSON.parse(formatPlanJson([])), []);
});
