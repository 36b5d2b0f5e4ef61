// SPDX-License-Identifier: Apache-2.0
/** The systemd driver. What needs systemd runs in the machine of `npm run test:v2`. */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box, type Container, type Edit } from "../harness/box.ts";
import type { Config, Resources } from "../harness/config.ts";
import { cgroupPathOf, readText, waitFor } from "../harness/host.ts";
import { callRuntime, KIND, notFor, runtOnly } from "../harness/runtime.ts";

const HAS_SYSTEMD = existsSync("/run/systemd/system");
const MIB = 1024 * 1024;
const needsSystemd = HAS_SYSTEMD ? false : "systemd does not run here";
const needsV2 = needsSystemd || (existsSync("/sys/fs/cgroup/cgroup.controllers") ? false : "not cgroup v2 alone");

function limit(config: Config, resources: Resources): void {
  config.linux.resources = { ...config.linux.resources, ...resources };
}

function systemctl(...words: string[]): string {
  const done = spawnSync("systemctl", words, { encoding: "utf8" });
  return `${done.stdout}${done.stderr}`;
}

/** Properties of a unit, as systemctl prints them. */
function show(unit: string, ...names: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of systemctl("show", unit, ...names.map((name) => `--property=${name}`)).split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) found[line.slice(0, at)] = line.slice(at + 1);
  }
  return found;
}

/** Ends what is left in a slice: a container's first process does not mind the SIGTERM of a stop. */
function endSlice(slice: string): void {
  systemctl("kill", "--signal=SIGKILL", slice);
  systemctl("stop", "--no-block", slice);
}

/** A box whose runtime uses systemd; its containers are in a slice of its own. */
function useSystemd(box: Box): {
  readonly slice: string;
  readonly unit: (container: Container) => string;
  readonly edit: (edit?: Edit) => Edit;
} {
  box.globals.push("--systemd-cgroup");
  const base = box.marker.replaceAll("-", "");
  const slice = `${base}.slice`;
  box.atClose(() => endSlice(slice));
  const names = new Map<string, string>();
  return {
    slice,
    unit: ({ bundle }) => {
      const config = JSON.parse(readFileSync(join(bundle.dir, "config.json"), "utf8")) as Config;
      return `test-${config.linux.cgroupsPath?.split(":")[2] ?? ""}.scope`;
    },
    edit:
      (edit = () => undefined) =>
      (config) => {
        names.set(String(names.size), "");
        config.linux.cgroupsPath = `${slice}:test:${base}${names.size}`;
        edit(config);
      },
  };
}

function file(pid: number, name: string): string {
  return readText(`/sys/fs/cgroup${cgroupPathOf(pid, "") ?? ""}/${name}`).trim();
}

function isGone(unit: string): boolean {
  return waitFor(() => show(unit, "LoadState")["LoadState"] === "not-found", 5000);
}

scenario(
  "cgroupsPath slice:prefix:name is a scope in a slice, and gone after delete",
  (t, box) => {
    const { unit, slice, edit } = useSystemd(box);
    const container = box.running(edit());
    const scope = unit(container);
    const found = show(scope, "Slice", "ActiveState", "Delegate", "Description", "ControlGroup");
    t.match(found, { Slice: slice, ActiveState: "active", Delegate: "yes" });
    t.equal(found["ControlGroup"], `/${slice}/${scope}`);
    t.equal(
      cgroupPathOf(container.pid, HAS_SYSTEMD && !needsV2 ? "" : "name=systemd")
        ?.split("/")
        .slice(0, 3)
        .join("/"),
      `/${slice}/${scope}`,
    );
    const done = box.call(["exec", container.id, "cat", "/proc/self/cgroup"]);
    t.equal(done.status, 0, done.output);
    t.equal(container.remove("--force").status, 0);
    t.ok(isGone(scope));
  },
  { skip: needsSystemd },
);

scenario(
  "without cgroupsPath the scope is in system.slice",
  (t, box) => {
    box.globals.push("--systemd-cgroup");
    const container = box.running((config) => delete config.linux.cgroupsPath);
    const scope = `${KIND === "crun" ? "crun" : "runc"}-${container.id}.scope`;
    t.match(show(scope, "Slice", "ActiveState"), { Slice: "system.slice", ActiveState: "active" });
    t.equal(container.remove("--force").status, 0);
    t.ok(isGone(scope));
  },
  { skip: needsSystemd },
);

scenario(
  "a slice with dashes lies in those that its name begins with",
  (t, box) => {
    const { slice, edit } = useSystemd(box);
    const inner = slice.replace(".slice", "-a-b.slice");
    box.atClose(() => endSlice(inner));
    box.running(edit((config) => (config.linux.cgroupsPath = `${inner}:test:nested`)));
    const above = `/${slice}/${slice.replace(".slice", "-a.slice")}/${inner}/test-nested.scope`;
    t.equal(show("test-nested.scope", "ControlGroup")["ControlGroup"], above);
  },
  { skip: needsSystemd },
);

scenario(
  "sizes of unified as the kernel reads them: the limit is still there after a reload",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const container = box.running(edit((config) => limit(config, { unified: { "memory.max": "64M" } })));
    t.match(show(unit(container), "MemoryMax"), { MemoryMax: String(64 * MIB) });
    systemctl("daemon-reload");
    t.equal(file(container.pid, "memory.max"), String(64 * MIB));
  },
  { skip: needsV2 || notFor("runc", "takes plain numbers only") || notFor("crun", "tells systemd nothing of it") },
);

scenario(
  "delete --force of a container with a damaged record takes its unit and its processes too",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    for (const globals of [["--systemd-cgroup"], []]) {
      const container = box.running(edit());
      writeFileSync(join(box.root, container.id, "state.json"), "{");
      box.globals.splice(0, box.globals.length, ...globals);
      const removed = box.call(["delete", "--force", container.id]);
      t.same([removed.status, removed.output], [0, ""]);
      t.ok(isGone(unit(container)), "the unit");
      t.notOk(
        existsSync(`/proc/${container.pid}/ns`) && !/State:\s+Z/.test(readText(`/proc/${container.pid}/status`)),
        "the process",
      );
      box.globals.splice(0, box.globals.length, "--systemd-cgroup");
    }
  },
  { skip: needsSystemd || notFor("runc", "leaves them") || notFor("crun", "leaves them") },
);

scenario(
  "limits are properties of the unit and values of the files, also after a reload",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const container = box.running(
      edit((config) =>
        limit(config, {
          memory: { limit: 64 * MIB, reservation: 32 * MIB, swap: 96 * MIB },
          cpu: { shares: 512, quota: 20000, period: 50000 },
          pids: { limit: 33 },
        }),
      ),
    );
    const expectFiles = (when: string): void => {
      t.equal(file(container.pid, "memory.max"), String(64 * MIB), when);
      t.equal(file(container.pid, "memory.low"), String(32 * MIB), when);
      t.equal(file(container.pid, "memory.swap.max"), String(32 * MIB), when);
      t.equal(file(container.pid, "cpu.max"), "20000 50000", when);
      t.equal(file(container.pid, "pids.max"), "33", when);
    };
    expectFiles("at the start");
    t.match(
      show(unit(container), "MemoryMax", "MemoryLow", "MemorySwapMax", "TasksMax", "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec"),
      {
        MemoryMax: String(64 * MIB),
        MemoryLow: String(32 * MIB),
        MemorySwapMax: String(32 * MIB),
        TasksMax: "33",
        CPUQuotaPerSecUSec: "400ms",
        CPUQuotaPeriodUSec: "50ms",
      },
    );
    t.ok(Number(file(container.pid, "cpu.weight")) < 100);
    t.equal(show(unit(container), "CPUWeight")["CPUWeight"], file(container.pid, "cpu.weight"));
    systemctl("daemon-reload");
    expectFiles("after the reload");
  },
  { skip: needsV2 || notFor("crun", "1.8 tells systemd nothing of limits"), proves: ["linux.cgroupsPath"] },
);

scenario(
  "unified: systemd knows what it can know, the files have all",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const unified = { "memory.high": String(48 * MIB), "pids.max": "44", "memory.oom.group": "1", "cpu.max": "30000 100000" };
    const container = box.running(edit((config) => limit(config, { unified })));
    t.match(show(unit(container), "MemoryHigh", "TasksMax", "CPUQuotaPerSecUSec"), {
      MemoryHigh: String(48 * MIB),
      TasksMax: "44",
      CPUQuotaPerSecUSec: "300ms",
    });
    for (const [name, value] of Object.entries(unified)) t.equal(file(container.pid, name), value, name);
  },
  { skip: needsV2 || notFor("crun", "1.8 tells systemd nothing of limits") },
);

scenario(
  "a quota between two percents is rounded up for systemd, which keeps no other, and not in the file",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const container = box.running(edit((config) => limit(config, { cpu: { quota: 12345, period: 100000 } })));
    t.equal(show(unit(container), "CPUQuotaPerSecUSec")["CPUQuotaPerSecUSec"], "130ms");
    t.equal(file(container.pid, "cpu.max"), "12345 100000");
  },
  { skip: needsV2 || notFor("crun", "1.8 tells systemd nothing of limits") },
);

scenario(
  "the period of the CPU lasts over updates of itself, of the quota and of other limits",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const made = (cpu: Resources["cpu"]): Container => box.running(edit((config) => limit(config, { cpu: cpu ?? {} })));
    const update = (container: Container, ...flags: string[]): string => {
      const done = box.call(["update", ...flags, container.id]);
      t.equal(done.status, 0, `update ${flags.join(" ")}: ${done.output}`);
      return file(container.pid, "cpu.max");
    };
    const alone = made({ period: 800000 });
    t.equal(file(alone.pid, "cpu.max"), "max 800000");
    t.equal(update(alone, "--memory", String(100 * MIB)), "max 800000", "an update of the memory");
    systemctl("daemon-reload");
    t.equal(update(alone, "--pids-limit", "30"), "max 800000", "a reload, and an update of something else");
    t.equal(update(alone, "--cpu-quota", "400000"), "400000 800000");
    const none = made({});
    t.equal(update(none, "--cpu-period", "900000"), "max 900000");
    t.equal(update(none, "--cpu-quota", "300000"), "300000 900000");
    t.equal(show(unit(none), "CPUQuotaPerSecUSec")["CPUQuotaPerSecUSec"], "340ms");
    t.equal(update(none, "--cpu-quota", "-1"), "max 900000");
    t.equal(update(none, "--cpu-quota", "90000"), "90000 900000");
    const both = made({ quota: 20000, period: 50000 });
    t.equal(update(both, "--cpu-quota", "-1"), "max 50000");
    t.equal(update(both, "--cpu-quota", "10000"), "10000 50000");
  },
  { skip: needsV2 || notFor("crun", "loses it") || notFor("runc", "1.1 loses it") },
);

scenario(
  "update changes properties and files",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const container = box.running(edit((config) => limit(config, { memory: { limit: 64 * MIB }, pids: { limit: 20 } })));
    const done = box.call([
      "update",
      "--memory",
      String(128 * MIB),
      "--pids-limit",
      "44",
      "--cpu-quota",
      "20000",
      "--cpu-period",
      "50000",
      container.id,
    ]);
    t.equal(done.status, 0, done.output);
    t.match(show(unit(container), "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec"), {
      MemoryMax: String(128 * MIB),
      TasksMax: "44",
      CPUQuotaPerSecUSec: "400ms",
    });
    systemctl("daemon-reload");
    t.equal(file(container.pid, "memory.max"), String(128 * MIB));
    t.equal(file(container.pid, "pids.max"), "44");
    t.equal(file(container.pid, "cpu.max"), "20000 50000");
  },
  { skip: needsV2 || notFor("crun", "1.8 tells systemd nothing of limits") },
);

scenario(
  "limits act: fork fails, and the OOM killer strikes",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const forks = box.running(edit((config) => limit(config, { pids: { limit: 3 } })));
    const script = "sleep 5 & sleep 5 & sleep 5 & sleep 5 & wait";
    t.match(box.call(["exec", forks.id, "sh", "-c", script]).output, /can't fork|Resource temporarily unavailable/i);
    const done = box.run(
      edit((config) => {
        config.process.args = ["sh", "-c", "dd if=/dev/zero of=/dev/shm/fill bs=1M count=60; echo survived"];
        limit(config, { memory: { limit: 16 * MIB, swap: 16 * MIB } });
      }),
    );
    t.ok(done.status === 137 || /Killed/.test(done.output), `status ${done.status}: ${done.output}`);
    t.equal(forks.remove("--force").status, 0);
    t.ok(isGone(unit(forks)));
  },
  { skip: needsV2 },
);

scenario(
  "devices: what is not allowed is refused, also after a reload",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const container = box.running(
      edit((config) => {
        config.process.capabilities?.bounding?.push("CAP_MKNOD");
        config.process.capabilities?.effective?.push("CAP_MKNOD");
        config.process.capabilities?.permitted?.push("CAP_MKNOD");
        config.mounts = (config.mounts ?? []).filter(({ destination }) => destination !== "/dev/shm");
        config.mounts.push({ destination: "/nodes", type: "tmpfs", source: "tmpfs", options: ["dev"] });
      }),
    );
    t.match(show(unit(container), "DevicePolicy"), { DevicePolicy: "strict" });
    const script =
      "mknod /nodes/kmsg c 1 11; mknod /nodes/null c 1 3; cat /nodes/kmsg > /dev/null && echo open; echo x > /nodes/null && echo fine";
    const first = box.call(["exec", container.id, "sh", "-c", script]);
    t.match(first.output, /kmsg.*not permitted/);
    t.match(first.stdout, /^fine$/m);
    systemctl("daemon-reload");
    const again = box.call([
      "exec",
      container.id,
      "sh",
      "-c",
      "cat /nodes/kmsg > /dev/null && echo open; echo x > /nodes/null && echo fine",
    ]);
    t.match(again.output, /kmsg.*not permitted/);
    t.match(again.stdout, /^fine$/m);
  },
  { skip: needsSystemd || notFor("crun", "1.8 tells systemd nothing of limits") },
);

scenario(
  "annotations org.systemd.property set properties of the unit",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const container = box.running(
      edit((config) => {
        config.annotations = {
          "org.systemd.property.TimeoutStopUSec": "uint64 123456789",
          "org.systemd.property.CollectMode": "'inactive-or-failed'",
          "org.systemd.property.After": "['basic.target']",
        };
      }),
    );
    t.match(show(unit(container), "TimeoutStopUSec", "CollectMode", "After"), {
      TimeoutStopUSec: "2min 3.456789s",
      CollectMode: "inactive-or-failed",
      After: /basic\.target/,
    });
  },
  { skip: needsSystemd },
);

scenario(
  "an annotation in seconds is one in microseconds",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const container = box.running(
      edit((config) => {
        config.annotations = { "org.systemd.property.TimeoutStopSec": "uint64 15" };
      }),
    );
    t.equal(show(unit(container), "TimeoutStopUSec")["TimeoutStopUSec"], "15s");
  },
  { skip: needsSystemd },
);

scenario(
  "a cgroupsPath that is none, and annotations that are none, are errors that leave nothing",
  (t, box) => {
    const { slice, edit } = useSystemd(box);
    const path = box.run(edit((config) => (config.linux.cgroupsPath = "/a/b")));
    t.equal(path.status, 1);
    t.match(path.output, /slice:prefix:name/);
    const dashes = box.run(edit((config) => (config.linux.cgroupsPath = "a--b.slice:test:x")));
    t.match(dashes.output, /invalid slice name/);
    const value = box.run(edit((config) => (config.annotations = { "org.systemd.property.TimeoutStopUSec": "nonsense" })));
    t.match(value.output, /TimeoutStopUSec=nonsense/);
    const unknown = box.run(edit((config) => (config.annotations = { "org.systemd.property.NoSuchThing": "1" })));
    t.equal(unknown.status, 1);
    t.match(unknown.output, /NoSuchThing/);
    t.same(box.leftovers(), []);
    t.equal(systemctl("list-units", "--all", "--plain", "--no-legend", `test-${slice.replace(".slice", "")}*.scope`).trim(), "");
    t.same(
      readdirSync("/sys/fs/cgroup").filter(
        (name) => name === slice && readdirSync(`/sys/fs/cgroup/${name}`).some((each) => each.endsWith(".scope")),
      ),
      [],
    );
  },
  { skip: needsV2 || notFor("crun", "it has other words for them") },
);

scenario(
  "a create that fails leaves no unit",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const bundle = box.bundle(
      edit((config) => {
        config.mounts?.push({ destination: "/x", type: "bind", source: "/nowhere/at/all", options: ["bind"] });
      }),
    );
    const done = box.tryCreate(bundle);
    t.equal(done.status, 1);
    t.ok(isGone(unit({ bundle } as Container)), done.output);
    t.same(box.leftovers(), []);
  },
  { skip: needsSystemd || notFor("crun", "it has another status") },
);

scenario(
  "a unit that has failed before does not stand in the way",
  (t, box) => {
    const { edit } = useSystemd(box);
    const bundle = box.bundle(edit((config) => (config.process.args = ["true"])));
    const name =
      (JSON.parse(readFileSync(join(bundle.dir, "config.json"), "utf8")) as Config).linux.cgroupsPath?.split(":")[2] ?? "";
    box.atClose(() => void systemctl("reset-failed", `test-${name}.scope`));
    spawnSync("systemd-run", ["--scope", `--unit=test-${name}.scope`, "--property=RuntimeMaxSec=1", "sleep", "20"]);
    t.equal(show(`test-${name}.scope`, "ActiveState")["ActiveState"], "failed");
    const done = box.run(bundle);
    t.equal(done.status, 0, done.output);
  },
  { skip: needsSystemd || notFor("crun", "it refuses the name") },
);

scenario(
  "pause, resume and kill of all",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const container = box.running(edit());
    t.equal(box.call(["pause", container.id]).status, 0);
    t.equal(container.state().status, "paused");
    t.equal(box.call(["resume", container.id]).status, 0);
    t.equal(container.state().status, "running");
    t.equal(container.kill("KILL").status, 0);
    container.until("stopped");
    t.equal(container.remove().status, 0);
    t.ok(isGone(unit(container)));
  },
  { skip: needsSystemd },
);

scenario(
  "events has the statistics of the unit's cgroup",
  (t, box) => {
    const { edit } = useSystemd(box);
    const container = box.running(edit((config) => limit(config, { pids: { limit: 7 } })));
    const done = box.call(["events", "--stats", container.id]);
    t.equal(done.status, 0, done.output);
    t.match(JSON.parse(done.stdout), { data: { pids: { current: 1, limit: 7 } } });
  },
  { skip: needsV2 || notFor("crun", "it has no events") },
);

scenario(
  "a user's container is a scope of his own systemd, with limits",
  (t, box) => {
    const folder = box.folder("user");
    const root = join(folder, "state");
    mkdirSync(root);
    for (const path of [folder, root]) chownSync(path, 1000, 1000);
    chmodSync(box.dir, 0o755);
    const asUser = (...words: string[]) =>
      callRuntime(box.dir, ["--root", root, "--systemd-cgroup", ...words], { wrap: ["as-user"] });
    const name = `user${box.marker.replaceAll("-", "")}`;
    const bundle = box.bundle((config) => {
      config.process.args = ["sleep", "1000"];
      config.linux.cgroupsPath = `user.slice:test:${name}`;
      config.linux.namespaces = [...config.linux.namespaces.filter(({ type }) => type !== "network"), { type: "user" }];
      config.linux.uidMappings = [{ containerID: 0, hostID: 1000, size: 1 }];
      config.linux.gidMappings = [{ containerID: 0, hostID: 1000, size: 1 }];
      config.mounts = (config.mounts ?? [])
        .filter(({ destination }) => !["/sys", "/sys/fs/cgroup"].includes(destination))
        .map((mount) => ({ ...mount, options: (mount.options ?? []).filter((option) => !option.startsWith("gid=")) }));
      limit(config, { memory: { limit: 64 * MIB }, pids: { limit: 22 }, cpu: { quota: 20000, period: 100000 } });
    });
    const state = (): { pid: number; status: string } =>
      JSON.parse(asUser("state", "u1").stdout) as { pid: number; status: string };
    box.atClose(() => void asUser("delete", "--force", "u1"));
    // A container lives in a service of its own, which must not end it: create and start it from there.
    const made = asUser("run", "--detach", "--bundle", bundle.dir, "u1");
    t.equal(made.status, 0, made.output);
    const { pid, status } = state();
    t.equal(status, "running");
    t.match(
      cgroupPathOf(pid, ""),
      new RegExp(`^/user\\.slice/user-1000\\.slice/user@1000\\.service/user\\.slice/test-${name}\\.scope`),
    );
    t.equal(file(pid, "memory.max"), String(64 * MIB));
    t.equal(file(pid, "pids.max"), "22");
    t.equal(file(pid, "cpu.max"), "20000 100000");
    const done = asUser("exec", "u1", "cat", "/proc/self/cgroup");
    t.equal(done.status, 0, done.output);
    const changed = asUser("update", "--pids-limit", "33", "u1");
    t.equal(changed.status, 0, changed.output);
    t.equal(file(pid, "pids.max"), "33");
    const removed = asUser("delete", "--force", "u1");
    t.equal(removed.status, 0, removed.output);
    t.notOk(existsSync(`/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/test-${name}.scope`));
  },
  { skip: needsV2 || (existsSync("/usr/local/bin/as-user") ? false : "no user with a systemd of his own here") },
);

scenario(
  "without systemd the option is an error that says so",
  (t, box) => {
    box.globals.push("--systemd-cgroup");
    const done = box.run((config) => (config.linux.cgroupsPath = "a.slice:b:c"));
    t.equal(done.status, 1);
    t.match(done.output, /systemd/);
    t.same(box.leftovers(), []);
  },
  { skip: HAS_SYSTEMD ? "systemd runs here" : false },
);

scenario(
  "memory.limit too small to start: the error names the OOM killer and the property, also where systemd has removed the cgroup",
  (t, box) => {
    const { edit } = useSystemd(box);
    const starved = /OOM-killed: linux\.resources\.memory\.limit is too low/;
    // With the least init dies on its way, with more in the execve of the program.
    for (const bytes of [4096, 16_384, 32_768]) {
      for (let round = 0; round < 3; round++) {
        const bundle = box.bundle(
          edit((config) => {
            config.process.args = ["sleep", "1000"];
            limit(config, { memory: { limit: bytes, swap: bytes } });
          }),
        );
        for (const flags of [[], ["--detach"]]) {
          const done = box.call(["run", ...flags, "--bundle", bundle.dir, box.id()]);
          t.equal(done.status, 1, `run ${flags.join()}: ${bytes}`);
          t.match(done.stderr, starved, `run ${flags.join()}: ${bytes}`);
        }
        const id = box.id();
        const made = box.call(["create", "--bundle", bundle.dir, id]);
        const last = made.status === 0 ? box.call(["start", id]) : made;
        t.equal(last.status, 1, `create and start: ${bytes}`);
        t.match(last.stderr, starved, `create and start: ${bytes}`);
        if (made.status === 0) t.equal(box.call(["delete", "--force", id]).status, 0);
      }
    }
  },
  { skip: needsV2 || runtOnly("says less"), timeout: 120_000 },
);

scenario(
  "the annotation run.oci.systemd.subgroup: a cgroup below the scope's is the container's",
  (t, box) => {
    const { unit, slice, edit } = useSystemd(box);
    const container = box.running(
      edit((config) => {
        config.annotations = { "run.oci.systemd.subgroup": "payload" };
        limit(config, { memory: { limit: 64 * MIB }, pids: { limit: 50 } });
      }),
    );
    const own = `/${slice}/${unit(container)}/payload`;
    t.equal(cgroupPathOf(container.pid, ""), own);
    t.equal(box.call(["exec", container.id, "cat", "/proc/self/cgroup"]).stdout, "0::/\n", "its cgroup namespace begins there");
    // crun 1.8 tells systemd nothing of them.
    if (KIND !== "crun") t.match(show(unit(container), "MemoryMax", "TasksMax"), { MemoryMax: String(64 * MIB), TasksMax: "50" });
    t.equal(file(container.pid, "memory.max"), String(64 * MIB));
    t.equal(box.call(["update", "--memory", String(80 * MIB), container.id]).status, 0);
    t.equal(file(container.pid, "memory.max"), String(80 * MIB));
    if (KIND !== "crun") t.equal(show(unit(container), "MemoryMax")["MemoryMax"], String(80 * MIB));
    const ps = box.call(["ps", "--format", "json", container.id]).stdout;
    t.same(JSON.parse(ps), [container.pid]);
    t.equal(box.call(["pause", container.id]).status, 0);
    t.equal(container.state().status, "paused");
    t.equal(box.call(["resume", container.id]).status, 0);
    t.equal(container.remove("--force").status, 0);
    t.ok(isGone(unit(container)));
    t.notOk(existsSync(`/sys/fs/cgroup${own}`));
  },
  { skip: needsV2 || notFor("runc", "does not know it") },
);

scenario(
  "run.oci.systemd.subgroup with run.oci.delegate-cgroup, empty, and out of the scope",
  (t, box) => {
    const { unit, slice, edit } = useSystemd(box);
    const name = "run.oci.systemd.subgroup";
    const both = box.running(edit((config) => (config.annotations = { [name]: "payload", "run.oci.delegate-cgroup": "inner" })));
    t.equal(cgroupPathOf(both.pid, ""), `/${slice}/${unit(both)}/payload/inner`);
    const none = box.running(edit((config) => (config.annotations = { [name]: "" })));
    t.equal(cgroupPathOf(none.pid, ""), `/${slice}/${unit(none)}`);
    if (KIND === "crun") return; // 1.8 goes there
    const out = box.tryCreate(box.bundle(edit((config) => (config.annotations = { [name]: "../other" }))));
    t.not(out.status, 0);
    t.match(out.stderr, /invalid/);
  },
  { skip: needsV2 || notFor("runc", "does not know it") },
);

scenario(
  "run.oci.systemd.subgroup: a container that ends by itself leaves no scope",
  (t, box) => {
    const { unit, edit } = useSystemd(box);
    const container = box.create(
      edit((config) => {
        config.annotations = { "run.oci.systemd.subgroup": "payload" };
        config.process.args = ["true"];
      }),
    );
    t.equal(container.start().status, 0);
    container.until("stopped");
    t.ok(isGone(unit(container)));
    t.equal(container.remove().status, 0);
  },
  { skip: needsV2 || notFor("runc", "does not know it") },
);
