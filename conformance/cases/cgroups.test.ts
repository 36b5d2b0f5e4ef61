// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box } from "../harness/box.ts";
import { removeNamespaces, type Config, type Resources } from "../harness/config.ts";
import {
  cgroupDirOf,
  cgroupMounts,
  cgroupPathOf,
  cgroupValue,
  hasController,
  isAlive,
  PURE_V2,
  readText,
  waitFor,
} from "../harness/host.ts";
import { notFor, runtOnly } from "../harness/runtime.ts";

function limit(config: Config, resources: Resources): void {
  config.linux.resources = { ...config.linux.resources, ...resources };
}

/** A reason to skip where the host lacks one of the version 1 controllers. */
function needs(...names: string[]): string | false {
  const missing = names.filter((name) => !hasController(name));
  return missing.length === 0 ? false : `no cgroup v1 controller ${missing.join(", ")} here`;
}

const MIB = 1024 * 1024;

scenario(
  "memory: limit and reservation",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { memory: { limit: 64 * MIB, reservation: 32 * MIB } }));
    t.equal(cgroupValue(pid, "memory", "memory.limit_in_bytes"), String(64 * MIB));
    t.equal(cgroupValue(pid, "memory", "memory.soft_limit_in_bytes"), String(32 * MIB));
  },
  { skip: needs("memory"), proves: ["linux.resources.memory.limit", "linux.resources.memory.reservation"] },
);

scenario(
  "memory: swappiness, and the OOM killer",
  (t, box) => {
    const { pid } = box.running((config) => {
      limit(config, { memory: { limit: 64 * MIB, swappiness: 17, disableOOMKiller: true } });
    });
    t.equal(cgroupValue(pid, "memory", "memory.swappiness"), "17");
    t.match(cgroupValue(pid, "memory", "memory.oom_control"), /^oom_kill_disable 1$/m);
  },
  { skip: needs("memory"), proves: ["linux.resources.memory.swappiness", "linux.resources.memory.disableOOMKiller"] },
);

scenario(
  "memory: swap",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { memory: { limit: 64 * MIB, swap: 128 * MIB } }));
    t.equal(cgroupValue(pid, "memory", "memory.memsw.limit_in_bytes"), String(128 * MIB));
  },
  {
    skip:
      needs("memory") ||
      (existsSync(join(cgroupMounts().get("memory") ?? "", "memory.memsw.limit_in_bytes"))
        ? false
        : "the kernel does not account swap"),
    proves: ["linux.resources.memory.swap"],
  },
);

scenario(
  "memory: a program that takes more is killed",
  (t, box) => {
    const done = box.run((config) => {
      config.process.args = ["sh", "-c", "dd if=/dev/zero of=/dev/shm/fill bs=1M count=60; echo survived"];
      limit(config, { memory: { limit: 16 * MIB, swap: 16 * MIB } });
      if (!existsSync(join(cgroupMounts().get("memory") ?? "", "memory.memsw.limit_in_bytes"))) {
        limit(config, { memory: { limit: 16 * MIB } });
      }
    });
    t.match(done.output, /Killed|^$/);
    t.ok(done.status === 137 || /Killed/.test(done.output), `status ${done.status}`);
  },
  { skip: needs("memory"), proves: ["linux.resources.memory.limit"] },
);

scenario(
  "cpu: shares, quota and period",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { cpu: { shares: 512, quota: 25000, period: 50000 } }));
    t.equal(cgroupValue(pid, "cpu", "cpu.shares"), "512");
    t.equal(cgroupValue(pid, "cpu", "cpu.cfs_quota_us"), "25000");
    t.equal(cgroupValue(pid, "cpu", "cpu.cfs_period_us"), "50000");
  },
  {
    skip: needs("cpu"),
    proves: ["linux.resources.cpu.shares", "linux.resources.cpu.quota", "linux.resources.cpu.period"],
  },
);

scenario(
  "cpu: burst and idle",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { cpu: { quota: 50000, period: 100000, burst: 20000, idle: 1 } }));
    t.equal(cgroupValue(pid, "cpu", "cpu.cfs_burst_us"), "20000");
    t.equal(cgroupValue(pid, "cpu", "cpu.idle"), "1");
  },
  {
    skip:
      needs("cpu") ||
      (existsSync(join(cgroupMounts().get("cpu") ?? "", "cpu.idle"))
        ? false
        : "the kernel has no cpu.idle, which Linux 5.15 brought") ||
      notFor("runc", "1.1 does not know them"),
    proves: ["linux.resources.cpu.burst", "linux.resources.cpu.idle"],
  },
);

scenario(
  "cpu: a quota that the kernel refuses is an error that names the file",
  (t, box) => {
    const done = box.run((config) => limit(config, { cpu: { quota: 5, period: 100000 } }));
    t.equal(done.status, 1);
    t.match(done.stderr, /cfs_quota_us|quota/);
    t.same(box.leftovers(), []);
  },
  { skip: needs("cpu") },
);

scenario(
  "cpuset: cpus and mems",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { cpu: { cpus: "0", mems: "0" } }));
    t.equal(cgroupValue(pid, "cpuset", "cpuset.cpus"), "0");
    t.equal(cgroupValue(pid, "cpuset", "cpuset.mems"), "0");
    t.match(readText(`/proc/${pid}/status`), /Cpus_allowed_list:\s+0\n/);
    const done = box.tryCreate(box.bundle((config) => limit(config, { cpu: { mems: "1000" } })));
    t.equal(done.status, 1, "a node that no host has");
    t.match(done.stderr, /mems/);
  },
  { skip: needs("cpuset"), proves: ["linux.resources.cpu.cpus", "linux.resources.cpu.mems"] },
);

scenario(
  "cpuset: without a limit it is the parent's",
  (t, box) => {
    const { pid } = box.running();
    const top = readText(join(cgroupMounts().get("cpuset") ?? "", "cpuset.cpus")).trim();
    t.equal(cgroupValue(pid, "cpuset", "cpuset.cpus"), top);
  },
  { skip: needs("cpuset") },
);

scenario(
  "cpuset: a cpu that does not exist is an error",
  (t, box) => {
    const done = box.run((config) => limit(config, { cpu: { cpus: "4000" } }));
    t.equal(done.status, 1);
    t.match(done.stderr, /cpuset|cpus/);
    t.same(box.leftovers(), []);
  },
  { skip: needs("cpuset") },
);

scenario(
  "pids: the limit, and that fork fails at it",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { pids: { limit: 7 } }));
    t.equal(cgroupValue(pid, "pids", "pids.max"), "7");
    const done = box.run((config) => {
      limit(config, { pids: { limit: 4 } });
      config.process.args = ["sh", "-c", "for i in 1 2 3 4 5 6; do sleep 1 & done; wait; echo all"];
    });
    t.match(done.stderr, /can't fork/);
    t.notMatch(done.stdout, "all");
  },
  { skip: needs("pids"), proves: ["linux.resources.pids.limit"] },
);

scenario(
  "pids: a negative limit is none",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { pids: { limit: -1 } }));
    t.equal(cgroupValue(pid, "pids", "pids.max"), "max");
  },
  { skip: needs("pids") },
);

scenario(
  "blkio: weight",
  (t, box) => {
    const { pid } = box.running((config) => limit(config, { blockIO: { weight: 300 } }));
    const folder = cgroupDirOf(pid, "blkio");
    const file = readdirSync(folder).find((name) => /^blkio(\.bfq)?\.weight$/.test(name)) ?? "";
    t.equal(
      readText(join(folder, file))
        .trim()
        .replace(/^default /, ""),
      "300",
    );
  },
  {
    skip:
      needs("blkio") ||
      (readdirSync(cgroupMounts().get("blkio") ?? "/").some((name) => /^blkio(\.bfq)?\.weight$/.test(name))
        ? false
        : "no blkio weight in this kernel"),
    proves: ["linux.resources.blockIO.weight"],
  },
);

scenario(
  "devices: the list of the kernel is that of the config and the defaults",
  (t, box) => {
    const { pid } = box.running((config) => {
      limit(config, {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
          { allow: true, type: "b", major: 8, access: "r" },
        ],
      });
    });
    const lines = cgroupValue(pid, "devices", "devices.list").split("\n");
    t.ok(lines.includes("c 10:229 rw") || lines.includes("c 10:229 rwm"));
    t.ok(lines.some((line) => /^b 8:\* rm?$/.test(line)));
    for (const line of [
      "c *:* m",
      "b *:* m",
      "c 1:3 rwm",
      "c 1:5 rwm",
      "c 1:7 rwm",
      "c 1:8 rwm",
      "c 1:9 rwm",
      "c 5:0 rwm",
      "c 5:2 rwm",
      "c 136:* rwm",
    ]) {
      t.ok(lines.includes(line), line);
    }
    t.notOk(lines.includes("a *:* rwm"));
  },
  { skip: needs("devices"), proves: ["linux.resources.devices"] },
);

scenario(
  "cgroupsPath: an absolute one is below each hierarchy",
  (t, box) => {
    const path = `${box.cgroup}/own`;
    const { pid } = box.running((config) => void (config.linux.cgroupsPath = path));
    for (const name of cgroupMounts().keys()) {
      if (name === "" || name.startsWith("name=")) continue;
      t.equal(cgroupPathOf(pid, name), path, name);
    }
  },
  { proves: ["linux.cgroupsPath"] },
);

scenario(
  "cgroupsPath: a relative one, and none, have the id or the path at their end; delete removes them",
  (t, box) => {
    for (const path of [`${box.marker}/rel`, undefined]) {
      const container = box.running((config) => {
        if (path === undefined) delete config.linux.cgroupsPath;
        else config.linux.cgroupsPath = path;
      });
      const folder = cgroupDirOf(container.pid, "pids");
      t.ok(folder.endsWith(path ?? container.id), folder);
      t.equal(container.remove("--force").status, 0);
      t.notOk(existsSync(folder));
    }
  },
  { skip: needs("pids"), proves: ["linux.cgroupsPath"] },
);

scenario(
  "the container's first process is in its cgroup as soon as it is created",
  (t, box) => {
    const { pid } = box.create((config) => limit(config, { pids: { limit: 9 } }));
    t.match(cgroupPathOf(pid, "pids"), box.cgroup);
    t.equal(cgroupValue(pid, "pids", "pids.max"), "9");
  },
  { skip: needs("pids") },
);

scenario(
  "inside, /sys/fs/cgroup shows the container's own cgroup, read-only",
  (t, box) => {
    const out = box.sh(
      "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max; echo 1 2>/dev/null > pids/pids.max || echo refused; ls",
      (config) => limit(config, { memory: { limit: 32 * MIB }, pids: { limit: 12 } }),
    );
    const [memory, pids, refused, ...names] = out.trim().split("\n");
    t.same([memory, pids, refused], [String(32 * MIB), "12", "refused"]);
    for (const name of cgroupMounts().keys()) {
      if (name !== "" && !name.startsWith("name=")) t.ok(names.includes(name), name);
    }
  },
  { skip: needs("memory", "pids") },
);

scenario(
  "cgroups that the container made in its own are removed with it",
  (t, box) => {
    const container = box.running((config) => {
      const mount = config.mounts.find((each) => each.type === "cgroup");
      if (mount !== undefined) mount.options = ["rw", "nosuid", "noexec", "nodev"];
      config.process.args = ["sh", "-c", "mkdir -p /sys/fs/cgroup/pids/x/y /sys/fs/cgroup/memory/z; echo made; sleep 1000"];
    });
    const folder = cgroupDirOf(container.pid, "pids");
    for (let tries = 0; tries < 200 && readText(container.made.stdoutPath) === ""; tries += 1) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
    t.ok(existsSync(join(folder, "x/y")));
    t.equal(container.remove("--force").status, 0);
    t.notOk(existsSync(folder));
  },
  { skip: needs("memory", "pids") },
);

/** Makes the cgroup `path` in the hierarchies `controllers` before the runtime does. */
function makeCgroup(box: Box, path: string, controllers: string[]): string[] {
  const folders = controllers.map((name) => join(cgroupMounts().get(name) ?? "", path));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  box.atClose(() => {
    for (const folder of folders) {
      try {
        rmdirSync(folder);
      } catch {
        continue;
      }
    }
  });
  return folders;
}

scenario(
  "a cgroup that is there and empty is used",
  (t, box) => {
    const path = `${box.cgroup}/ready`;
    makeCgroup(box, path, ["pids", "memory"]);
    t.equal(
      box.sh("echo fine", (config) => void (config.linux.cgroupsPath = path)),
      "fine\n",
    );
  },
  { skip: needs("pids", "memory") },
);

scenario(
  "a cgroup that is not empty is an error that says so; its processes are left alone",
  (t, box) => {
    const first = box.running((config) => void (config.linux.cgroupsPath = `${box.cgroup}/taken`));
    const done = box.run((config) => void (config.linux.cgroupsPath = `${box.cgroup}/taken`));
    t.equal(done.status, 1);
    t.match(done.stderr, /cgroup is not empty: 1 process/);
    t.equal(first.state().status, "running");
    t.equal(cgroupPathOf(first.pid, "pids"), `${box.cgroup}/taken`, "its cgroup is still there");
  },
  { skip: needs("pids") || notFor("runc", "1.1 only warns") },
);

scenario(
  "a cgroup that is not empty in any one hierarchy is refused, and nobody in it is killed",
  (t, box) => {
    for (const controller of ["memory", "pids", "freezer", ""]) {
      if (!hasController(controller)) continue;
      const path = `${box.cgroup}/in-${controller}`;
      const [folder = ""] = makeCgroup(box, path, [controller]);
      const other = spawn("sleep", ["1001"], { stdio: "ignore" });
      box.atClose(() => other.kill("SIGKILL"));
      writeFileSync(join(folder, "cgroup.procs"), String(other.pid));
      const bundle = box.bundle((config) => {
        config.linux.cgroupsPath = path;
        removeNamespaces(config, "pid");
      });
      const done = box.tryCreate(bundle);
      t.equal(done.status, 1, controller);
      t.match(done.output, /container's cgroup is not empty: 1 process\(es\) found/, controller);
      t.ok(isAlive(other.pid ?? 0), `${controller}: it is left alone`);
      other.kill("SIGKILL");
      t.ok(waitFor(() => readText(join(folder, "cgroup.procs")).trim() === ""));
    }
  },
  { skip: needs("pids", "memory", "freezer") || runtOnly("looks at one hierarchy, or only warns") },
);

scenario(
  "a container whose cgroups are gone, its first process being elsewhere: exec, ps and kill find it, pause says so",
  (t, box) => {
    const moved = `${box.cgroup}/moved`;
    const controllers = [...cgroupMounts().keys()].filter((name) => name !== "cpuset");
    const folders = makeCgroup(box, moved, controllers);
    for (const edit of [() => undefined, (config: Config) => removeNamespaces(config, "pid")]) {
      const container = box.running((config) => {
        config.process.args = ["sh", "-c", "sleep 1001 & exec sleep 1000"];
        edit(config);
      });
      t.ok(
        waitFor(
          () =>
            readText(join(cgroupDirOf(container.pid, "pids"), "cgroup.procs"))
              .trim()
              .split("\n").length === 2,
        ),
      );
      controllers.forEach((controller, index) => {
        const own = cgroupDirOf(container.pid, controller);
        // Of a hierarchy with two controllers it has been done.
        if (own === folders[index]) return;
        for (const pid of readText(join(own, "cgroup.procs")).trim().split("\n"))
          writeFileSync(join(folders[index] ?? "", "cgroup.procs"), pid);
        if (existsSync(own)) rmdirSync(own);
      });
      const inside = box.call(["exec", "--detach", "--pid-file", box.path("pid"), container.id, "sleep", "1002"]);
      t.equal(inside.status, 0, inside.output);
      const listed = JSON.parse(box.call(["ps", "--format", "json", container.id]).stdout) as number[];
      const pid = listed.find((each) => readText(`/proc/${each}/cmdline`) === "sleep\x001002\0") ?? 0;
      for (const controller of controllers)
        t.equal(cgroupPathOf(pid, controller), moved, `${controller}: where the first process is`);
      t.ok(listed.length === 3 && listed.includes(container.pid), listed.join(" "));
      t.match(
        box.call(["pause", container.id]).output,
        /its first process \(\d+\) is in \S+moved and not in its own cgroup \S+, which is gone/,
      );
      t.equal(box.call(["kill", "--all", container.id, "KILL"]).status, 0);
      t.ok(
        waitFor(() => listed.every((each) => !isAlive(each))),
        "kill --all",
      );
      const removed = container.remove();
      t.equal(removed.status, 0, removed.output);
    }
  },
  { skip: needs("pids", "memory", "freezer") || runtOnly("have exec on cgroup v2 only") },
);

scenario(
  "delete --force of a process that a cgroup above keeps frozen says so",
  (t, box) => {
    const container = box.running();
    const [above = ""] = makeCgroup(box, box.cgroup, ["freezer"]);
    writeFileSync(join(above, "freezer.state"), "FROZEN");
    box.atClose(() => existsSync(above) && writeFileSync(join(above, "freezer.state"), "THAWED"));
    const refused = box.call(["delete", "--force", container.id]);
    t.equal(refused.status, 1);
    t.match(
      refused.output,
      new RegExp(`process ${container.pid} was killed and does not end: it is frozen by the cgroup ${above}: `),
    );
    writeFileSync(join(above, "freezer.state"), "THAWED");
    t.equal(container.remove("--force").status, 0);
  },
  { skip: needs("freezer") || runtOnly("does not say why") },
);

scenario(
  "a cgroup that is frozen is an error that says so, not a hang",
  (t, box) => {
    const path = `${box.cgroup}/cold`;
    const [folder = ""] = makeCgroup(box, path, ["freezer"]);
    writeFileSync(join(folder, "freezer.state"), "FROZEN");
    box.atClose(() => existsSync(folder) && writeFileSync(join(folder, "freezer.state"), "THAWED"));
    const bundle = box.bundle((config) => void (config.linux.cgroupsPath = path));
    const done = box.call(["run", "--bundle", bundle.dir, box.id()], { timeout: 10_000 });
    t.equal(done.status, 1);
    t.match(done.stderr, /frozen/);
    t.equal(readFileSync(join(folder, "freezer.state"), "utf8"), "FROZEN\n", "it stays as it was");
  },
  { skip: needs("freezer") || notFor("runc", "1.1 only warns") },
);

scenario(
  "below a cgroup that is frozen: an error that says so, not a hang",
  (t, box) => {
    for (const [controller, file, cold, warm] of [
      ["freezer", "freezer.state", "FROZEN", "THAWED"],
      ["", "cgroup.freeze", "1", "0"],
    ] as const) {
      if (!hasController(controller)) continue;
      const [folder = ""] = makeCgroup(box, `${box.cgroup}/cold`, [controller]);
      writeFileSync(join(folder, file), cold);
      box.atClose(() => existsSync(folder) && writeFileSync(join(folder, file), warm));
      for (const path of [`${box.cgroup}/cold/below`, ...(controller === "" ? [`${box.cgroup}/cold`] : [])]) {
        const bundle = box.bundle((config) => void (config.linux.cgroupsPath = path));
        const done = box.call(["run", "--bundle", bundle.dir, box.id()], { timeout: 10_000 });
        t.equal(done.status, 1);
        t.match(done.stderr, path.endsWith("below") ? /frozen, by a cgroup above it/ : /unexpectedly frozen/);
        t.notOk(existsSync(join(folder, "below")), "what was made is gone");
      }
      writeFileSync(join(folder, file), warm);
    }
  },
  { skip: needs("freezer") || runtOnly("waits for ever") },
);

scenario(
  "cgroups of the container's own making do not keep it: frozen ones, and ones without a name",
  (t, box) => {
    const container = box.running(() => undefined);
    const folder = cgroupDirOf(container.pid, "freezer");
    const below = join(folder, "below");
    mkdirSync(below);
    writeFileSync(join(below, "cgroup.procs"), String(container.pid));
    writeFileSync(join(below, "freezer.state"), "FROZEN");
    // Deeper than a path can say.
    const script = "mkdir d; cd d; n=$(printf %0200d 0); for i in $(seq 30); do mkdir $n && cd -P ./$n || exit 1; done";
    const nested = spawnSync("busybox", ["sh", "-c", script], { cwd: folder, encoding: "utf8" });
    t.equal(nested.status, 0, nested.stderr);
    const began = performance.now();
    const removed = box.call(["delete", "--force", container.id]);
    t.same([removed.status, removed.output], [0, ""]);
    t.ok(performance.now() - began < 5000, "it does not have to be waited for");
    t.notOk(existsSync(folder));
  },
  { skip: needs("freezer") || runtOnly("cannot be deleted then") },
);

scenario(
  "a limit for a controller that is not there is an error",
  (t, box) => {
    const done = box.run((config) => {
      config.linux.resources = {
        ...config.linux.resources,
        ...({ network: { classID: 0x100001 } } as Resources),
      };
    });
    t.equal(done.status, 1);
    t.match(done.stderr, /net_cls|network/);
    t.same(box.leftovers(), []);
  },
  { skip: hasController("net_cls") ? "net_cls is mounted here" : PURE_V2 && "cgroup v2 has no such setting" },
);

scenario("without root's cgroup namespace the paths inside are those of the host", (t, box) => {
  const out = box.sh("cat /proc/self/cgroup", (config) => removeNamespaces(config, "cgroup"));
  t.match(out, box.cgroup);
});
