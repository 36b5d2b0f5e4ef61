// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { checkConfig, configError, inspectConfig, warningFindings } from "../documents/config.ts";
import { defaultConfig } from "../defaults.ts";
import { validateConfig } from "./generated/validate_config.ts";
import type { Json } from "../json/exact.ts";
import { meaningProblems } from "../rules/rules.ts";
import { findings } from "./messages.ts";
import { collect, takeOut } from "./without_wrong_values.ts";

const process = { args: ["sh"], cwd: "/", user: { uid: 0, gid: 0 } };
const mount = [{ type: "mount" }];

/** `pointer: message` of each problem of a small good config with some top-level properties replaced. */
function problems(change: object): string[] {
  const config = { ociVersion: "1.3.0", root: { path: "rootfs" }, process, ...change };
  return checkConfig(JSON.stringify(config)).map(({ pointer, message }) => `${pointer}: ${message}`);
}

t.test("values that are wrong hide no rule about others", (t) => {
  const text = [
    '{"ociVersion": "1.3.0", "root": {"path": "rootfs"},',
    ' "hostname": "first", "hostname": "a",',
    ' "process": {"args": [], "cwd": "rel", "user": {"uid": -1}, "env": ["=x", 7]},',
    ' "hooks": {"poststop": [{"path": "rel"}, 5], "prestart": 1},',
    ' "linux": {"namespaces": [{"type": "ipc", "path": 1}, {"type": "ipc"}],',
    '           "seccomp": {"defaultAction": "no"}, "intelRdt": {"closID": ".."}}}',
  ].join("\n");
  const error = configError("/bundle/config.json", inspectConfig(text).problems);
  t.equal(error.code, "CONFIG_INVALID");
  t.strictSame(
    error.message.split("\n").map((line) => line.replace(/allowed: .*/, "allowed: …")),
    [
      "config.json: 14 problems:",
      'config.json:2:23: /hostname: the name "hostname" stands twice in one object',
      "config.json:2:35: /hostname: needs a uts namespace in /linux/namespaces, else it would be the host's",
      "config.json:3:22: /process/args: empty, must have at least one entry",
      'config.json:3:33: /process/cwd: found "rel", must be an absolute path',
      "config.json:3:56: /process/user/uid: found -1, must be an integer from 0 to 4294967295",
      'config.json:3:69: /process/env/0: found "=x", must be NAME=value',
      "config.json:3:75: /process/env/1: found 7, must be a string",
      'config.json:4:34: /hooks/poststop/0/path: found "rel", must be an absolute path',
      "config.json:4:42: /hooks/poststop/1: found 5, must be an object",
      "config.json:4:58: /hooks/prestart: found 1, must be a list",
      "config.json:5:51: /linux/namespaces/0/path: found 1, must be a string",
      "config.json:5:64: /linux/namespaces/1/type: ipc is there already, at /linux/namespaces/0",
      'config.json:6:41: /linux/seccomp/defaultAction: found "no", allowed: …',
      'config.json:6:71: /linux/intelRdt/closID: found "..", must be the name of one directory, or /',
    ],
  );
  t.end();
});

t.test("nothing is said to be missing that is only wrong", (t) => {
  const cases: readonly (readonly [object, ...string[]])[] = [
    [{ root: 5 }, "/root: found 5, must be an object"],
    [{ process: { ...process, args: 5 } }, "/process/args: found 5, must be a list of strings"],
    [{ hostname: "a", linux: { namespaces: 5 } }, "/linux/namespaces: found 5, must be a list"],
    [{ hostname: "a", linux: { namespaces: [5] } }, "/linux/namespaces/0: found 5, must be an object"],
    [
      { hostname: "a", linux: { namespaces: [{ type: "mount", path: 5 }] } },
      "/hostname: needs a uts namespace in /linux/namespaces, else it would be the host's",
      "/linux/namespaces/0/path: found 5, must be a string",
    ],
    [{ linux: { namespaces: [{ type: "user", path: 5 }] } }, "/linux/namespaces/0/path: found 5, must be a string"],
    [
      {
        process: { ...process, user: { uid: 5, gid: 0 } },
        linux: {
          namespaces: [{ type: "user" }],
          uidMappings: [{ containerID: 0, hostID: 0, size: -1 }],
          gidMappings: [{ containerID: 1, hostID: 0, size: 1 }],
        },
      },
      "/linux/uidMappings/0/size: found -1, must be an integer from 0 to 4294967295",
      "/linux/gidMappings: must map the container's group 0",
    ],
    [
      { linux: { devices: [{ type: 5, path: "dev" }] } },
      "/linux/devices/0/type: found 5, allowed: c, b, u, p",
      '/linux/devices/0/path: found "dev", must be an absolute path',
    ],
    [
      { linux: { sysctl: { "kernel.hostname": 5, "net.a": "1" }, namespaces: [{ type: "x" }] } },
      "/linux/sysctl/kernel.hostname: found 5, must be a string",
      '/linux/sysctl/kernel.hostname: "kernel.hostname": the property /hostname sets it',
      '/linux/namespaces/0/type: found "x", allowed: pid, network, mount, ipc, uts, user, cgroup, time',
    ],
    [{ annotations: { "": 5 } }, "/annotations/: found 5, must be a string"],
    [
      { mounts: [{ destination: "/a", options: ["bind"], uidMappings: [5], gidMappings: 5 }], linux: { namespaces: mount } },
      "/mounts/0/uidMappings/0: found 5, must be an object",
      "/mounts/0/gidMappings: found 5, must be a list",
    ],
  ];
  for (const [change, ...expected] of cases) t.strictSame(problems(change), expected, JSON.stringify(change));
  t.end();
});

t.test("an integer of too many digits is told once", (t) => {
  const text = `{"ociVersion": "1.3.0", "root": {"path": "r"}, "process": {"cwd": "x", "args": ["a"], "oomScoreAdj": ${"9".repeat(70)}}}`;
  t.strictSame(
    checkConfig(text).map(({ message }) => message),
    ['found "x", must be an absolute path', "an integer of 70 digits; 64 bits hold at most 20"],
  );
  t.end();
});

t.test("of equal names the last counts, and has its own place", (t) => {
  const text = '{"ociVersion": "1.3.0", "root": {\n"path": ""}, "root": {\n "a": 1}}';
  t.strictSame(
    checkConfig(text).map(({ pointer, line, column }) => `${pointer} ${line}:${column}`),
    ["/root 2:14", "/root/path 2:22"],
  );
  t.end();
});

t.test("takeOut keeps names and indices", (t) => {
  const document = { list: [1, 2, { "a/b": { c: 1 } }], o: { x: 1 }, s: "text" };
  takeOut(document, ["/list/1", "/list/2/a~1b/c", "/o", "/o/x", "/s/0", "/none/x", "/list/9", "", "/toString"]);
  t.strictSame(document, { list: [1, undefined, { "a/b": { c: undefined } }], o: undefined, s: "text" });
  t.notOk(Object.hasOwn(document, "toString"));
  t.end();
});

t.test("a finding rests on the values it reads, and what they are in", (t) => {
  const kept = (wrong: string, ...reads: string[]): boolean =>
    collect([wrong], (report) => report("/x", "", reads.length === 0 ? undefined : reads)).length === 1;
  t.notOk(kept("/x"));
  t.ok(kept("/x/y"));
  t.ok(kept("/xy"));
  t.notOk(kept("", "/a/b"));
  t.notOk(kept("/a", "/a/b"));
  t.ok(kept("/x", "/a/b"));
  t.notOk(kept("/a/5/type", "/a/*/type"));
  t.notOk(kept("/a/5", "/q", "/a/*/type"));
  t.ok(kept("/a/5/path", "/a/*/type"));
  t.end();
});

type Place = readonly (string | number)[];

/** Every place of a document. */
function places(value: unknown, at: Place = []): Place[] {
  if (typeof value !== "object" || value === null) return [at];
  const names = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [at, ...names.flatMap((name) => places((value as Record<string, unknown>)[name], [...at, name]))];
}

/** A config that has something for every rule. */
function fullConfig(): object {
  const maps = (): object[] => [{ containerID: 0, hostID: 5, size: 9 }];
  const hook = (): object[] => [{ path: "/h", args: ["h"], env: ["A=b"], timeout: 1 }];
  const base = defaultConfig({ rootless: false, cgroup2: true, uid: 0, gid: 0 });
  return {
    ...base,
    domainname: "d",
    annotations: { "": "x", a: "b" },
    process: {
      ...base.process,
      user: { uid: 1, gid: 2, umask: 3, additionalGids: [4, 50] },
      consoleSize: { height: 1, width: 70000 },
      scheduler: { policy: "SCHED_OTHER", nice: 30, priority: 1, flags: [], period: 5 },
      ioPriority: { class: "IOPRIO_CLASS_BE", priority: 1 },
      execCPUAffinity: { initial: "0" },
    },
    mounts: [{ destination: "a", type: "x", options: ["idmap"], uidMappings: maps() }],
    hooks: { prestart: hook(), createRuntime: hook(), startContainer: hook(), poststop: hook() },
    linux: {
      ...base.linux,
      namespaces: ["user", "time", "network", "uts", "ipc", "pid"].map((type) => ({ type, path: "/x" })),
      uidMappings: maps(),
      gidMappings: [...maps(), ...maps()],
      timeOffsets: { boottime: { secs: 1, nanosecs: 1e9 } },
      netDevices: { "a/b": { name: "c d" } },
      sysctl: { "vm.x": "1", "kernel.sem": "2" },
      cgroupsPath: "../x",
      personality: { domain: "LINUX", flags: ["x"] },
      devices: [
        { path: "/d", type: "c", major: 1, minor: 5000000 },
        { path: "/d", type: "b", major: 1 },
      ],
      resources: {
        devices: [{ allow: true, major: -5 }],
        memory: { limit: -5, swappiness: 101, kernel: 1 },
        blockIO: { weightDevice: [{ major: 1, minor: 2 }] },
        rdma: { m: {} },
        unified: { a: "b" },
      },
      seccomp: { defaultErrnoRet: 1, listenerMetadata: "x", syscalls: [{ names: ["a"], action: "SCMP_ACT_LOG", errnoRet: 1 }] },
    },
  };
}

const value = fc.oneof(
  fc.constantFrom<unknown>(null, 5, -1, 1.5, 2 ** 40, "", "x", "/", true, [], [5], [null], {}, { a: 5 }, [[]], [{}]),
  fc.jsonValue({ maxDepth: 2 }),
);
const full = places(fullConfig()).filter((place) => place.length > 0);
const changes = fc.array(fc.tuple(fc.constantFrom(...full), value), { minLength: 1, maxLength: 6 });

/** The full config with values put at places, as far as these are still there. */
function changed(list: readonly (readonly [Place, unknown])[]): object {
  const config = fullConfig();
  for (const [place, put] of list) {
    let at: unknown = config;
    for (const name of place.slice(0, -1)) at = (at as Record<string, unknown> | undefined)?.[name];
    if (typeof at !== "object" || at === null) continue;
    // A copy: a later change may go into it, and the values are used again.
    (at as Record<string | number, unknown>)[place.at(-1) ?? ""] = structuredClone(put);
  }
  return config;
}

t.test("no document makes a rule throw, and no problem hides one that does not rest on it", (t) => {
  let failed = 0;
  fc.assert(
    fc.property(changes, (list) => {
      const text = JSON.stringify(changed(list));
      const { config, problems, wrong } = inspectConfig(text);
      if (!validateConfig(JSON.parse(text))) failed++;
      warningFindings(config, wrong);
      const before = inspectConfig(JSON.stringify(fullConfig())).problems;
      const touched = list.map(([place]) => place.join("/"));
      // Rules that read one value only, in parts of the document that the changes leave alone.
      for (const { pointer, message } of before) {
        const one = /^\/(linux\/(resources|cgroupsPath)|process\/(consoleSize|scheduler))/.exec(pointer);
        const part = one?.[0].slice(1);
        if (part === undefined || touched.some((at) => at.startsWith(part) || part.startsWith(at))) continue;
        if (pointer.startsWith("/process/consoleSize") && touched.includes("process/terminal")) continue;
        assert.ok(
          problems.some((problem) => problem.pointer === pointer && problem.message === message),
          pointer,
        );
      }
    }),
    { numRuns: 400 },
  );
  t.ok(failed > 300, `${failed} documents that failed the schema`);
  t.end();
});

t.test("with the wrong values taken out the schema finds only members that are missing", (t) => {
  fc.assert(
    fc.property(changes, (list) => {
      const document = JSON.parse(JSON.stringify(changed(list))) as Json;
      validateConfig(document);
      const wrong = findings(document, validateConfig.errors ?? []).map(({ pointer }) => pointer);
      takeOut(document, wrong);
      meaningProblems(document as object, wrong);
      validateConfig(JSON.parse(JSON.stringify(document)));
      for (const { pointer, keyword } of validateConfig.errors ?? []) {
        // In a list the text form has null in the place of a removed value.
        const inList = wrong.some((at) => at === pointer || at.startsWith(`${pointer}/`));
        assert.ok(keyword === "required" || inList, `${pointer} ${keyword}`);
      }
    }),
    { numRuns: 300 },
  );
  t.pass("300 documents");
  t.end();
});
