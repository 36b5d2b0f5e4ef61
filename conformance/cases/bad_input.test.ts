// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { scenario } from "../harness/box.ts";
import { addNamespaces, type Config } from "../harness/config.ts";
import { readText } from "../harness/host.ts";
import { runtOnly } from "../harness/runtime.ts";

/** A property of config.json, as a path of names, with a value that it must not have. */
const BAD: readonly (readonly [readonly (string | number)[], unknown])[] = [
  [["linux"], 5],
  [["linux", "namespaces"], "pid"],
  [["linux", "namespaces", 0, "type"], "pids"],
  [["linux", "namespaces", 0, "path"], "/nowhere"],
  [["linux", "uidMappings"], [{ containerID: 0, hostID: 0, size: -1 }]],
  [["linux", "timeOffsets"], { boottime: { secs: 1 } }],
  [["linux", "devices"], [{ path: "relative", type: "c", major: 1, minor: 3 }]],
  [["linux", "devices"], [{ path: "/dev/x", type: "x" }]],
  [["linux", "netDevices"], { "no/device": {} }],
  [["linux", "cgroupsPath"], 7],
  [["linux", "resources", "memory"], { limit: "1M" }],
  [["linux", "resources", "memory"], { limit: 1, swap: -2 }],
  [["linux", "resources", "cpu"], { period: 1 }],
  [["linux", "resources", "cpu"], { cpus: "999999" }],
  [["linux", "resources", "pids"], { limit: "5" }],
  [["linux", "resources", "hugepageLimits"], [{ pageSize: "3MB", limit: 1 }]],
  [["linux", "resources", "devices"], [{ allow: true, type: "c", access: "x" }]],
  [["linux", "sysctl"], { "kernel.core_pattern": "x" }],
  [["linux", "sysctl"], { "net.ipv4.no_such_name": "1" }],
  [["linux", "seccomp"], { defaultAction: "SCMP_ACT_NO" }],
  [["linux", "rootfsPropagation"], "sharing"],
  [["linux", "maskedPaths"], [5]],
  [["linux", "readonlyPaths"], [5]],
  [["linux", "personality"], { domain: "LINUX64" }],
  [["linux", "memoryPolicy"], { mode: "MPOL_X" }],
  [["linux", "intelRdt"], { closID: ".." }],
  [["process", "rlimits"], [{ type: "RLIMIT_NO", soft: 1, hard: 1 }]],
  [["process", "rlimits"], [{ type: "RLIMIT_NOFILE", soft: 2, hard: 1 }]],
  [["process", "oomScoreAdj"], 2000],
  [["process", "apparmorProfile"], "no-such-profile"],
  [["process", "scheduler"], { policy: "SCHED_X" }],
  [["process", "ioPriority"], { class: "IOPRIO_CLASS_RT", priority: 99 }],
  [["process", "user", "uid"], 4294967295],
  [["mounts", 0, "destination"], 1],
  [["mounts"], [{ destination: "/x", type: "tmpfs", source: "tmpfs", options: ["size=lots"] }]],
  [["hooks"], { createRuntime: [{ path: "relative" }] }],
  [["root", "path"], "nowhere"],
];

scenario(
  "a bad value at any property: one error with its name, nothing left behind",
  (t, box) => {
    for (const [path, value] of BAD) {
      const at = `${path.join(".")} = ${JSON.stringify(value)}`;
      const bundle = box.bundle((config) => {
        // All there is, so that only the value is to blame.
        addNamespaces(config, "mount", "pid", "network", "ipc", "uts");
        let holder: unknown = config satisfies Config;
        for (const name of path.slice(0, -1)) holder = (holder as Record<string | number, unknown>)[name];
        (holder as Record<string | number, unknown>)[path.at(-1) ?? ""] = value;
      });
      const pidFile = box.path("pid");
      const done = box.tryCreate(bundle, ["--pid-file", pidFile]);
      t.equal(done.status, 1, at);
      // By its name alone, or as a pointer to it.
      const name = String(path.findLast((step) => typeof step === "string") ?? "");
      t.match(done.stderr, name, at);
      t.equal(done.stderr.trim().split("\n").length, 1, `${at}: one error`);
      t.same(box.leftovers(), [], at);
    }
  },
  { skip: runtOnly("takes some of them, with other words") },
);

scenario(
  "what a JavaScript engine takes for JSON, and is none",
  (t, box) => {
    const bundle = box.bundle();
    const good = readText(join(bundle.dir, "config.json")).replace(/\}\s*$/, "");
    const values = [
      '"\\i"',
      '"\\x41"',
      '"\\u{41}"',
      '"\\v"',
      '"\\\'"',
      '"\\0"',
      '"\\\n"',
      '"\\u12"',
      "1.",
      "1.e2",
      ".5",
      "+1",
      "01",
      "0x1",
      "1_0",
      "0b1",
      "1n",
      "NaN",
      "-Infinity",
      "[1,]",
      "[,1]",
      '{"a":1,}',
      "{a:1}",
      "'a'",
      "`a`",
      "/**/1",
      "1//",
      "undefined",
      '"a\tb"',
      "\u00a01",
      '{"a":1,"a":"\\x3a"}',
      '{"a":1,"a":"\\u003a"}',
      '{"a":1.,"b":"\\u002e"}',
    ];
    for (const value of values) {
      bundle.write(`${good}, "x": ${value}}`);
      const done = box.tryCreate(bundle);
      t.equal(done.status, 1, value);
      t.match(done.stderr, /not valid JSON|stands twice/, value);
      t.same(box.leftovers(), [], value);
    }
    bundle.write(`${good}, "x": ["\\u00fc\\n\\"\\\\/", 1.0, 1e2, -0.5]}`);
    t.equal(box.tryCreate(bundle).status, 0, "and what is JSON");
  },
  { skip: runtOnly("takes some of them") },
);

scenario(
  "more mounts with id mappings than a message can have descriptors: each is opened in its turn",
  (t, box) => {
    const source = box.folder("source");
    const maps = [{ containerID: 0, hostID: 100000, size: 10 }];
    const run = (count: number) =>
      box.run((config) => {
        config.process.args = ["sh", "-c", "grep -c ' /many/' /proc/self/mountinfo"];
        for (let index = 0; index < count; index += 1) {
          config.mounts.push({
            destination: `/many/${index}`,
            type: "bind",
            source,
            options: ["bind"],
            uidMappings: maps,
            gidMappings: maps,
          });
        }
      });
    t.equal(run(300).stdout, "300\n");
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("has other limits") },
);

scenario(
  "a value that this kernel refuses late, when all else is made: nothing left behind",
  (t, box) => {
    const edits: Readonly<Record<string, (config: Config) => void>> = {
      "mounts[": (config) => void config.mounts.push({ destination: "/x", type: "no-such-fs", source: "none" }),
      sysctl: (config) => void (config.linux.sysctl = { "net.ipv4.ip_forward": "many" }),
      createRuntime: (config) => void (config.hooks = { createRuntime: [{ path: "/bin/false" }] }),
      createContainer: (config) => void (config.hooks = { createContainer: [{ path: "/bin/false" }] }),
      "process.cwd": (config) => void (config.process.cwd = "/etc/passwd"),
      "process.args": (config) => void (config.process.args = ["/no-such-program"]),
      devices: (config) => void (config.linux.devices = [{ path: "/etc/passwd", type: "c", major: 1, minor: 3 }]),
    };
    for (const [name, edit] of Object.entries(edits)) {
      const bundle = box.bundle(edit);
      mkdirSync(join(bundle.rootfs, "x"), { recursive: true });
      const done = box.run(bundle);
      t.equal(done.status, 1, name);
      t.match(done.stderr, name);
      t.same(box.leftovers(), [], name);
    }
  },
  { skip: runtOnly("other words") },
);
