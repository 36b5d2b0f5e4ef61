// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { Config } from "../spec/types.ts";
import { buildPlan } from "./build.ts";
import type { PlanFacts } from "./facts.ts";
import * as K from "../kernel/plan_numbers.ts";
import { initClone, readNamespaces } from "./namespaces.ts";
import type { OpName, Step, StepFields } from "./steps.ts";

const facts: PlanFacts = {
  id: "box",
  bundle: "/bundle",
  rootfs: "/bundle/rootfs",
  noPivot: false,
  noNewKeyring: false,
  relaysConsole: false,
  preserveFds: 0,
  extraEnv: [],
  waitForStart: true,
  kcore: true,
  links: {},
  trees: [],
  selinux: false,
  cgroupMounts: {},
};

const minimal: Config = {
  ociVersion: "1.3.0",
  root: { path: "rootfs" },
  process: { cwd: "/", args: ["sh"], user: { uid: 0, gid: 0 } },
  linux: { namespaces: [{ type: "pid" }, { type: "mount" }] },
};

function ops(config: Config, changed: Partial<PlanFacts> = {}): OpName[] {
  return buildPlan(config, { ...facts, ...changed }).steps.map(({ op }) => op);
}

function find<Name extends OpName>(config: Config, op: Name): (StepFields<Name> & { origin: string })[] {
  return buildPlan(config, facts)
    .steps.filter((step): step is Extract<Step, { op: Name }> => step.op === op)
    .map((step) => ({ ...(step.fields as StepFields<Name>), origin: step.origin }));
}

t.test("the whole order", async (t) => {
  const config: Config = {
    ...minimal,
    root: { path: "rootfs", readonly: true },
    hostname: "h",
    domainname: "d",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["ro", "mode=755"] },
    ],
    hooks: {
      prestart: [{ path: "/p" }],
      createContainer: [{ path: "/c" }],
      startContainer: [{ path: "/s" }],
    },
    process: {
      ...minimal.process!,
      terminal: true,
      noNewPrivileges: true,
      oomScoreAdj: 10,
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 1, hard: 2 }],
    },
    linux: {
      namespaces: ["pid", "network", "ipc", "uts", "mount", "cgroup"].map((type) => ({ type }) as never),
      sysctl: { "net.ipv4.ip_forward": "1" },
      maskedPaths: ["/proc/kcore"],
      readonlyPaths: ["/proc/sys"],
      rootfsPropagation: "shared",
    },
  };
  const order = ops(config).filter((op) => op !== "device" && op !== "symlink");
  t.same(order, [
    "sessionKeyring",
    "loopback",
    "parentPropagation",
    "rootfs",
    "mount",
    "mount",
    "cgroup",
    "unshare",
    "cpuAffinity",
    "runtimeHooks",
    "hook",
    "enterRoot",
    "workingDirectory",
    "console",
    "mountAttributes",
    "mountAttributes",
    "hostname",
    "domainname",
    "sysctl",
    "maskPath",
    "readonlyPath",
    "rootPropagation",
    "oomScoreAdj",
    "rlimit",
    "umask",
    "noNewPrivileges",
    "changeDirectory",
    "standardStreams",
    "credentials",
    "changeDirectory",
    "findProgram",
    "ready",
    "start",
    "hook",
    "exec",
  ]);
});

t.test("init knows what lies in /proc and /sys by one name, however config.json writes it", async (t) => {
  const config: Config = {
    ...minimal,
    mounts: [
      { destination: "/proc/", type: "proc", source: "proc" },
      { destination: "//./sys", type: "sysfs", source: "sysfs" },
    ],
    linux: { ...minimal.linux, maskedPaths: ["/proc//kcore", "//proc/kcore"], readonlyPaths: ["/./sys/"] },
  };
  t.match(find(config, "mount"), [{ target: "/proc" }, { target: "/sys" }]);
  t.match(find(config, "maskPath"), [{ path: "/proc/kcore" }]);
  t.match(find(config, "readonlyPath"), [{ path: "/sys" }]);
});

t.test("cwd is tried before the ids change, and settled after", async (t) => {
  const path = minimal.process!.cwd;
  t.match(find(minimal, "changeDirectory"), [
    { path, attempt: 1, origin: "/process/cwd" },
    { path, attempt: 0, origin: "/process/cwd" },
  ]);
});

t.test("namespaces: one clone makes all but the cgroup namespace", async (t) => {
  const types = ["pid", "network", "ipc", "uts", "mount", "cgroup"] as const;
  const plan = buildPlan({ ...minimal, linux: { namespaces: types.map((type) => ({ type })) } }, facts);
  const { CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWNS } = K;
  const clone = initClone(readNamespaces({ ...minimal, linux: { namespaces: types.map((type) => ({ type })) } }));
  t.equal(clone.flags, CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS);
  t.notOk(plan.steps.some(({ op }) => op === "fork"));
});

t.test("namespaces: joining a pid namespace needs a second process", async (t) => {
  const namespaces = [{ type: "mount" }, { type: "pid", path: "/proc/1/ns/pid" }] as const;
  const config = { ...minimal, linux: { namespaces } };
  const plan = buildPlan(config, facts);
  t.same(initClone(readNamespaces(config)), { flags: 0, staged: true });
  t.match(plan.steps.slice(0, 2), [
    { op: "joinNamespace", origin: "/linux/namespaces/1", fields: { slot: 0, kind: K.CLONE_NEWPID, attempt: 0 } },
    { op: "fork", fields: { flags: K.CLONE_NEWNS } },
  ]);
  t.match(plan.slots, [{ kind: "namespace", path: "/proc/1/ns/pid" }, { kind: "startFifo" }]);
});

t.test("namespaces: joining others needs none", async (t) => {
  const namespaces = [{ type: "mount" }, { type: "network", path: "/run/netns/a" }] as const;
  const plan = buildPlan({ ...minimal, linux: { namespaces } }, facts);
  const clone = initClone(readNamespaces({ ...minimal, linux: { namespaces } }));
  t.same(clone, { flags: K.CLONE_NEWNS, staged: false });
  t.equal(plan.steps[0]?.op, "joinNamespace");
  t.notOk(plan.steps.some(({ op }) => op === "fork" || op === "loopback"));
});

t.test("namespaces: a new user namespace is made and mapped before the others", async (t) => {
  const namespaces = [{ type: "user" }, { type: "mount" }, { type: "time" }] as const;
  const all = buildPlan({ ...minimal, linux: { namespaces } }, facts).steps;
  t.equal(all[0]?.op, "deviceNodes", "nodes are made before it is entered");
  const steps = all.filter(({ op }) => op !== "deviceNodes" && op !== "deviceNode");
  t.same(
    steps.slice(0, 5).map(({ op }) => op),
    ["unshare", "idMaps", "unshare", "timeOffsets", "fork"],
  );
  t.match(steps[4], { op: "fork", fields: { flags: K.CLONE_NEWNS } });
  t.equal(find({ ...minimal, linux: { namespaces } }, "device")[0]?.bind, 1, "devices are bound there");
  t.equal(find({ ...minimal, linux: { namespaces } }, "device")[0]?.node, 1, "and are the container's own");
});

t.test("namespaces: what may not be joined outside of the joined user namespace is joined inside", async (t) => {
  const namespaces = [
    { type: "user", path: "/u" },
    { type: "network", path: "/n" },
  ] as const;
  const plan = buildPlan({ ...minimal, linux: { namespaces } }, facts);
  const joins = plan.steps.flatMap((step) => (step.op === "joinNamespace" ? [step.fields] : []));
  t.same(joins, [
    { slot: 0, kind: K.CLONE_NEWNET, path: "/n", attempt: 1 },
    { slot: 1, kind: K.CLONE_NEWUSER, path: "/u", attempt: 0 },
    { slot: 0, kind: K.CLONE_NEWNET, path: "/n", attempt: 2 },
  ]);
  t.match(plan.slots, [{ path: "/n" }, { path: "/u" }]);
});

t.test("without a mount namespace nothing of the host's mounts is changed", async (t) => {
  const config: Config = { ...minimal, root: { path: "rootfs", readonly: true }, linux: {} };
  t.notOk(ops(config).includes("parentPropagation"));
  t.notOk(ops(config).includes("mountAttributes"));
  t.match(find(config, "rootfs"), [{ bind: 0 }]);
  t.match(find(config, "enterRoot"), [{ mode: 2 }]);
  const leavesMounts: Config = { ...config, mounts: [{ destination: "/proc", type: "proc" }] };
  t.notOk(ops(leavesMounts).includes("parentPropagation"));
  t.match(find(leavesMounts, "rootfs"), [{ bind: 3 }], "one mount, with which those of the container can be taken away");
});

t.test("--no-pivot, --no-new-keyring, run", async (t) => {
  t.match(
    buildPlan(minimal, { ...facts, noPivot: true }).steps.find(({ op }) => op === "enterRoot"),
    { fields: { mode: 1 } },
  );
  t.notOk(ops(minimal, { noNewKeyring: true }).includes("sessionKeyring"));
  t.notOk(ops(minimal, { waitForStart: false }).includes("start"));
});

t.test("mounts: a relative bind source counts from the bundle, its type means nothing", async (t) => {
  const config = {
    ...minimal,
    mounts: [{ destination: "/a", source: "data", type: "ext4", options: ["rbind", "ro"] }],
  };
  t.match(find(config, "mount"), [{ source: "/bundle/data", fstype: "", set: 1, origin: "/mounts/0" }]);
});

t.test("mounts: a tmpfs becomes read-only only at the end", async (t) => {
  const config = {
    ...minimal,
    mounts: [{ destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "ro"] }],
  };
  t.match(find(config, "mount"), [{ set: 2 }]);
  t.match(find(config, "mountAttributes"), [{ path: "/dev", set: 1, origin: "/mounts/0/options" }]);
});

t.test("mounts: the cgroup is entered before the first mount that shows it", async (t) => {
  const piece = { op: "symlink", fields: { path: "/sys/fs/cgroup/cpu", target: "cpu,cpuacct", exact: 0 } } as const;
  const config = {
    ...minimal,
    mounts: [
      { destination: "/proc", type: "proc" },
      { destination: "/sys/fs/cgroup", type: "cgroup" },
      { destination: "/tmp", type: "tmpfs" },
    ],
  };
  const steps = buildPlan(config, { ...facts, cgroupMounts: { 1: [piece] } }).steps;
  const from = steps.findIndex(({ op }) => op === "mount");
  t.same(
    steps.slice(from, from + 5).map(({ op }) => op),
    ["mount", "cgroup", "cpuAffinity", "symlink", "mount"],
  );
  t.equal(steps[from + 3]?.origin, "/mounts/1");
  t.equal(steps.filter(({ op }) => op === "cgroup").length, 1);
});

t.test("devices: a listed one replaces the default of that path", async (t) => {
  const devices = [{ type: "c", path: "/dev//null", major: 1, minor: 3, fileMode: 0o100600, uid: 7 }] as const;
  const config = { ...minimal, linux: { ...minimal.linux, devices } };
  const nulls = find(config, "device").filter(({ minor, major }) => major === 1 && minor === 3);
  t.match(nulls, [{ path: "/dev/null", mode: K.S_IFCHR | 0o600, uid: 7, origin: "/linux/devices/0" }]);
  t.equal(nulls.length, 1);
});

t.test("devices: none where the host's /dev is bound", async (t) => {
  const config = {
    ...minimal,
    mounts: [{ destination: "/dev/", source: "/dev", type: "bind", options: ["rbind"] }],
  };
  t.notOk(ops(config).includes("device"));
  t.notOk(ops(config).includes("symlink"));
});

t.test("environment: of equal names the last counts; HOME is looked up only where it is missing", async (t) => {
  const process = { ...minimal.process!, env: ["A=1", "PATH=/x", "A=2", "broken"] };
  t.match(find({ ...minimal, process }, "exec"), [{ env: ["PATH=/x", "A=2", "broken"], home: 1 }]);
  t.match(find({ ...minimal, process }, "findProgram"), [{ search: "/x", name: "sh" }]);
  const withHome = { ...process, env: ["HOME=/root"] };
  t.match(find({ ...minimal, process: withHome }, "exec"), [{ home: 0 }]);
  t.match(find({ ...minimal, process: withHome }, "findProgram"), [{ search: "/bin:/usr/bin" }]);
});

t.test("hooks of init: state around the pid, environment of the process for startContainer only", async (t) => {
  const config: Config = {
    ...minimal,
    annotations: { a: "b" },
    process: { ...minimal.process!, env: ["A=1"] },
    hooks: {
      createContainer: [{ path: "/c", timeout: 2 }],
      startContainer: [
        { path: "/s", args: ["s", "x"] },
        { path: "/t", env: ["B=2"] },
      ],
    },
  };
  const [create, start, second] = find(config, "hook");
  t.match(create, { args: ["/c"], env: [], timeoutMs: 2000, origin: "/hooks/createContainer/0" });
  t.match(start, { args: ["s", "x"], env: ["A=1"], timeoutMs: 0, origin: "/hooks/startContainer/0" });
  t.match(second, { env: ["B=2"] });
  const state = (status: string) => ({
    ociVersion: "1.3.0",
    id: "box",
    status,
    pid: 42,
    bundle: "/bundle",
    annotations: { a: "b" },
  });
  t.same(JSON.parse(`${create?.stateHead}42${create?.stateTail}`), state("creating"));
  t.same(JSON.parse(`${start?.stateHead}42${start?.stateTail}`), state("created"));
});

t.test("sysctl: names with dots and with slashes", async (t) => {
  const sysctl = { "net.ipv4.conf.eth0/1.forwarding": "1", "net/ipv4/conf/eth0.1/forwarding": "2" };
  const keys = find({ ...minimal, linux: { ...minimal.linux, sysctl } }, "sysctl").map(({ key }) => key);
  t.same(keys, ["net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"]);
});

t.test("capabilities: names to bits, unknown ones left out", async (t) => {
  const capabilities = { bounding: ["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE", "CAP_NONSENSE", "CHOWN"] };
  const process = { ...minimal.process!, capabilities };
  t.match(find({ ...minimal, process }, "credentials"), [{ bounding: (1n << 40n) | 1n, ambient: 0n }]);
});

t.test("rootfsPropagation slave: the root goes on to receive the host's mounts, no other does", async (t) => {
  const bind = (value?: string): number | undefined => {
    const linux = { ...minimal.linux, ...(value === undefined ? {} : { rootfsPropagation: value }) };
    return find({ ...minimal, linux }, "rootfs")[0]?.bind;
  };
  t.strictSame([bind(), bind("slave"), bind("rslave"), bind("shared"), bind("private"), bind("unbindable")], [1, 2, 2, 1, 1, 1]);
});

t.test("the annotation run.oci.keep_original_groups", async (t) => {
  const kept = (value: string): number | undefined =>
    find({ ...minimal, annotations: { "run.oci.keep_original_groups": value } }, "credentials")[0]?.keepGroups;
  t.strictSame([kept("1"), kept("0")], [1, 0]);
});
