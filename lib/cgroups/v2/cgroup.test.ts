// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { RuntimeError } from "../../errors.ts";
import { native } from "../../sys/native.ts";
import type { Config, LinuxResources } from "../../spec/types.ts";
import { attachCgroup, openCgroup, type CgroupOptions } from "../open.ts";
import type { Cgroup } from "../cgroup.ts";
import { cgroupLayout, type CgroupLayout } from "../place/layout.ts";
import { limitDevices } from "./devices.ts";

// The v2 mount of a hybrid host is a hierarchy like any other, with few controllers.
const unified = cgroupLayout().unified;
const isUsable = process.getuid?.() === 0 && unified !== undefined;
const skip = isUsable ? false : "needs root and a cgroup v2 hierarchy";
const mountpoint = unified?.mountpoint ?? "";
const layout: CgroupLayout = {
  kind: "v2",
  hierarchies: [],
  unified: { name: "", controllers: [], mountpoint, ownPath: "/", root: "/" },
};
const TOP = `/runt-test-v2-${process.pid}`;
const children: ChildProcess[] = [];

t.teardown(() => {
  for (const child of children) child.kill("SIGKILL");
  if (!isUsable) return;
  const rest = attachCgroup({ "": `${mountpoint}${TOP}` });
  rest.killAll(9);
  rest.remove();
});

function opened(name: string, resources?: LinuxResources, options?: CgroupOptions, top = layout): Cgroup {
  const linux = { cgroupsPath: `${TOP}/${name}`, ...(resources !== undefined && { resources }) };
  return openCgroup(top, { ociVersion: "1.3.0", linux }, "id", undefined, options);
}

async function made(name: string, resources?: LinuxResources): Promise<Cgroup> {
  const cgroup = opened(name, resources);
  cgroup.create();
  cgroup.limit(resources);
  return cgroup;
}

/** A program in the cgroup, which joins as init does. */
async function inside(cgroup: Cgroup, script: string, before = "true"): Promise<ChildProcess> {
  const fds = cgroup.joinFds();
  const child = spawn("sh", ["-c", `${before}; echo 0 >&3 && echo joined && ${script}`], {
    stdio: ["ignore", "pipe", "inherit", ...fds],
  });
  children.push(child);
  for (const fd of fds) native.close(fd);
  await once(child.stdout as NodeJS.ReadableStream, "data");
  return child;
}

const read = (cgroup: Cgroup, file: string): string => readFileSync(join(cgroup.paths[""] ?? "", file), "utf8").trim();

t.test("a life: made, frozen, thawed, killed, removed with what is below", { skip }, async (t) => {
  const cgroup = await made("life");
  const directory = cgroup.paths[""] ?? "";
  const child = await inside(cgroup, "exec sleep 100");
  t.same(cgroup.processes(), [child.pid]);
  t.equal(cgroup.freezerState(), "thawed");
  cgroup.freeze();
  t.equal(cgroup.freezerState(), "frozen");
  t.match(read(cgroup, "cgroup.events"), /^frozen 1$/m, "it has waited for that");
  t.throws(() => opened("life").create(), { code: "CGROUP_NOT_EMPTY" });
  cgroup.thaw();
  t.equal(cgroup.freezerState(), "thawed");
  mkdirSync(join(directory, "a/b"), { recursive: true });
  const ended = once(child, "exit");
  cgroup.killAll(9);
  await ended;
  cgroup.remove();
  t.notOk(existsSync(directory));
  cgroup.remove();
});

t.test("a process is born in it; a frozen or used cgroup is refused before that", { skip }, async (t) => {
  const cgroup = opened("birth");
  const fd = cgroup.cloneIntoFd() ?? -1;
  t.ok(fd >= 0);
  const spawned = native.spawn({ program: "/bin/sleep", args: ["sleep", "100"], env: [], fds: [], cgroupFd: fd });
  native.close(fd);
  if (typeof spawned === "number") return t.fail(`spawn: ${spawned}`);
  cgroup.create();
  t.same(cgroup.processes(), [spawned.pid]);
  t.same(cgroup.joinFds(), [], "nothing is left to join");
  t.throws(() => opened("birth").cloneIntoFd(), { code: "CGROUP_NOT_EMPTY" });
  cgroup.killAll(9);
  native.waitpid(spawned.pid, false);
  native.close(spawned.pidfd);
  writeFileSync(join(cgroup.paths[""] ?? "", "cgroup.freeze"), "1");
  t.throws(() => opened("birth").cloneIntoFd(), { code: "CGROUP_FROZEN" });
  cgroup.undo();
  t.notOk(existsSync(cgroup.paths[""] ?? ""));
});

t.test("a signal goes to all", { skip }, async (t) => {
  const cgroup = await made("signals");
  const child = await inside(cgroup, "while :; do sleep 0.05; done", "trap 'exit 7' TERM");
  cgroup.killAll(15);
  const [code] = (await once(child, "exit")) as [number];
  t.equal(code, 7);
  cgroup.killAll(9);
  cgroup.remove();
});

t.test("devices: a filter that is replaced, and what it does", { skip }, async (t) => {
  const none = [{ allow: false, access: "rwm" }] as const;
  const cgroup = await made("devices", { devices: none });
  const directory = cgroup.paths[""] ?? "";
  const attached = (): number[] => {
    const fd = native.open(-100, directory, 0o200000, 0);
    const ids = native.bpfQueryDevice(fd);
    native.close(fd);
    return typeof ids === "number" ? [] : ids;
  };
  const [first, ...rest] = attached();
  t.ok(first !== undefined && rest.length === 0, "one program");
  const tries = async (script: string): Promise<number | null> => {
    const child = await inside(cgroup, script);
    const [code] = (await once(child, "exit")) as [number | null];
    return code;
  };
  t.equal(await tries("exec cat /dev/null"), 0);
  t.not(await tries("exec head -c 1 /dev/kmsg 2>/dev/null"), 0, "not allowed");
  limitDevices(directory, [...none, { allow: true, type: "c", major: 1, minor: 11, access: "r" }], [], false);
  const [second, ...others] = attached();
  t.ok(second !== undefined && second !== first && others.length === 0, "another one in its place");
  t.equal(await tries("exec 4</dev/kmsg"), 0, "allowed by now");
  cgroup.killAll(9);
  cgroup.remove();
});

t.test("a limit that this hierarchy cannot set names property, controller and reason", { skip }, async (t) => {
  const present = readFileSync(join(mountpoint, "cgroup.controllers"), "utf8").trim().split(" ");
  if (present.includes("memory")) return t.comment("memory is here");
  const cgroup = opened("lacking");
  cgroup.create();
  t.throws(() => cgroup.limit({ memory: { limit: 1 << 20 } }), {
    code: "HOST_UNABLE",
    message: /linux\.resources\.memory\.limit: cannot set memory limit: .*the controller memory: .*cgroup\.controllers/,
    facts: { pointer: "/linux/resources/memory/limit" },
  });
  t.throws(() => cgroup.limit({ unified: { "memory.high": "1" } }), { code: "HOST_UNABLE", message: /unified/ });
  cgroup.limit({ memory: { swappiness: 3 }, network: { classID: 3 } });
  cgroup.undo();
});

// A directory tree in the place of the kernel's: for files that no machine here has.
t.test("a fake tree: every file, in order; the number of processes comes last", async (t) => {
  const { top, directory } = fakeTree(t.testdir({}), "cpu cpuset io memory pids hugetlb rdma misc");
  const files = [
    "cpu.weight",
    "cpu.max",
    "cpuset.cpus",
    "io.bfq.weight",
    "io.max",
    "memory.max",
    "memory.low",
    "memory.swap.max",
    "pids.max",
    "hugetlb.2MB.max",
    "rdma.max",
    "misc.max",
  ];
  for (const file of files) writeFileSync(join(directory, file), "");
  writeFileSync(join(directory, "cpuset.cpus.effective"), "0-3\n");
  const cgroup = attachedTo(top, directory);
  const resources: LinuxResources = {
    cpu: { shares: 1024, quota: 5000, cpus: "0-3" },
    memory: { limit: 100, swap: 150, reservation: 50 },
    pids: { limit: 9 },
    blockIO: { weight: 300 },
    hugepageLimits: [{ pageSize: "2MB", limit: 2097152n }],
    rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10 } },
    unified: { "misc.max": "res_a 4" },
    devices: [{ allow: true, type: "a" }],
  };
  cgroup.limit(resources, { update: true });
  const found = Object.fromEntries(files.map((file) => [file, readFileSync(join(directory, file), "utf8")]));
  t.strictSame(found, {
    "cpu.weight": "100",
    "cpu.max": "5000 100000",
    "cpuset.cpus": "0-3",
    "io.bfq.weight": "300",
    "io.max": "",
    "memory.max": "100",
    "memory.low": "50",
    "memory.swap.max": "50",
    "pids.max": "9",
    "hugetlb.2MB.max": "2097152",
    "rdma.max": "mlx5_1 hca_handle=3 hca_object=10",
    "misc.max": "res_a 4",
  });
  writeFileSync(join(directory, "cpuset.cpus.effective"), "0-7\n");
  t.throws(() => cgroup.limit({ cpu: { cpus: "5000" } }, { update: true }), {
    code: "CGROUP",
    message: /cpus\.effective is 0-7/,
  });
});

t.test("a fake tree: what is missing above is enabled, and only that", async (t) => {
  const { top, directory } = fakeTree(t.testdir({}), "cpu memory pids");
  rmdirFake(directory);
  const above = join(top, "above");
  mkdirSync(above);
  writeFileSync(join(top, "cgroup.subtree_control"), "cpu pids\n");
  writeFileSync(join(above, "cgroup.controllers"), "cpu pids memory\n");
  writeFileSync(join(above, "cgroup.subtree_control"), "cpu memory pids\n");
  const config = { ociVersion: "1.3.0", linux: { cgroupsPath: "/above/c" } } as Config;
  const cgroup = openCgroup(fakeLayout(top), config, "id");
  cgroup.create();
  // A file of a real tree is not overwritten from its start.
  t.match(readFileSync(join(top, "cgroup.subtree_control"), "utf8"), /^\+memory/);
  t.equal(readFileSync(join(above, "cgroup.subtree_control"), "utf8"), "cpu memory pids\n", "untouched");
  cgroup.undo();
});

t.test(
  "without a right to make cgroups a container stays where it is, unless it is limited",
  { skip: process.getuid?.() === 0 && "root may always" },
  async (t) => {
    const { top } = fakeTree(t.testdir({}), "memory");
    chmodSync(top, 0o555);
    const config = { ociVersion: "1.3.0", linux: {} } as Config;
    const cgroup = openCgroup(fakeLayout(top), config, "id", undefined, { rootless: true });
    t.equal(cgroup.cloneIntoFd(), undefined);
    t.same(cgroup.paths, {});
    t.throws(() => cgroup.limit({ memory: { limit: 5 } }), { code: "HOST_UNABLE" });
  },
);

function fakeLayout(top: string): CgroupLayout {
  return { kind: "v2", hierarchies: [], unified: { name: "", controllers: [], mountpoint: top, ownPath: "/", root: "/" } };
}

function fakeTree(top: string, controllers: string): { top: string; directory: string } {
  const directory = join(top, "c");
  mkdirSync(directory);
  for (const folder of [top, directory]) writeFileSync(join(folder, "cgroup.controllers"), `${controllers}\n`);
  return { top, directory };
}

function rmdirFake(directory: string): void {
  native.unlink(-100, join(directory, "cgroup.controllers"));
  rmdirSync(directory);
}

function attachedTo(top: string, directory: string): Cgroup {
  t.ok(directory.startsWith(top));
  return attachCgroup({ "": directory });
}

t.test("errors are RuntimeErrors with a place", { skip }, async (t) => {
  const cgroup = attachCgroup({ "": `${mountpoint}${TOP}/none` });
  t.throws(() => cgroup.freeze(), { code: "CGROUP" });
  t.throws(() => cgroup.cloneIntoFd({ "": "../x" }), RuntimeError);
  t.same(cgroup.processes(), []);
  t.equal(cgroup.freezerState(), "thawed");
  t.equal(cgroup.oomKills(), 0);
  cgroup.remove();
});
