// SPDX-License-Identifier: Apache-2.0
/** linux.intelRdt where the host has no resctrl; what it does where there is one is tried in lib/runtime/host/intel_rdt.test.ts. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import { IS_RUNT, notFor } from "../harness/runtime.ts";

const MOUNTED = / - resctrl /.test(readFileSync("/proc/self/mountinfo", "utf8"));

scenario(
  "intelRdt without a mounted resctrl is an error that names it, and nothing is left",
  (t, box) => {
    const schema = [{ l3CacheSchema: "L3:0=f" }, { closID: "gold", memBwSchema: "MB:0=9" }];
    // runc 1.1 looks only where there is a schema to write.
    for (const intelRdt of IS_RUNT ? [...schema, { closID: "gold" }, { enableMonitoring: true }] : schema) {
      const done = box.tryCreate(box.bundle((config) => void (config.linux.intelRdt = intelRdt)));
      t.equal(done.status, 1, JSON.stringify(intelRdt));
      t.match(done.stderr, /intelrdt/i);
      t.same(box.leftovers(), []);
    }
  },
  { skip: MOUNTED ? "resctrl is mounted" : false },
);

scenario(
  "intelRdt without anything in it is no error where no resctrl is mounted",
  (t, box) => {
    for (const intelRdt of [{}, { closID: "", enableMonitoring: false }]) {
      t.equal(
        box.sh("echo up", (config) => void (config.linux.intelRdt = intelRdt)),
        "up\n",
      );
    }
  },
  { skip: MOUNTED ? "resctrl is mounted" : false },
);

scenario(
  "intelRdt: a class of the container's own, with its schemata and a monitoring group",
  (t, box) => {
    const [root = ""] = /\S+(?= \S+ - resctrl )/.exec(readFileSync("/proc/self/mountinfo", "utf8")) ?? [];
    const line = (kind: string): string =>
      readFileSync(join(root, "schemata"), "utf8")
        .split("\n")
        .map((each) => each.trim())
        .find((each) => each.startsWith(`${kind}:`)) ?? "";
    const container = box.running((config) => {
      config.linux.intelRdt = {
        closID: box.marker,
        l3CacheSchema: line("L3"),
        memBwSchema: line("MB"),
        schemata: [line("L3")],
        enableMonitoring: true,
      };
    });
    const tasks = readFileSync(join(root, box.marker, "tasks"), "utf8").split("\n");
    t.ok(tasks.includes(String(container.pid)));
    container.remove("--force");
    t.notOk(existsSync(join(root, box.marker)));
  },
  { skip: MOUNTED ? false : "this host has no resctrl", proves: ["linux.intelRdt"] },
);

scenario(
  "intelRdt: a closID that is no name of a directory",
  (t, box) => {
    for (const closID of ["..", "a/b"]) {
      const done = box.tryCreate(box.bundle((config) => void (config.linux.intelRdt = { closID, l3CacheSchema: "L3:0=f" })));
      t.equal(done.status, 1, closID);
      t.match(done.stderr, /intelRdt.*closID/i);
    }
    t.same(box.leftovers(), []);
  },
  { skip: notFor("crun", "does not look at it") },
);
