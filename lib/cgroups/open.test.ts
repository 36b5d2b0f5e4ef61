// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import t from "tap";
import { RuntimeError } from "../errors.ts";
import { native } from "../sys/native.ts";
import { attachCgroup, openCgroup } from "./open.ts";
import type { Cgroup } from "./cgroup.ts";
import { cgroupLayout, type CgroupLayout } from "./place/layout.ts";
import type { Config, LinuxResources } from "../spec/types.ts";

const layout = cgroupLayout();
const isUsable = process.getuid?.() === 0 && layout.kind !== "v2" && layout.hierarchies.length > 5;
const skip = isUsable ? false : "needs root and the hierarchies of cgroup v1";
const TOP = `/runt-test-${process.pid}`;
const children: ChildProcess[] = [];

t.teardown(() => {
  for (const child of children) child.kill("SIGKILL");
  if (!isUsable) return;
  const paths: Record<string, string> = {};
  for (const { name, mountpoint } of layout.hierarchies) paths[name] = `${mountpoint}${TOP}`;
  if (layout.unified !== undefined) paths[""] = `${layout.unified.mountpoint}${TOP}`;
  const rest = attachCgroup(paths);
  rest.killAll(9);
  rest.remove();
});

function config(name: string, resources?: LinuxResources): Config {
  return {
    ociVersion: "1.3.0",
    linux: { cgroupsPath: `${TOP}/${name}`, ...(resources !== undefined && { resources }) },
  };
}

async function made(name: string, resources?: LinuxResources): Promise<Cgroup> {
  const cgroup = openCgroup(layout, config(name, resources), "id");
  cgroup.create();
  cgroup.limit(resources);
  return cgroup;
}

/** A program in the cgroup: it joins by writing 0 to each descriptor, as init does, and prints a line. */
async function inside(cgroup: Cgroup, script: string): Promise<ChildProcess> {
  const fds = cgroup.joinFds();
  // A shell's redirections reach descriptor 9 at most.
  const join = fds.map((_, index) => `echo 0 > /proc/self/fd/${index + 3}`).join(" && ");
  const child = spawn("sh", ["-c", `${join} && echo joined && ${script}`], {
    stdio: ["ignore", "pipe", "inherit", ...fds],
  });
  children.push(child);
  for (const fd of fds) native.close(fd);
  await once(child.stdout as NodeJS.ReadableStream, "data");
  return child;
}

function read(cgroup: Cgroup, controller: string, file: string): string {
  return readFileSync(`${cgroup.paths[controller]}/${file}`, "utf8").trim();
}

t.test("a cgroup in every hierarchy, from create to remove", { skip }, async (t) => {
  const cgroup = await made("life", {
    devices: [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
    ],
    memory: { limit: 64 << 20, swap: 64 << 20, swappiness: 10 },
    cpu: { shares: 512, quota: 20000, period: 50000, burst: 1000, cpus: "0" },
    pids: { limit: 20 },
  });
  const child = await inside(cgroup, "exec sleep 100");
  const pid = child.pid as number;

  for (const line of readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n")) {
    // A hierarchy that only another mount namespace has is listed here as well.
    const controllers = line.split(":")[1] ?? "";
    if (controllers !== "" && !layout.hierarchies.some(({ name }) => controllers.split(",").includes(name))) continue;
    t.ok(line.endsWith(`:${TOP}/life`), line);
  }
  t.equal(read(cgroup, "memory", "memory.limit_in_bytes"), String(64 << 20));
  t.equal(read(cgroup, "memory", "memory.swappiness"), "10");
  t.equal(read(cgroup, "cpu", "cpu.shares"), "512");
  t.equal(read(cgroup, "cpu", "cpu.cfs_period_us"), "50000");
  t.equal(read(cgroup, "cpu", "cpu.cfs_quota_us"), "20000");
  t.equal(read(cgroup, "cpuset", "cpuset.cpus"), "0");
  t.equal(read(cgroup, "cpuset", "cpuset.mems"), readFileSync("/sys/fs/cgroup/cpuset/cpuset.mems", "utf8").trim());
  t.equal(read(cgroup, "pids", "pids.max"), "20");
  t.match(read(cgroup, "devices", "devices.list"), /^c 10:229 rw\nc \*:\* m\nb \*:\* m\nc 1:3 rwm\n/);

  const later = attachCgroup(cgroup.paths);
  t.strictSame(later.processes(), [pid]);
  t.equal(later.oomKills(), 0);
  t.throws(() => later.remove(), { code: "CGROUP", message: /device or resource busy/ });
  later.killAll(9);
  await once(child, "exit");
  later.remove();
  for (const path of Object.values(cgroup.paths)) t.notOk(existsSync(path), path);
  t.ok(existsSync(`/sys/fs/cgroup/devices${TOP}`), "directories above stay");
  later.remove();
  t.strictSame(later.processes(), []);
});

t.test("remove waits for a process that is on its way out", { skip }, async (t) => {
  const cgroup = await made("leaving");
  const child = await inside(cgroup, "exec sleep 0.1");
  cgroup.remove();
  t.strictSame(cgroup.processes(), []);
  for (const path of Object.values(cgroup.paths)) t.notOk(existsSync(path), path);
  await once(child, "exit");
});

t.test("a cgroup in use is refused, and left alone", { skip }, async (t) => {
  const cgroup = await made("busy");
  const child = await inside(cgroup, "exec sleep 100");
  const other = openCgroup(layout, config("busy"), "id");
  t.throws(() => other.create(), new RuntimeError("CGROUP_NOT_EMPTY", "container's cgroup is not empty: 1 process(es) found"));
  other.killAll(9);
  other.undo();
  other.remove();
  t.strictSame(cgroup.processes(), [child.pid]);
  t.match(readFileSync(`/proc/${child.pid}/stat`, "utf8"), /\) [RS] /, "it has not been killed");
  cgroup.killAll(9);
  await once(child, "exit");

  cgroup.freeze();
  t.throws(
    () => openCgroup(layout, config("busy"), "id").create(),
    new RuntimeError("CGROUP_FROZEN", "container's cgroup unexpectedly frozen"),
  );
  cgroup.thaw();
  openCgroup(layout, config("busy"), "id").create();
  cgroup.remove();
});

t.test("freeze and thaw", { skip }, async (t) => {
  const cgroup = await made("freezer");
  t.equal(cgroup.freezerState(), "thawed");
  const child = await inside(cgroup, "while :; do echo x; sleep 0.01; done");
  child.stdout?.resume();
  cgroup.freeze();
  t.equal(cgroup.freezerState(), "frozen");
  t.equal(attachCgroup({ freezer: `${cgroup.paths["freezer"]}` }).freezerState(), "frozen");
  mkdirSync(`${cgroup.paths["freezer"]}/below`);
  const below = attachCgroup({ freezer: `${cgroup.paths["freezer"]}/below` });
  t.equal(below.freezerState(), "thawed", "frozen only by the cgroup above");
  cgroup.killAll(9);
  await once(child, "exit");
  t.equal(cgroup.freezerState(), "thawed");
  cgroup.remove();
  t.equal(cgroup.freezerState(), "thawed", "a cgroup that is gone");
  t.throws(() => attachCgroup({}).freeze(), { code: "HOST_UNABLE", message: /cannot toggle freezer/ });
});

t.test("processes and directories below the container's cgroup", { skip }, async (t) => {
  const cgroup = await made("nested");
  for (const path of Object.values(cgroup.paths)) mkdirSync(`${path}/a.slice/b`, { recursive: true });
  const sub = Object.fromEntries(Object.keys(cgroup.paths).map((name) => [name, "a.slice/./b"]));
  for (const file of ["cpus", "mems"]) {
    for (const at of ["a.slice", "a.slice/b"]) {
      const value = read(cgroup, "cpuset", `cpuset.${file}`);
      writeFileSync(`${cgroup.paths["cpuset"]}/${at}/cpuset.${file}`, value);
    }
  }
  const child = await inside({ ...cgroup, joinFds: () => cgroup.joinFds(sub) }, "exec sleep 100");
  t.match(readFileSync(`/proc/${child.pid}/cgroup`, "utf8"), `:devices:${TOP}/nested/a.slice/b\n`);
  t.strictSame(cgroup.processes(), [child.pid]);
  t.throws(() => cgroup.joinFds({ devices: "../../x" }), { code: "USAGE", message: /bad sub cgroup path/ });
  t.throws(() => cgroup.joinFds({ devices: "none" }), { code: "SYSCALL", message: /nested\/none\/tasks: no such file/ });
  cgroup.killAll(9);
  await once(child, "exit");
  cgroup.remove();
  for (const path of Object.values(cgroup.paths)) t.notOk(existsSync(path), path);
});

t.test("a failure in the middle leaves nothing", { skip }, async (t) => {
  const hierarchies = layout.hierarchies.map((one) => (one.name === "freezer" ? { ...one, mountpoint: "/proc/1/none" } : one));
  const broken: CgroupLayout = { ...layout, hierarchies };
  const cgroup = openCgroup(broken, config("broken/inner"), "id");
  t.throws(() => cgroup.create(), {
    code: "CGROUP",
    message: /^linux\.cgroupsPath: mkdir \/proc\/1\/none/,
    facts: { pointer: "/linux/cgroupsPath" },
  });
  for (const { mountpoint } of layout.hierarchies) t.notOk(existsSync(`${mountpoint}${TOP}/broken`), mountpoint);

  const twice = await made("undo/inner");
  twice.undo();
  for (const path of Object.values(twice.paths)) t.notOk(existsSync(path.replace("/inner", "")), path);
});

t.test("what was there before create stays after undo", { skip }, async (t) => {
  mkdirSync(`/sys/fs/cgroup/pids${TOP}/kept`, { recursive: true });
  const cgroup = await made("kept");
  cgroup.undo();
  t.ok(existsSync(`/sys/fs/cgroup/pids${TOP}/kept`));
  t.notOk(existsSync(`/sys/fs/cgroup/memory${TOP}/kept`));
  rmdirSync(`/sys/fs/cgroup/pids${TOP}/kept`);
});

t.test("without the right to make a hierarchy's cgroup", { skip }, async (t) => {
  // The unified hierarchy and the named one only group processes.
  const unified = { name: "", controllers: [], mountpoint: "/proc/1/none", ownPath: "/", root: "/" };
  const cgroup = openCgroup({ ...layout, kind: "hybrid", unified }, config("optional"), "id");
  cgroup.create();
  t.notOk("" in cgroup.paths);
  t.ok("devices" in cgroup.paths);
  cgroup.undo();
});

t.test("update", { skip }, async (t) => {
  const cgroup = await made("update", {
    memory: { limit: 32 << 20, swap: 32 << 20 },
    cpu: { quota: 50000, period: 100000 },
  });
  const devices = read(cgroup, "devices", "devices.list");
  cgroup.limit({ memory: { limit: 64 << 20, swap: 64 << 20 } }, { update: true });
  t.equal(read(cgroup, "memory", "memory.limit_in_bytes"), String(64 << 20));
  t.equal(read(cgroup, "memory", "memory.memsw.limit_in_bytes"), String(64 << 20));
  cgroup.limit({ memory: { limit: 32 << 20, swap: 48 << 20 } }, { update: true });
  t.equal(read(cgroup, "memory", "memory.memsw.limit_in_bytes"), String(48 << 20));
  cgroup.limit({ memory: { limit: -1 } }, { update: true });
  t.ok(Number(read(cgroup, "memory", "memory.memsw.limit_in_bytes")) > 2 ** 60);
  t.equal(read(cgroup, "devices", "devices.list"), devices, "device rules stay");

  const inner = openCgroup(layout, config("update/inner"), "id");
  inner.create();
  inner.limit({ cpu: { quota: 50000, period: 100000 } });
  // Half the period with the old quota is more than the cgroup above has: it has to wait for the new quota.
  inner.limit({ cpu: { quota: 10000, period: 50000 } }, { update: true });
  t.equal(read(inner, "cpu", "cpu.cfs_period_us"), "50000");
  t.throws(() => inner.limit({ cpu: { period: 10000 } }, { update: true }), {
    code: "CGROUP",
    message: /^linux\.resources\.cpu\.period: failed to write "10000": .*: invalid argument \(EINVAL\)$/,
    facts: { pointer: "/linux/resources/cpu/period", errno: 22 },
  });
  inner.remove();
  cgroup.remove();
});

t.test("values that the kernel refuses", { skip }, async (t) => {
  const cgroup = openCgroup(layout, config("refused"), "id");
  cgroup.create();
  t.throws(() => cgroup.limit({ cpu: { shares: 1 } }), {
    code: "CGROUP",
    message: "linux.resources.cpu.shares: 1: the minimum allowed cpu-shares is 2",
  });
  t.throws(() => cgroup.limit({ cpu: { cpus: "4000" } }), {
    code: "CGROUP",
    message: /^linux\.resources\.cpu\.cpus: failed to write "4000"/,
    facts: { pointer: "/linux/resources/cpu/cpus" },
  });
  t.throws(() => cgroup.limit({ network: { classID: 7 } }), {
    code: "HOST_UNABLE",
    facts: { pointer: "/linux/resources/network/classID" },
  });
  cgroup.limit(undefined);
  const child = await inside(cgroup, `exec ${process.execPath} -e "b = Buffer.alloc(2e7, 1); setInterval(() => b, 1e3)"`);
  while (Number(read(cgroup, "memory", "memory.usage_in_bytes")) < 8e6) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  cgroup.freeze();
  t.throws(() => cgroup.limit({ memory: { limit: 1 << 20 } }, { update: true }), {
    code: "CGROUP",
    message: /^linux\.resources\.memory\.limit: unable to set memory limit to 1048576 \(current usage: \d+, peak usage: \d+\)$/,
    facts: { pointer: "/linux/resources/memory/limit", errno: 16 },
  });
  cgroup.killAll(9);
  await once(child, "exit");
  cgroup.remove();
});

t.test("the root of a hierarchy is not emptied", { skip }, async (t) => {
  mkdirSync(`/sys/fs/cgroup/pids${TOP}/neighbour`, { recursive: true });
  const root = attachCgroup({ pids: "/sys/fs/cgroup/pids" });
  t.throws(() => root.remove(), { code: "CGROUP", message: /rmdir \/sys\/fs\/cgroup\/pids/ });
  t.ok(existsSync(`/sys/fs/cgroup/pids${TOP}/neighbour`));
  rmdirSync(`/sys/fs/cgroup/pids${TOP}/neighbour`);
});

t.test("a host with cgroup v2 alone", async (t) => {
  t.throws(() => openCgroup({ kind: "v2", hierarchies: [] }, config("x"), "id"), { code: "HOST_UNABLE" });
});
