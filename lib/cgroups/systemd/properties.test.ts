// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { LinuxResources } from "../../spec/types.ts";
import { resourceWrites } from "../v1/resources.ts";
import { unifiedWrites } from "../v2/resources.ts";
import { deviceProperties } from "./devices.ts";
import { limitProperties, oomPolicy, unitProperties } from "./properties.ts";
import { INFINITY, type Property } from "../../dbus/values.ts";

type Values = Readonly<Record<string, unknown>>;
const values = (properties: readonly Property[]): Values =>
  Object.fromEntries(properties.map(({ name, value }) => [name, value]));
const v2 = (resources: LinuxResources, version = 252, update = false): Values =>
  values(limitProperties(unifiedWrites(resources, { read: () => undefined, update, ignored: () => undefined }), version));
const v1 = (resources: LinuxResources, version = 252): Values =>
  values(limitProperties(resourceWrites(resources, { read: () => undefined }, false), version));

t.test("what every unit has", async (t) => {
  const facts = { unit: "runc-c1.scope", slice: "a.slice", name: "c1", pid: 7, isUnified: true };
  const scope = values(unitProperties(facts));
  t.match(scope, {
    Description: "libcontainer container c1",
    Slice: "a.slice",
    Delegate: true,
    PIDs: [7],
    IOAccounting: true,
    DefaultDependencies: false,
  });
  t.match(values(unitProperties({ ...facts, isUnified: false })), {
    BlockIOAccounting: true,
    MemoryAccounting: true,
    CPUAccounting: true,
    TasksAccounting: true,
  });
  const slice = values(unitProperties({ ...facts, unit: "pod.slice" }));
  t.match(slice, { Wants: ["a.slice"] });
  t.notOk("Slice" in slice || "Delegate" in slice);
});

t.test("limits on cgroup v2", async (t) => {
  t.same(v2({ memory: { limit: 100, reservation: 50, swap: 150 } }), { MemoryMax: 100n, MemoryLow: 50n, MemorySwapMax: 50n });
  t.same(v2({ memory: { limit: -1 } }), { MemoryMax: INFINITY, MemorySwapMax: INFINITY });
  t.same(v2({ cpu: { shares: 1024 } }), { CPUWeight: 100n });
  t.same(v2({ pids: { limit: 5 } }), { TasksMax: 5n });
  t.same(v2({ pids: { limit: -1 } }), { TasksMax: INFINITY });
  t.same(v2({ pids: { limit: 0 } }), { TasksMax: 1n }, "systemd takes no 0");
  t.same(v2({}), {});
});

t.test("processor time", async (t) => {
  t.same(v2({ cpu: { quota: 20000, period: 50000 } }), { CPUQuotaPeriodUSec: 50000n, CPUQuotaPerSecUSec: 400000n });
  t.same(v2({ cpu: { quota: -1 } })["CPUQuotaPerSecUSec"], INFINITY);
  t.same(v2({ cpu: { quota: 12345, period: 100000 } })["CPUQuotaPerSecUSec"], 130000n, "a whole percent");
  t.same(v2({ cpu: { quota: 20000, period: 50000 } }, 241), { CPUQuotaPerSecUSec: 400000n }, "no periods before 242");
  t.same(v1({ cpu: { quota: 20000, period: 50000 } }), { CPUQuotaPeriodUSec: 50000n, CPUQuotaPerSecUSec: 400000n });
});

t.test("a quota that systemd cannot keep is rounded up for it", async (t) => {
  t.same(v2({ cpu: { quota: 12345, period: 100000 } }), { CPUQuotaPeriodUSec: 100000n, CPUQuotaPerSecUSec: 130000n });
  t.same(v2({ cpu: { quota: 300000, period: 900000 } }), { CPUQuotaPeriodUSec: 900000n, CPUQuotaPerSecUSec: 340000n });
  t.same(v2({ cpu: { quota: 20000 } }), { CPUQuotaPeriodUSec: 100000n, CPUQuotaPerSecUSec: 200000n });
});

t.test("idle is a weight of 0, and the weight does not count then", async (t) => {
  t.same(v2({ cpu: { idle: 1 } }), { CPUWeight: 0n });
  t.same(v2({ unified: { "cpu.idle": "1", "cpu.weight": "7" } }), { CPUWeight: 0n });
  t.same(v2({ unified: { "cpu.idle": "1", "cpu.weight": "7" } }, 251), { CPUWeight: 7n });
});

t.test("processors and nodes as masks", async (t) => {
  t.same(v2({ cpu: { cpus: "0-3,9", mems: "1" } }), {
    AllowedCPUs: new Uint8Array([15, 2]),
    AllowedMemoryNodes: new Uint8Array([2]),
  });
  t.same(v2({ cpu: { cpus: "0" } }, 243), {});
  t.throws(() => v2({ cpu: { cpus: "3-1" } }), {
    code: "CONFIG_INVALID",
    message: /^linux.resources.cpu.cpus: "3-1": invalid range: 3-1/,
  });
  t.throws(() => v2({ cpu: { cpus: "a" } }), { code: "CONFIG_INVALID" });
  t.throws(() => v2({ cpu: { cpus: "0-99999999999" } }), { code: "CONFIG_INVALID" });
  t.throws(() => v2({ cpu: { cpus: " , " } }), { code: "CONFIG_INVALID", message: /empty value/ });
});

t.test("unified", async (t) => {
  t.same(v2({ unified: { "memory.high": "1000", "memory.min": "max", "memory.swap.max": "0" } }), {
    MemoryHigh: 1000n,
    MemoryMin: INFINITY,
    MemorySwapMax: 0n,
  });
  t.same(v2({ unified: { "cpu.max": "max 50000" } }), { CPUQuotaPeriodUSec: 50000n, CPUQuotaPerSecUSec: INFINITY });
  t.same(v2({ unified: { "cpu.max": "10000" } }), { CPUQuotaPerSecUSec: 100000n });
  const unified = { "memory.max": "20M", "memory.high": "0x10k", "memory.low": "010", "memory.min": "1E" };
  const bytes = { MemoryMax: 20n << 20n, MemoryHigh: 16n << 10n, MemoryLow: 8n, MemoryMin: 1n << 60n };
  t.same(v2({ unified }), bytes, "sizes as the kernel reads them: else systemd takes the limit away when it writes its own");
  t.same(v2({ memory: { limit: 5 }, unified: { "memory.max": "7" } }), { MemoryMax: 7n }, "it wins");
  t.same(v2({ unified: { "io.max": "8:0 rbps=1", "hugetlb.2MB.max": "0" } }), {}, "what systemd does not have is left out");
});

t.test("limits on cgroup v1", async (t) => {
  t.same(v1({ memory: { limit: 100, reservation: 50 } }), { MemoryLimit: 100n });
  t.same(v1({ memory: { limit: -1 } })["MemoryLimit"], INFINITY);
  t.same(v1({ cpu: { shares: 512 }, pids: { limit: 9 }, blockIO: { weight: 300 } }), {
    CPUShares: 512n,
    TasksMax: 9n,
    BlockIOWeight: 300n,
  });
});

t.test("memory.oom.group is a policy, of which old versions know nothing", async (t) => {
  t.same(values(oomPolicy({ "memory.oom.group": "1" }, 253)), { OOMPolicy: "kill" });
  t.same(values(oomPolicy({ "memory.oom.group": " 0 " }, 253)), { OOMPolicy: "continue" });
  t.same(oomPolicy({ "memory.oom.group": "1" }, 252), []);
  t.same(oomPolicy(undefined, 255), []);
});

t.test("devices", async (t) => {
  const quiet = (): void => undefined;
  const deny = { allow: false, access: "rwm" } as const;
  const of = (...properties: Property[]) => properties.map(({ name, value }) => [name, value]);
  const found = of(
    ...deviceProperties(
      [deny, { allow: true, type: "b", major: 8, access: "r" }, { allow: true, type: "c", major: 4, minor: 64, access: "rw" }],
      [],
      252,
      quiet,
    ),
  );
  t.same(found.slice(0, 2), [
    ["DeviceAllow", []],
    ["DevicePolicy", "strict"],
  ]);
  const list = found[2]?.[1] as [string, string][];
  t.same(
    list.filter(([path]) => /block-8|4:64|1:3|char-136|\*/.test(path)),
    [
      ["block-8", "r"],
      ["/dev/char/4:64", "rw"],
      ["char-*", "m"],
      ["block-*", "m"],
      ["/dev/char/1:3", "rwm"],
      ["char-136", "rwm"],
    ],
  );
  t.same(of(...deviceProperties([{ allow: true, access: "rwm" }], [], 252, quiet)), [
    ["DeviceAllow", []],
    ["DevicePolicy", "auto"],
  ]);
  const told: string[] = [];
  const exceptions = [deny, { allow: true, type: "c", access: "rwm" }, { ...deny, type: "c", major: 4, minor: 1 }] as const;
  t.same(of(...deviceProperties(exceptions, [], 252, (line) => told.push(line))), [
    ["DeviceAllow", []],
    ["DevicePolicy", "auto"],
  ]);
  t.match(told, [/systemd is told to allow all/]);
  const old = of(...deviceProperties([deny], [], 239, (line) => told.push(line)))[2]?.[1] as [string, string][];
  t.notOk(old.some(([path]) => path === "char-136"));
  t.match(told, [String, /not told of c 136:\*/]);
});
