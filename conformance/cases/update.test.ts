// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import { cgroupDirOf, cgroupValue, hasController } from "../harness/host.ts";
import { IS_RUNT, runtOnly } from "../harness/runtime.ts";

const needs = (...names: readonly string[]): string | false => {
  const missing = names.filter((name) => !hasController(name));
  return missing.length === 0 ? false : `cgroup v1 controllers that this host lacks: ${missing.join(" ")}`;
};
const MIB = 1 << 20;

scenario(
  "update by flags changes what they name, and nothing else",
  (t, box) => {
    const container = box.running((config) => {
      config.linux.resources = { ...config.linux.resources, memory: { limit: 64 * MIB }, pids: { limit: 40 } };
    });
    const value = (controller: string, file: string): string => cgroupValue(container.pid, controller, file);
    const update = (...flags: string[]): void => {
      const done = box.call(["update", ...flags, container.id]);
      t.same([done.status, done.stdout], [0, ""], `update ${flags.join(" ")}: ${done.output}`);
    };
    const devices = value("devices", "devices.list");
    update("--memory", "50M");
    t.equal(value("memory", "memory.limit_in_bytes"), String(50 * MIB));
    t.equal(value("pids", "pids.max"), "40", "the others stay");
    update("--memory", String(32 * MIB), "--memory-reservation", "25M");
    t.equal(value("memory", "memory.limit_in_bytes"), String(32 * MIB));
    t.equal(value("memory", "memory.soft_limit_in_bytes"), String(25 * MIB));
    update("--pids-limit", "10");
    t.equal(value("pids", "pids.max"), "10");
    update("--pids-limit", "-1");
    t.equal(value("pids", "pids.max"), "max");
    update("--cpu-period", "900000", "--cpu-quota", "600000", "--cpu-share", "200");
    t.equal(value("cpu", "cpu.cfs_period_us"), "900000");
    t.equal(value("cpu", "cpu.cfs_quota_us"), "600000");
    t.equal(value("cpu", "cpu.shares"), "200");
    update("--cpu-quota", "300000");
    t.equal(value("cpu", "cpu.cfs_period_us"), "900000");
    t.equal(value("cpu", "cpu.cfs_quota_us"), "300000");
    update("--cpu-quota", "-1");
    t.equal(value("cpu", "cpu.cfs_quota_us"), "-1");
    update("--cpuset-cpus", "0");
    t.equal(value("cpuset", "cpuset.cpus"), "0");
    update("--memory", "-1");
    t.ok(Number(value("memory", "memory.limit_in_bytes")) > 2 ** 60, "no limit");
    t.equal(value("devices", "devices.list"), devices, "device rules stay");
  },
  { skip: needs("memory", "pids", "cpu", "cpuset") },
);

scenario(
  "update sets again what was asked for before, whoever has changed it",
  (t, box) => {
    const container = box.running((config) => {
      config.linux.resources = {
        ...config.linux.resources,
        memory: { limit: 64 * MIB },
        cpu: { shares: 512, quota: 50000, period: 200000 },
        pids: { limit: 40 },
      };
    });
    const value = (controller: string, file: string): string => cgroupValue(container.pid, controller, file);
    const change = (controller: string, file: string, text: string): void =>
      writeFileSync(join(cgroupDirOf(container.pid, controller), file), text);
    const update = (resources: object | string): void => {
      const input = typeof resources === "string" ? resources : JSON.stringify(resources);
      const done = box.call(["update", "--resources", "-", container.id], { input });
      t.equal(done.status, 0, done.output);
    };
    update({ cpu: { idle: 1 } });
    t.equal(value("cpu", "cpu.idle"), "1");
    update({ pids: { limit: 41 } });
    t.equal(value("cpu", "cpu.idle"), "1");
    update({ cpu: { idle: 0 } });
    t.equal(value("cpu", "cpu.shares"), "512", "the shares are back");
    change("pids", "pids.max", "7");
    change("cpu", "cpu.cfs_quota_us", "-1");
    change("cpu", "cpu.cfs_period_us", "100000");
    // More than a double can hold.
    update('{"memory":{"limit":9223372036854771712}}');
    t.same(
      [value("pids", "pids.max"), value("cpu", "cpu.cfs_quota_us"), value("cpu", "cpu.cfs_period_us")],
      ["41", "50000", "200000"],
    );
    change("memory", "memory.limit_in_bytes", String(64 * MIB));
    update({});
    t.equal(value("memory", "memory.limit_in_bytes"), "9223372036854771712", "exactly");
  },
  { skip: needs("memory", "pids", "cpu") || runtOnly("forget some of it") },
);

scenario(
  "update by a file, or by standard input",
  (t, box) => {
    const container = box.running();
    const value = (controller: string, file: string): string => cgroupValue(container.pid, controller, file);
    const file = box.file(JSON.stringify({ memory: { limit: 48 * MIB }, pids: { limit: 12 } }));
    const fromFile = box.call(["update", "--resources", file, container.id]);
    t.equal(fromFile.status, 0, fromFile.output);
    t.equal(value("memory", "memory.limit_in_bytes"), String(48 * MIB));
    t.equal(value("pids", "pids.max"), "12");
    // As dockerd sends it: a 0 is what was not given.
    const zeros = {
      memory: { limit: 0, reservation: 0, swap: 0 },
      cpu: { shares: 77, quota: 0, period: 0, realtimeRuntime: 0, realtimePeriod: 0, cpus: "", mems: "" },
      blockIO: { weight: 0 },
    };
    const fromInput = box.call(["update", "--resources=-", container.id], { input: JSON.stringify(zeros) });
    t.equal(fromInput.status, 0, fromInput.output);
    t.equal(value("cpu", "cpu.shares"), "77");
    t.equal(value("memory", "memory.limit_in_bytes"), String(48 * MIB), "0 means unset");
  },
  { skip: needs("memory", "pids", "cpu") },
);

scenario(
  "a resources file that is wrong: all problems at once, and nothing is changed",
  (t, box) => {
    const container = box.running((config) => {
      config.linux.resources = { ...config.linux.resources, pids: { limit: 40 } };
    });
    const file = box.file('{\n  "pids": { "limit": "many" },\n  "cpu": { "shares": -1 },\n  "memory": { "limit": {} }\n}\n');
    const done = box.call(["update", "--resources", file, container.id]);
    t.equal(done.status, 1);
    t.match(done.output, /:2:\d+: \/pids\/limit: /);
    t.match(done.output, /:3:\d+: \/cpu\/shares: /);
    t.match(done.output, /:4:\d+: \/memory\/limit: /);
    t.equal(cgroupValue(container.pid, "pids", "pids.max"), "40");
    const missing = box.call(["update", "--resources", box.path("none"), container.id]);
    t.equal(missing.status, 1);
    t.match(missing.output, /no such file or directory/);
    const noJson = box.call(["update", "--resources", "-", container.id], { input: "{" });
    t.equal(noJson.status, 1);
  },
  { skip: !IS_RUNT && "runc stops at the first problem, without a place" },
);

scenario(
  "what the kernel refuses: which file, what value, what it said, and the former limits stay",
  (t, box) => {
    const container = box.running((config) => {
      const memory = { limit: 64 * MIB };
      config.linux.resources = { ...config.linux.resources, memory, pids: { limit: 40 }, cpu: { shares: 500, cpus: "0" } };
    });
    const value = (controller: string, file: string): string => cgroupValue(container.pid, controller, file);
    const file = box.file(
      JSON.stringify({
        cpu: { shares: 300, cpus: "0-1", quota: 5 },
        memory: { limit: 32 * MIB },
        pids: { limit: 10 },
      }),
    );
    const done = box.call(["update", "--resources", file, container.id]);
    t.equal(done.status, 1);
    t.match(done.output, /cpu\.quota/, "the property");
    t.match(done.output, /cpu\.cfs_quota_us/, "the file");
    t.match(done.output, /failed to write \\*"5\\*"/, "the value");
    t.match(done.output, /invalid argument/, "what the kernel said");
    t.equal(value("memory", "memory.limit_in_bytes"), String(64 * MIB));
    t.equal(value("cpu", "cpu.shares"), "500");
    t.equal(value("cpuset", "cpuset.cpus"), "0");
    t.equal(value("pids", "pids.max"), "40");
    t.equal(container.state().status, "running");
  },
  { skip: needs("memory", "pids", "cpu", "cpuset") || (!IS_RUNT && "runc 1.1 leaves some of the new values") },
);

scenario(
  "a limit below what is in use is refused, and says so",
  (t, box) => {
    const container = box.running((config) => {
      config.linux.resources = { ...config.linux.resources, memory: { limit: 64 * MIB } };
      // Pages of a tmpfs cannot be reclaimed without swap.
      config.process.args = ["sh", "-c", "dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; echo ready; sleep 1000"];
    });
    const used = (): number => Number(cgroupValue(container.pid, "memory", "memory.usage_in_bytes"));
    for (let tries = 0; tries < 100 && used() < 20 * MIB; tries += 1) box.call(["state", container.id]);
    const done = box.call(["update", "--memory", "8M", container.id]);
    t.equal(done.status, 1);
    t.match(done.output, /unable to set memory limit to 8388608 \(current usage: [0-9]+, peak usage: [0-9]+\)/);
    t.equal(cgroupValue(container.pid, "memory", "memory.limit_in_bytes"), String(64 * MIB));
  },
  { skip: needs("memory") },
);

scenario("update of what does not run, and flags that say nothing useful", (t, box) => {
  const container = box.running();
  for (const [flag, value, text] of [
    ["--memory", "lots", /invalid value for memory: invalid size: 'lots'/],
    ["--cpu-share", "x", /invalid value for cpu-share/],
    ["--l3-cache-schema", "L3:0=f", /Intel RDT\/CAT: l3 cache schema is not enabled/],
    ["--mem-bw-schema", "MB:0=50", /Intel RDT\/MBA: memory bandwidth schema is not enabled/],
  ] as const) {
    const done = box.call(["update", flag, value, container.id]);
    t.equal(done.status, 1, flag);
    t.match(done.output, text);
  }
  container.kill();
  container.until("stopped");
  const stopped = box.call(["update", "--pids-limit", "10", container.id]);
  t.equal(stopped.status, 1);
  t.match(stopped.output, /container not running/);
  const missing = box.call(["update", "--pids-limit", "10", box.id()]);
  t.equal(missing.status, 1);
  t.match(missing.output, /container does not exist/);
});
