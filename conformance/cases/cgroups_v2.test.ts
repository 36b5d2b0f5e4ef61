// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { scenario, type Box, type Container } from "../harness/box.ts";
import { addNamespaces, mountAt, removeNamespaces, type Config, type Resources } from "../harness/config.ts";
import {
  cgroupDirOf,
  cgroupMounts,
  cgroupPathOf,
  hasLimits,
  isAlive,
  PURE_V2,
  readText,
  sleep,
  waitFor,
} from "../harness/host.ts";
import { IS_RUNT, notFor, RUNTIME, runtOnly } from "../harness/runtime.ts";
import { SINCE_4_18, without } from "../harness/without.ts";

const MIB = 1 << 20;
const TOP = cgroupMounts().get("") ?? "";

/** A reason to skip where the host has not cgroup v2 alone, or lacks a controller. */
function needs(...names: string[]): string | false {
  if (!PURE_V2) return "this host has not cgroup v2 alone";
  const missing = names.filter((name) => !hasLimits(name));
  return missing.length === 0 ? false : `no cgroup v2 controller ${missing.join(", ")} here`;
}

function limit(config: Config, resources: object): void {
  config.linux.resources = { ...config.linux.resources, ...(resources as Resources) };
}

const value = (container: Container, file: string): string =>
  readFileSync(join(cgroupDirOf(container.pid, ""), file), "utf8").trim();

function withUser(config: Config): void {
  addNamespaces(config, "user");
  config.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
}

/** Makes a cgroup before the runtime does; removed with the box. */
function makeCgroup(box: Box, name: string): { readonly path: string; readonly folder: string } {
  const path = join(box.cgroup, name);
  const folder = join(TOP, path);
  mkdirSync(folder, { recursive: true });
  box.atClose(() => {
    try {
      rmdirSync(folder);
    } catch {
      // The runtime has removed it.
    }
  });
  return { path, folder };
}

for (const calls of ["clone3", "close_range", SINCE_4_18]) {
  for (const how of ["", "EPERM:"]) {
    scenario(
      `without ${how}${calls}: created and entered, in its cgroup, under its limit`,
      (t, box) => {
        const wrap = without(`${how}${calls}`);
        const bundle = box.bundle((config) => {
          config.process.args = ["sleep", "1000"];
          limit(config, { memory: { limit: 64 * MIB } });
        });
        const id = box.id();
        const began = Date.now();
        for (const words of [
          ["create", "--bundle", bundle.dir, id],
          ["start", id],
        ])
          t.equal(box.call(words, { wrap }).status, 0, words.join(" "));
        const entered = box.call(["exec", id, "cat", "/proc/self/cgroup"], { wrap });
        t.equal(entered.stdout, "0::/\n", entered.stderr);
        const pid = Number(JSON.parse(box.call(["state", id]).stdout).pid);
        t.equal(readText(join(cgroupDirOf(pid, ""), "memory.max")).trim(), String(64 * MIB));
        t.equal(box.call(["delete", "--force", id], { wrap }).status, 0);
        t.same(box.leftovers(), []);
        t.ok(Date.now() - began < 20_000, "each number up to a high RLIMIT_NOFILE is not tried");
      },
      { skip: needs("memory") || runtOnly("what it does without the calls is its own affair") },
    );
  }
}

scenario(
  "memory: limit, reservation, swap",
  (t, box) => {
    const container = box.running((config) =>
      limit(config, { memory: { limit: 64 * MIB, reservation: 32 * MIB, swap: 96 * MIB } }),
    );
    t.equal(value(container, "memory.max"), String(64 * MIB));
    t.equal(value(container, "memory.low"), String(32 * MIB));
    if (existsSync(join(cgroupDirOf(container.pid, ""), "memory.swap.max"))) {
      t.equal(value(container, "memory.swap.max"), String(32 * MIB), "what is above the limit of memory");
    }
  },
  {
    skip: needs("memory"),
    proves: ["linux.resources.memory.limit", "linux.resources.memory.reservation", "linux.resources.memory.swap"],
  },
);

scenario(
  "memory: a program that takes more is killed",
  (t, box) => {
    const done = box.run((config) => {
      config.process.args = ["sh", "-c", "dd if=/dev/zero of=/dev/shm/fill bs=1M count=60; echo survived"];
      limit(config, { memory: { limit: 16 * MIB, swap: 16 * MIB } });
    });
    t.match(done.output, /Killed|^$/);
    t.ok(done.status === 137 || /Killed/.test(done.output), `status ${done.status}`);
  },
  { skip: needs("memory") },
);

scenario(
  "memory: checkBeforeUpdate refuses a limit below what is in use",
  (t, box) => {
    const container = box.running((config) => {
      limit(config, { memory: { limit: 64 * MIB } });
      config.process.args = ["sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; exec sleep 1000"];
    });
    t.ok(waitFor(() => Number(value(container, "memory.current")) > 20 * MIB));
    const memory = { limit: 8 * MIB, checkBeforeUpdate: true };
    const done = box.call(["update", "--resources", "-", container.id], { input: JSON.stringify({ memory }) });
    t.equal(done.status, 1);
    t.match(done.output, /rejecting memory limit 8388608 <= usage \d+/);
    t.equal(value(container, "memory.max"), String(64 * MIB));
    t.ok(isAlive(container.pid));
  },
  { skip: needs("memory") || notFor("crun", "has other words") || notFor("runc", "1.1 does not know it") },
);

scenario(
  "cpu: weight, quota and period",
  (t, box) => {
    const container = box.running((config) => limit(config, { cpu: { shares: 1024, quota: 25000, period: 50000 } }));
    t.equal(value(container, "cpu.max"), "25000 50000");
    // Runtimes from before 2025 have another curve, on which the default is 39.
    if (IS_RUNT) t.equal(value(container, "cpu.weight"), "100");
    else t.match(value(container, "cpu.weight"), /^(39|100)$/);
  },
  { skip: needs("cpu"), proves: ["linux.resources.cpu.shares", "linux.resources.cpu.quota", "linux.resources.cpu.period"] },
);

scenario(
  "cpu: a container is throttled to its quota",
  (t, box) => {
    const container = box.running((config) => {
      config.process.args = ["sh", "-c", "while :; do :; done"];
      limit(config, { cpu: { quota: 20000, period: 100000 } });
    });
    const stat = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(value(container, "cpu.stat"))?.[1]);
    t.ok(
      waitFor(() => stat("nr_throttled") > 3),
      "it is throttled",
    );
    const before = { used: stat("usage_usec"), at: performance.now() };
    sleep(1000);
    const share = (stat("usage_usec") - before.used) / ((performance.now() - before.at) * 1000);
    t.ok(share < 0.35, `it has ${(share * 100).toFixed(0)} % of a processor, of 20`);
  },
  { skip: needs("cpu") },
);

scenario(
  "pids: the limit, and that fork fails at it",
  (t, box) => {
    const container = box.running((config) => limit(config, { pids: { limit: 7 } }));
    t.equal(value(container, "pids.max"), "7");
    const done = box.run((config) => {
      limit(config, { pids: { limit: 4 } });
      config.process.args = ["sh", "-c", "for i in 1 2 3 4 5 6; do sleep 1 & done; wait; echo all"];
    });
    t.match(done.stderr, /can't fork/);
    t.notMatch(done.stdout, "all");
  },
  { skip: needs("pids") },
);

scenario(
  "pids: a limit of one process is enough to start",
  (t, box) => {
    for (let round = 0; round < 5; round += 1) {
      t.equal(
        box.sh("echo alone", (config) => limit(config, { pids: { limit: 1 } })),
        "alone\n",
      );
    }
  },
  { skip: needs("pids") || runtOnly("needs more than one process to start") },
);

scenario(
  "blockIO: throttles are in io.max",
  (t, box) => {
    const { major, minor } = blockDevice() ?? { major: 0, minor: 0 };
    const at = (rate: number): object[] => [{ major, minor, rate }];
    const container = box.running((config) =>
      limit(config, {
        blockIO: {
          throttleReadBpsDevice: at(MIB),
          throttleWriteBpsDevice: at(2 * MIB),
          throttleReadIOPSDevice: at(30),
          throttleWriteIOPSDevice: at(40),
        },
      }),
    );
    t.equal(value(container, "io.max"), `${major}:${minor} rbps=${MIB} wbps=${2 * MIB} riops=30 wiops=40`);
  },
  { skip: needs("io") || (PURE_V2 && blockDevice() === undefined && "no block device here") },
);

/** Numbers of some whole block device. */
function blockDevice(): { readonly major: number; readonly minor: number } | undefined {
  for (const line of readText("/proc/partitions").split("\n")) {
    const [major, minor, , name] = line.trim().split(/\s+/);
    if (name !== undefined && existsSync(`/sys/block/${name}`)) return { major: Number(major), minor: Number(minor) };
  }
  return undefined;
}

scenario(
  "unified: files by name, in force",
  (t, box) => {
    const unified = { "memory.high": String(48 * MIB), "pids.max": "33", "memory.oom.group": "1" };
    const container = box.running((config) => limit(config, { pids: { limit: 20 }, unified }));
    t.equal(value(container, "memory.high"), String(48 * MIB));
    t.equal(value(container, "memory.oom.group"), "1");
    t.equal(value(container, "pids.max"), "33", "it comes after the other properties");
  },
  { skip: needs("memory", "pids") || notFor("crun", "does not say in which order"), proves: ["linux.resources.unified"] },
);

scenario(
  "unified: what cannot be is an error that says why, and leaves nothing",
  (t, box) => {
    for (const [key, words] of [
      ["../memory.max", /unified resource .*must be a file name \(no slashes\)/],
      ["memory", /must be in the form CONTROLLER.PARAMETER/],
      ["bogus.max", /bogus/],
      ["memory.bogus", /memory\.bogus/],
    ] as const) {
      const done = box.run((config) => limit(config, { unified: { [key]: "1" } }));
      t.equal(done.status, 1, key);
      if (IS_RUNT) t.match(done.output, words, key);
    }
    t.same(box.leftovers(), []);
  },
  { skip: needs("memory") || notFor("crun", "1.8 leaves its cgroup after a failure") },
);

scenario(
  "a limit for a controller that is not there is an error that names both",
  (t, box) => {
    const done = box.run((config) => limit(config, { hugepageLimits: [{ pageSize: "2MB", limit: 2 * MIB }] }));
    t.equal(done.status, 1);
    t.match(done.output, /hugetlb/);
    if (IS_RUNT) t.match(done.output, /hugepageLimits/);
    t.same(box.leftovers(), []);
  },
  { skip: needs() || (hasLimits("hugetlb") && "hugetlb is here") || notFor("crun", "1.8 leaves its cgroup after a failure") },
);

scenario(
  "what version 2 does not have is ignored, and --debug says so",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["true"];
      limit(config, { memory: { limit: 64 * MIB, swappiness: 10, disableOOMKiller: true }, network: { classID: 5 } });
    });
    const done = box.call(["--debug", "run", "--bundle", bundle.dir, box.id()]);
    t.equal(done.status, 0, done.output);
    for (const property of ["memory.swappiness", "memory.disableOOMKiller", "network.classID"]) {
      t.match(done.output, new RegExp(`linux\\.resources\\.${property}: ignored`));
    }
  },
  { skip: needs("memory") || runtOnly("does not say so") },
);

scenario(
  "all controllers are there, and those above stay as they are",
  (t, box) => {
    const container = box.running();
    const wanted = readText(join(TOP, "cgroup.controllers")).trim().split(" ").sort();
    t.same(value(container, "cgroup.controllers").split(" ").sort(), wanted);
  },
  { skip: needs("pids") },
);

scenario(
  "cgroupsPath: an absolute one, a relative one, and none; delete removes it",
  (t, box) => {
    for (const path of [join(box.cgroup, "own"), `${box.marker}/rel`, undefined]) {
      const container = box.running((config) => {
        if (path === undefined) delete config.linux.cgroupsPath;
        else config.linux.cgroupsPath = path;
      });
      const own = cgroupPathOf(container.pid, "") ?? "";
      if (path?.startsWith("/") === true) t.equal(own, path);
      else t.ok(own.endsWith(path ?? container.id), own);
      const folder = cgroupDirOf(container.pid, "");
      t.equal(container.remove("--force").status, 0);
      t.notOk(existsSync(folder));
      if (path !== undefined && !path.startsWith("/")) rmdirSync(dirname(folder));
    }
  },
  { skip: needs() || notFor("crun", "puts a relative path at the root") },
);

scenario(
  "a cgroup that is not empty, and one that is frozen, are refused; their processes are left alone",
  (t, box) => {
    const path = join(box.cgroup, "taken");
    const first = box.running((config) => void (config.linux.cgroupsPath = path));
    const done = box.run((config) => void (config.linux.cgroupsPath = path));
    t.equal(done.status, 1);
    t.match(done.output, /cgroup is not empty: 1 process/);
    t.equal(first.state().status, "running");
    t.equal(cgroupPathOf(first.pid, ""), path);
    const cold = makeCgroup(box, "cold");
    writeFileSync(join(cold.folder, "cgroup.freeze"), "1");
    const frozen = box.run((config) => void (config.linux.cgroupsPath = cold.path));
    t.equal(frozen.status, 1);
    t.match(frozen.output, /frozen/);
    t.equal(readFileSync(join(cold.folder, "cgroup.freeze"), "utf8"), "1\n", "it stays as it was");
    writeFileSync(join(cold.folder, "cgroup.freeze"), "0");
    t.equal(
      box.sh("echo fine", (config) => void (config.linux.cgroupsPath = cold.path)),
      "fine\n",
      "one that is empty is used",
    );
  },
  { skip: needs() || notFor("runc", "1.1 only warns") || notFor("crun", "does not look") },
);

scenario(
  "below a cgroup that is frozen, and with a freezing setting: errors, not a hang",
  (t, box) => {
    const cold = makeCgroup(box, "cold");
    writeFileSync(join(cold.folder, "cgroup.freeze"), "1");
    const bundle = box.bundle((config) => void (config.linux.cgroupsPath = `${cold.path}/below`));
    const below = box.call(["run", "--bundle", bundle.dir, box.id()], { timeout: 20_000 });
    t.equal(below.status, 1);
    t.match(below.output, /frozen, by a cgroup above it/);
    t.notOk(existsSync(join(cold.folder, "below")), "what was made is gone");
    writeFileSync(join(cold.folder, "cgroup.freeze"), "0");
    const freezing = box.bundle((config) => limit(config, { unified: { "cgroup.freeze": "1" } }));
    const done = box.call(["run", "--bundle", freezing.dir, box.id()], { timeout: 20_000 });
    t.equal(done.status, 1);
    t.match(done.output, /linux\.resources\.unified.*cgroup\.freeze.* is not a setting/);
  },
  { skip: needs() || runtOnly("waits for ever") },
);

scenario(
  "a cgroup that passes controllers on can have no processes: the error says so",
  (t, box) => {
    const inner = makeCgroup(box, "inner");
    writeFileSync(join(TOP, box.cgroup, "cgroup.subtree_control"), "+memory");
    writeFileSync(join(inner.folder, "cgroup.subtree_control"), "+memory");
    const done = box.run((config) => void (config.linux.cgroupsPath = inner.path));
    t.equal(done.status, 1);
    t.match(done.output, /cannot enter cgroup .*\/inner: it passes controllers \(memory\) on to cgroups below it/);
    t.ok(existsSync(inner.folder), "it is not the container's, and stays");
  },
  { skip: needs("memory") || runtOnly("has other words") },
);

scenario(
  "cgroups nested deeper than a path can name do not keep a container",
  (t, box) => {
    const container = box.running(() => undefined);
    const folder = cgroupDirOf(container.pid, "");
    const script = "n=$(printf %0200d 0); for i in $(seq 30); do mkdir $n && cd -P ./$n || exit 1; done";
    const nested = spawnSync("busybox", ["sh", "-c", script], { cwd: folder, encoding: "utf8" });
    t.equal(nested.status, 0, nested.stderr);
    const removed = box.call(["delete", "--force", container.id]);
    t.same([removed.status, removed.output], [0, ""]);
    t.notOk(existsSync(folder));
  },
  { skip: needs() || runtOnly("cannot be deleted then") },
);

scenario(
  "below a threaded cgroup: an error for a limit that it cannot have, else it becomes threaded",
  (t, box) => {
    const above = makeCgroup(box, "above");
    writeFileSync(join(above.folder, "cgroup.type"), "threaded");
    const path = join(above.path, "inner");
    const run = (resources: object): ReturnType<Box["run"]> =>
      box.run((config) => {
        config.linux.cgroupsPath = path;
        config.process.args = ["true"];
        config.linux.resources = { ...config.linux.resources, ...resources };
      });
    const refused = run({ memory: { limit: 64 * MIB } });
    t.equal(refused.status, 1);
    t.match(refused.output, /memory/);
    t.match(refused.output, /threaded/);
    t.notOk(existsSync(join(TOP, path)), "nothing is left");
    const done = run({ pids: { limit: 9 } });
    t.equal(done.status, 0, done.output);
    t.notOk(existsSync(join(TOP, path)));
  },
  { skip: needs("memory", "pids") || runtOnly("have their own rules") },
);

scenario(
  "inside, the container's cgroup is the root, read-only; its limits can be read",
  (t, box) => {
    const out = box.sh(
      "cat /proc/self/cgroup /sys/fs/cgroup/pids.max; echo 5 2>/dev/null > /sys/fs/cgroup/pids.max || echo refused",
      (config) => {
        addNamespaces(config, "cgroup");
        limit(config, { pids: { limit: 12 } });
      },
    );
    t.equal(out, "0::/\n12\nrefused\n");
  },
  { skip: needs("pids") },
);

scenario(
  "in the host's cgroup namespace the path is that of the host",
  (t, box) => {
    const out = box.sh("cat /proc/self/cgroup", (config) => removeNamespaces(config, "cgroup"));
    t.match(out, box.cgroup);
  },
  { skip: needs() },
);

scenario(
  "root of a user namespace owns the files that the kernel delegates, and no others",
  (t, box) => {
    const container = box.running((config) => {
      addNamespaces(config, "cgroup", "user");
      config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }];
      mountAt(config, "/sys/fs/cgroup").options = ["rw", "nosuid", "noexec", "nodev"];
      config.process.args = [
        "sh",
        "-c",
        "mkdir /sys/fs/cgroup/own && echo $$ > /sys/fs/cgroup/own/cgroup.procs && exec sleep 1000",
      ];
      limit(config, { pids: { limit: 30 } });
    });
    const folder = join(TOP, box.cgroup, dirname(container.bundle.rootfs).split("/").pop() ?? "");
    const owner = (file: string): number => statSync(join(folder, file)).uid;
    t.equal(owner("."), 100000);
    for (const file of ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]) t.equal(owner(file), 100000, file);
    t.equal(owner("pids.max"), 0, "not the limits");
    t.ok(
      waitFor(() => cgroupPathOf(container.pid, "")?.endsWith("/own") === true),
      "it makes cgroups of its own",
    );
    t.equal(container.remove("--force").status, 0);
    t.notOk(existsSync(folder), "which are removed with it");
  },
  { skip: needs("pids") || notFor("runc", "1.1 does so under systemd only") },
);

scenario(
  "exec goes where the container's processes are when it has given controllers to cgroups below",
  (t, box) => {
    const container = box.running((config) => {
      addNamespaces(config, "cgroup");
      mountAt(config, "/sys/fs/cgroup").options = ["rw", "nosuid", "noexec", "nodev"];
      config.process.args = [
        "sh",
        "-c",
        "cd /sys/fs/cgroup && mkdir init && echo 1 > init/cgroup.procs && echo +pids +memory > cgroup.subtree_control && exec sleep 1000",
      ];
    });
    t.ok(
      waitFor(() => readText(`/proc/${container.pid}/comm`) === "sleep\n"),
      "it is set up",
    );
    const done = box.call(["exec", container.id, "cat", "/proc/self/cgroup"]);
    t.equal(done.status, 0, done.output);
    t.equal(done.stdout, "0::/init\n");
  },
  { skip: needs("pids", "memory") },
);

scenario(
  "a container whose cgroup is gone, its first process being elsewhere: exec, ps and kill find it, pause says so",
  (t, box) => {
    const elsewhere = makeCgroup(box, "moved");
    for (const edit of [() => undefined, (config: Config) => removeNamespaces(config, "pid"), withUser]) {
      const container = box.running((config) => {
        config.process.args = ["sh", "-c", "sleep 1001 & exec sleep 1000"];
        edit(config);
      });
      const own = cgroupDirOf(container.pid, "");
      t.ok(waitFor(() => readText(join(own, "cgroup.procs")).trim().split("\n").length === 2));
      for (const pid of readText(join(own, "cgroup.procs")).trim().split("\n"))
        writeFileSync(join(elsewhere.folder, "cgroup.procs"), pid);
      rmdirSync(own);
      const inside = box.call(["exec", container.id, "sh", "-c", "sleep 0.2; cat /proc/self/cgroup"]);
      t.equal(inside.status, 0, inside.output);
      const detached = box.path("pid");
      const done = box.call(["exec", "--detach", "--pid-file", detached, container.id, "sleep", "1002"]);
      t.equal(done.status, 0, done.output);
      t.equal(cgroupPathOf(Number(readFileSync(detached, "utf8")), ""), elsewhere.path, "where the first process is");
      const listed = JSON.parse(box.call(["ps", "--format", "json", container.id]).stdout) as number[];
      t.ok(listed.length >= 3 && listed.includes(container.pid) && !listed.includes(process.pid), listed.join(" "));
      const paused = box.call(["pause", container.id]);
      t.equal(paused.status, 1);
      t.match(paused.output, /its first process \(\d+\) is in \S+moved and not in its own cgroup \S+, which is gone/);
      const limited = box.call(["update", "--pids-limit", "5", container.id]);
      t.match(limited.output, /is gone: the container has left it/);
      const asked = box.call(["exec", "--cgroup", "/below", container.id, "true"]);
      t.not(asked.status, 0, "what is asked for by name is not replaced");
      t.equal(box.call(["kill", "--all", container.id, "KILL"]).status, 0);
      t.ok(
        waitFor(() => !isAlive(container.pid) && !isAlive(Number(readFileSync(detached, "utf8")))),
        "kill --all",
      );
      container.until("stopped");
      const removed = container.remove();
      t.equal(removed.status, 0, removed.output);
    }
  },
  { skip: needs() || runtOnly("1.4.1 and later have exec only") },
);

scenario(
  "a process of an outer pid namespace in the container's cgroup: kill --all signals nobody by the number 0",
  async (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.args = ["sleep", "1000"];
      removeNamespaces(config, "pid");
    });
    const [ready, go, id] = [box.path("ready"), box.path("go"), box.id()];
    const runtime = `${RUNTIME} --root ${box.root}`;
    const script = `${runtime} run --detach --bundle ${bundle.dir} ${id} </dev/null >/dev/null 2>&1; touch ${ready}
while [ ! -e ${go} ]; do sleep 0.05; done
${runtime} kill --all ${id} TERM; echo "status $?"; ${runtime} ps --format json ${id}; ${runtime} kill ${id} KILL; ${runtime} delete --force ${id}; echo survived`;
    const child = spawn("unshare", ["--pid", "--fork", "--mount-proc", "setsid", "--wait", "sh", "-c", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const outer = spawn("sleep", ["1003"], { stdio: "ignore" });
    box.atClose(() => {
      child.kill("SIGKILL");
      outer.kill("SIGKILL");
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    const ended = once(child, "exit");
    for (let tries = 0; !existsSync(ready) && tries < 400; tries++) await new Promise((settle) => setTimeout(settle, 25));
    const folder = join(TOP, box.cgroup, basename(bundle.dir));
    writeFileSync(join(folder, "cgroup.procs"), String(outer.pid));
    const busy = box.tryCreate(box.bundle((config) => (config.linux.cgroupsPath = join(box.cgroup, basename(bundle.dir)))));
    t.match(busy.output, /container's cgroup is not empty: 2 process\(es\) found/);
    writeFileSync(go, "");
    await ended;
    t.match(said, /status 0\n\[[0-9]*\]\n(?:.*\n)*survived\n/, said);
    t.notMatch(said, /\[0/);
  },
  { skip: needs() || runtOnly("would end itself") },
);

scenario(
  "SIGKILL ends every process of a container without a pid namespace, also those that fork all the time",
  (t, box) => {
    const container = box.running((config) => {
      removeNamespaces(config, "pid");
      config.process.args = [
        "sh",
        "-c",
        "for n in 1 2 3; do while true; do /bin/true & wait; done & done; sleep 1000 & sleep 1000",
      ];
    });
    const folder = cgroupDirOf(container.pid, "");
    t.ok(waitFor(() => readText(join(folder, "cgroup.procs")).trim().split("\n").length >= 4));
    t.equal(container.kill("KILL").status, 0);
    t.ok(
      waitFor(() => readText(join(folder, "cgroup.procs")).trim() === ""),
      "nothing is left in it",
    );
  },
  { skip: needs() || notFor("crun", "kills the first process only") || notFor("runc", "1.1 needs --all") },
);

scenario(
  "update by flags changes what they name, and nothing else",
  (t, box) => {
    const container = box.running((config) => limit(config, { memory: { limit: 64 * MIB }, pids: { limit: 40 } }));
    const update = (...flags: string[]): void => {
      const done = box.call(["update", ...flags, container.id]);
      t.equal(done.status, 0, `update ${flags.join(" ")}: ${done.output}`);
    };
    update("--memory", String(50 * MIB));
    t.equal(value(container, "memory.max"), String(50 * MIB));
    t.equal(value(container, "pids.max"), "40", "the others stay");
    update("--memory", String(32 * MIB), "--memory-reservation", String(25 * MIB));
    t.equal(value(container, "memory.low"), String(25 * MIB));
    update("--pids-limit", "10");
    t.equal(value(container, "pids.max"), "10");
    update("--cpu-period", "900000", "--cpu-quota", "600000");
    t.equal(value(container, "cpu.max"), "600000 900000");
    update("--memory", "-1");
    t.equal(value(container, "memory.max"), "max");
  },
  { skip: needs("memory", "pids", "cpu") },
);

scenario(
  "update: a quota keeps the period, and -1 takes it away",
  (t, box) => {
    const container = box.running((config) => limit(config, { cpu: { quota: 50000, period: 100000 } }));
    const done = box.call(["update", "--cpu-period", "200000", container.id]);
    t.equal(done.status, 0, done.output);
    t.equal(box.call(["update", "--cpu-quota", "30000", container.id]).status, 0);
    t.equal(value(container, "cpu.max"), "30000 200000");
    t.equal(box.call(["update", "--cpu-quota", "-1", container.id]).status, 0);
    t.equal(value(container, "cpu.max"), "max 200000");
  },
  { skip: needs("cpu") || runtOnly("know the period from elsewhere, or not") },
);

scenario(
  "update sets again what was asked for before: shares after idle, memory and swap together, what others changed",
  (t, box) => {
    const container = box.running((config) =>
      limit(config, {
        memory: { limit: 64 * MIB, swap: 96 * MIB },
        cpu: { shares: 512, quota: 50000, burst: 20000 },
        pids: { limit: 40 },
        unified: { "memory.high": "50M" },
      }),
    );
    const update = (resources: object): void => {
      const done = box.call(["update", "--resources", "-", container.id], { input: JSON.stringify(resources) });
      t.equal(done.status, 0, done.output);
    };
    // Linux 5.15 brought it.
    if (existsSync(join(cgroupDirOf(container.pid, ""), "cpu.idle"))) {
      const before = value(container, "cpu.weight");
      update({ cpu: { idle: 1 } });
      t.equal(value(container, "cpu.idle"), "1");
      update({ cpu: { idle: 0 } });
      t.equal(value(container, "cpu.weight"), before, "the shares are back");
    }
    writeFileSync(join(cgroupDirOf(container.pid, ""), "pids.max"), "7");
    writeFileSync(join(cgroupDirOf(container.pid, ""), "cpu.max"), "max 100000");
    update({ memory: { limit: 80 * MIB } });
    t.same(
      ["memory.max", "pids.max", "cpu.max", "memory.high"].map((file) => value(container, file)),
      [String(80 * MIB), "40", "50000 100000", String(50 * MIB)],
    );
    const swap = existsSync(join(cgroupDirOf(container.pid, ""), "memory.swap.max"));
    if (swap) t.equal(value(container, "memory.swap.max"), String(16 * MIB), "both together are what they were");
    update({ unified: { "memory.max": "70M" } });
    t.equal(value(container, "memory.max"), String(70 * MIB));
    update({ pids: { limit: 41 } });
    t.equal(value(container, "memory.max"), String(70 * MIB));
    update({ memory: { limit: 90 * MIB } });
    t.equal(value(container, "memory.max"), String(90 * MIB), "the property takes the place of the file's line");
    const beyond = box.call(["update", "--memory", String(128 * MIB), container.id]);
    t.equal(beyond.status, 1);
    t.match(
      beyond.output,
      /linux\.resources\.memory\.swap: 100663296, .*is less than linux\.resources\.memory\.limit \(134217728\)/,
    );
    t.equal(value(container, "memory.max"), String(90 * MIB), "and nothing is changed");
  },
  { skip: needs("memory", "pids", "cpu") || runtOnly("forget some of it") },
);

scenario(
  "update: what the kernel refuses leaves the former limits",
  (t, box) => {
    const container = box.running((config) => limit(config, { memory: { limit: 64 * MIB }, pids: { limit: 40 } }));
    const input = JSON.stringify({ memory: { limit: 32 * MIB }, pids: { limit: 10 }, cpu: { quota: 5 } });
    const done = box.call(["update", "--resources", "-", container.id], { input });
    t.equal(done.status, 1);
    t.match(done.output, /linux\.resources\.cpu\.quota: failed to write .*5 100000.*cpu\.max: invalid argument/);
    t.equal(value(container, "memory.max"), String(64 * MIB));
    t.equal(value(container, "pids.max"), "40");
  },
  { skip: needs("memory", "pids", "cpu") || runtOnly("leave some of the new values") },
);

scenario(
  "the annotation run.oci.delegate-cgroup: the processes live in a cgroup below, the limits stay above",
  (t, box) => {
    const container = box.running((config) => {
      config.annotations = { "run.oci.delegate-cgroup": "payload/own" };
      limit(config, { memory: { limit: 64 * MIB } });
      addNamespaces(config, "user", "cgroup");
      const maps = [{ containerID: 0, hostID: 100000, size: 1000 }];
      config.linux.uidMappings = maps;
      config.linux.gidMappings = maps;
    });
    const folder = cgroupDirOf(container.pid, "");
    t.match(folder, /\/payload\/own$/);
    t.equal(readText(join(dirname(dirname(folder)), "memory.max")).trim(), String(64 * MIB));
    t.equal(readText(join(folder, "memory.max")).trim(), "max");
    t.equal(statSync(folder).uid, 100000, "it is the container's");
    t.equal(statSync(join(folder, "cgroup.procs")).uid, 100000);
    t.equal(statSync(dirname(folder)).uid, 0);
    t.match(
      box.call(["exec", container.id, "cat", "/proc/self/cgroup"]).stdout,
      /^0::\/payload\/own$/m,
      "seen from the container's own cgroup",
    );
    t.equal(box.call(["ps", "--format", "json", container.id]).stdout.trim(), `[${container.pid}]`);
    t.equal(container.kill("KILL").status, 0);
    container.until("stopped");
    t.equal(container.remove().status, 0);
    t.notOk(existsSync(dirname(dirname(folder))), "nothing stays");
    const wrong = box.tryCreate(box.bundle((config) => void (config.annotations = { "run.oci.delegate-cgroup": "a/../b" })));
    t.equal(wrong.status, 1);
    t.match(wrong.stderr, /run\.oci\.delegate-cgroup: invalid/);
  },
  { skip: needs("memory") || notFor("runc", "does not have it") || notFor("crun", "1.8.1 leaves the owner") },
);
