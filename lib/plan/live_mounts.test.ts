// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { Config, Mount } from "../spec/types.ts";
import * as K from "../kernel/plan_numbers.ts";
import { planLiveMounts, planUnmounts } from "./live_mounts.ts";
import type { Plan } from "./build.ts";

const FACTS = { bundle: "/b", rootfs: "/b/rootfs", selinux: false, cgroupMounts: {} };
const BIND: Mount = { destination: "/data", source: "/srv", options: ["bind", "ro", "rshared"] };
const OVERLAY: Mount = { destination: "/o", type: "overlay", source: "overlay", options: ["lowerdir=/a:/b"] };

function config(...types: readonly ("user" | "mount" | "pid" | "ipc")[]): Config {
  return { ociVersion: "1.3.0", linux: { namespaces: types.map((type) => ({ type })) } };
}

function names(plan: Plan | undefined): readonly string[] | undefined {
  return plan?.steps.map(({ op }) => op);
}

function kindsOf({ steps }: Plan): number {
  const [step] = steps.filter(({ op }) => op === "joinContainer");
  return step?.op === "joinContainer" ? step.fields.kinds : 0;
}

t.test("a bind mount: the runtime opens its source, init only attaches it", async (t) => {
  const { make, attach, opened } = planLiveMounts(config("mount", "pid"), [BIND], FACTS);
  t.equal(make, undefined);
  t.same(names(attach), ["joinContainer", "liveMounts", "mount", "liveMount", "done"]);
  t.equal(kindsOf(attach), K.CLONE_NEWNS, "no process of the container sees it");
  t.same(opened, [BIND]);
});

t.test("with a user namespace sources are opened where flags of the host's mounts are locked", async (t) => {
  const { make, attach } = planLiveMounts(config("mount", "user"), [BIND], FACTS);
  t.same(names(make), ["joinContainer", "unshare", "parentPropagation", "detachedMount", "done"]);
  t.equal(kindsOf(attach), K.CLONE_NEWNS | K.CLONE_NEWUSER);
});

t.test("what has paths in its options is made outside, a tmpfs inside", async (t) => {
  const { make, attach } = planLiveMounts(config("mount", "ipc"), [OVERLAY, { destination: "/t", type: "tmpfs" }], FACTS);
  t.same(names(make), ["joinContainer", "unshare", "parentPropagation", "detachedMount", "done"]);
  t.equal(make === undefined ? 0 : kindsOf(make) & K.CLONE_NEWNS, 0);
  const trees = attach.steps.flatMap((step) => (step.op === "mount" ? [step.fields.tree] : []));
  t.same(trees, [1, 0]);
});

t.test("a procfs is made by a process of the container's pid namespace", async (t) => {
  const proc: Mount = { destination: "/p", type: "proc" };
  const plain = planLiveMounts(config("mount", "pid"), [proc], FACTS);
  t.same([names(plain.make), names(plain.attach)?.includes("fork")], [undefined, true]);
  const users = planLiveMounts(config("mount", "pid", "user"), [proc], FACTS);
  t.same(names(users.make), ["joinContainer", "unshare", "parentPropagation", "fork", "detachedMount", "done"]);
  t.equal(names(users.attach)?.includes("fork"), false);
});

t.test("tmpcopyup is done in the container's cgroup", async (t) => {
  const { attach, copiesUp } = planLiveMounts(
    config("mount"),
    [{ destination: "/t", type: "tmpfs", options: ["tmpcopyup"] }],
    FACTS,
  );
  t.same([copiesUp, attach.steps[0]?.op], [true, "cgroup"]);
});

t.test("an unknown option of a bind mount", async (t) => {
  const mount = { ...BIND, options: ["bind", "colour"] };
  t.throws(() => planLiveMounts(config("mount"), [mount], FACTS), {
    code: "CONFIG_INVALID",
    facts: { pointer: "/mounts/0/options" },
  });
});

t.test("mounts are taken away in the order that is given", async (t) => {
  const mount = { path: "/a", mount: 1n, device: 2n, inode: 3n, filesystem: 2n };
  t.same(names(planUnmounts(config("mount"), [mount, { ...mount, path: "/b" }])), [
    "joinContainer",
    "unmount",
    "unmount",
    "done",
  ]);
});
