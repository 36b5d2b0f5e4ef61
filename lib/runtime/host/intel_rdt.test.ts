// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { RuntimeError } from "../../errors.ts";
import type { LinuxIntelRdt } from "../../spec/types.ts";
import {
  addToRdt,
  joinRdt,
  parseSchemata,
  rdtProblem,
  rdtRecord,
  removeRdt,
  requireResctrl,
  updateRdt,
  type Resctrl,
} from "./intel_rdt.ts";

/** A tree that behaves as resctrl does: a new directory is a group, and is removed with its whole content. */
function fake(test: Test): Resctrl {
  const root = test.testdir({
    info: { L3: {}, MB: {}, last_cmd_status: "ok\n" },
    schemata: "L3:0=7ff;1=7ff\nMB:0=100;1=100\n",
    tasks: "",
    mon_groups: {},
  });
  return {
    root,
    mkdir: (path) => {
      mkdirSync(path);
      for (const file of ["tasks", "schemata"]) writeFileSync(join(path, file), "");
      mkdirSync(join(path, "mon_groups"));
      return 0;
    },
    rmdir: (path) => {
      if (!existsSync(path)) return -2;
      rmSync(path, { recursive: true });
      return 0;
    },
  };
}

/** A container "box" whose first process is 4321. */
function joinBox(rdt: LinuxIntelRdt, resctrl: Resctrl): { undo: () => void; record: ReturnType<typeof rdtRecord> } {
  const record = rdtRecord(rdt, "box", resctrl);
  return { undo: joinRdt(rdt, record, 4321, resctrl), record };
}

function text(...path: string[]): string {
  return readFileSync(join(...path), "utf8");
}

t.test("without closID the container has a class of its own, which goes with it", (tt) => {
  const resctrl = fake(tt);
  const { record } = joinBox({ l3CacheSchema: "L3:0=f" }, resctrl);
  const path = join(resctrl.root, "box");
  tt.strictSame(record, { path, remove: true });
  tt.equal(text(path, "tasks"), "4321");
  // In resctrl a write does not replace earlier ones; in a plain file only the last one is left.
  tt.equal(text(path, "schemata"), "L3:0=f\n");
  removeRdt(record, resctrl.rmdir);
  tt.notOk(existsSync(path));
  removeRdt(record, resctrl.rmdir);
  tt.end();
});

t.test("an empty object is a class without limits; one that was there is not removed", (tt) => {
  const resctrl = fake(tt);
  resctrl.mkdir(join(resctrl.root, "box"));
  const { record } = joinBox({}, resctrl);
  tt.equal(record.remove, false);
  tt.equal(text(record.path, "tasks"), "4321");
  tt.equal(text(record.path, "schemata"), "", "no schema was given, so none is written");
  removeRdt(record, resctrl.rmdir);
  tt.ok(existsSync(record.path));
  tt.end();
});

t.test("schemata come last", (tt) => {
  const resctrl = fake(tt);
  const { record } = joinBox({ schemata: ["MB:1=30"], memBwSchema: "MB:0=20", l3CacheSchema: "L3:0=f" }, resctrl);
  tt.equal(text(record.path, "schemata").slice(0, 8), "MB:1=30\n");
  tt.end();
});

t.test("closID: made if there are schemata, kept when the container goes, taken back after a failure", (tt) => {
  const resctrl = fake(tt);
  const { record, undo } = joinBox({ closID: "gold", memBwSchema: "MB:0=20" }, resctrl);
  tt.strictSame(record, { path: join(resctrl.root, "gold"), remove: false });
  removeRdt(record, resctrl.rmdir);
  tt.ok(existsSync(record.path));
  undo();
  tt.notOk(existsSync(record.path));
  tt.throws(() => joinBox({ closID: "gold" }, resctrl), { code: "CONFIG_INVALID", message: /closID: there is no class/ });
  tt.notOk(existsSync(record.path));
  tt.end();
});

t.test("closID of a class that is there: joined, if its schemata are those", (tt) => {
  const resctrl = fake(tt);
  const path = join(resctrl.root, "gold");
  resctrl.mkdir(path);
  writeFileSync(join(path, "schemata"), "    L3:0=00f;1=0c0\n    MB:0= 20;1= 70\n");
  const { undo } = joinBox({ closID: "gold", l3CacheSchema: "L3:1=C0;0=f", memBwSchema: "MB:0=20" }, resctrl);
  tt.equal(text(path, "tasks"), "4321");
  undo();
  tt.ok(existsSync(path), "it was not made here");
  tt.throws(() => joinBox({ closID: "gold", l3CacheSchema: "L3:0=ff" }, resctrl), {
    code: "CONFIG_INVALID",
    message: /has L3:0=f, but config\.json wants ff/,
  });
  tt.throws(() => joinBox({ closID: "gold", memBwSchema: "MB:2=20" }, resctrl), { message: /MB:2=nothing/ });
  tt.end();
});

t.test('closID "/" is the root class', (tt) => {
  const resctrl = fake(tt);
  const { record } = joinBox({ closID: "/", enableMonitoring: true }, resctrl);
  const monitor = join(resctrl.root, "mon_groups/box");
  tt.strictSame(record, { path: resctrl.root, remove: false, monitor });
  tt.equal(text(resctrl.root, "tasks"), "4321");
  tt.equal(text(monitor, "tasks"), "4321");
  addToRdt(record, 99);
  tt.equal(text(monitor, "tasks").slice(0, 2), "99");
  removeRdt(record, resctrl.rmdir);
  tt.notOk(existsSync(monitor), "the monitoring group is the container's");
  tt.ok(existsSync(resctrl.root));
  tt.end();
});

t.test("a refusal comes with what the kernel says of it, and leaves nothing", (tt) => {
  const resctrl = fake(tt);
  writeFileSync(join(resctrl.root, "info/last_cmd_status"), "out of CLOSIDs\n");
  const full: Resctrl = { ...resctrl, mkdir: () => -28 };
  tt.throws(() => joinBox({}, full), {
    code: "SYSCALL",
    message: /mkdir .*box: no space left on device, last_cmd_status: out of CLOSIDs/,
  });
  const odd: Resctrl = { ...resctrl, mkdir: (path) => (path.includes("mon_groups") ? -28 : resctrl.mkdir(path)) };
  tt.throws(() => joinBox({ enableMonitoring: true }, odd), RuntimeError);
  tt.notOk(existsSync(join(resctrl.root, "box")));
  tt.end();
});

t.test("update", (tt) => {
  const resctrl = fake(tt);
  const { record } = joinBox({}, resctrl);
  updateRdt(record, ["MB:0=50"], resctrl);
  tt.equal(text(record.path, "schemata"), "MB:0=50\n");
  tt.end();
});

t.test("what a host cannot do", (tt) => {
  const resctrl = fake(tt);
  tt.equal(rdtProblem({ l3CacheSchema: "L3:0=f" }, resctrl), undefined);
  rmSync(join(resctrl.root, "info/MB"), { recursive: true });
  tt.match(rdtProblem({ memBwSchema: "MB:0=1" }, resctrl), ["/linux/intelRdt/memBwSchema", /MBA is not enabled/]);
  rmSync(join(resctrl.root, "info/L3"), { recursive: true });
  tt.match(rdtProblem({ l3CacheSchema: "L3:0=1" }, resctrl), ["/linux/intelRdt/l3CacheSchema", /CAT is not enabled/]);
  tt.match(rdtProblem({ closID: "gold" }, undefined), ["/linux/intelRdt", /no resctrl is mounted/]);
  tt.match(rdtProblem({ enableMonitoring: true }, undefined), ["/linux/intelRdt", /no resctrl is mounted/]);
  tt.equal(rdtProblem({}, undefined), undefined, "nothing is asked for");
  tt.equal(rdtProblem({ closID: "", schemata: [], enableMonitoring: false }, undefined), undefined);
  tt.throws(() => requireResctrl({ memBwSchema: "MB:0=1" }, resctrl), { code: "HOST_UNABLE" });
  tt.equal(requireResctrl({}, resctrl), resctrl);
  tt.end();
});

t.test("schemata as resources, ids and plain values", (tt) => {
  const lines = ["   MB:0=100;1= 20", "L3CODE:0=00ff", "L3CODE:1=0", "junk"];
  tt.strictSame(
    [...parseSchemata(lines)],
    [
      ["MB:0", "100"],
      ["MB:1", "20"],
      ["L3CODE:0", "ff"],
      ["L3CODE:1", "0"],
    ],
  );
  tt.end();
});
