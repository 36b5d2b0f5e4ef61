// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { Linux, LinuxMemoryPolicyMode, LinuxSchedulerPolicy, Process, Scheduler } from "../spec/types.ts";
import { apparmorStep, attributeSteps, keyringSteps, selinuxStep } from "./attributes.ts";
import { buildPlan } from "./build.ts";
import { encodePlan } from "./encode.ts";
import type { Step } from "./steps.ts";

const process: Process = { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 } };

function steps(changes: Partial<Process>, linux: Linux = {}): Step[] {
  const made: Step[] = [];
  attributeSteps({ ...process, ...changes }, linux, made);
  t.ok(encodePlan(made).length > 0);
  return made;
}

t.test("runc's order, and nothing where nothing is asked for", (tt) => {
  tt.strictSame(steps({}), []);
  const all = steps(
    { ioPriority: { class: "IOPRIO_CLASS_BE" }, scheduler: { policy: "SCHED_BATCH" } },
    { memoryPolicy: { mode: "MPOL_LOCAL" }, personality: { domain: "LINUX32" } },
  );
  tt.strictSame(
    all.map(({ op }) => op),
    ["scheduler", "ioPriority", "personality", "memoryPolicy"],
  );
  tt.strictSame(
    all.map(({ origin }) => origin),
    ["/process/scheduler", "/process/ioPriority", "/linux/personality", "/linux/memoryPolicy"],
  );
  tt.end();
});

t.test("scheduler: the kernel's numbers of policies and flags", (tt) => {
  const policies: Readonly<Record<LinuxSchedulerPolicy, number>> = {
    SCHED_OTHER: 0,
    SCHED_FIFO: 1,
    SCHED_RR: 2,
    SCHED_BATCH: 3,
    SCHED_ISO: 4,
    SCHED_IDLE: 5,
    SCHED_DEADLINE: 6,
  };
  for (const [policy, number] of Object.entries(policies) as [LinuxSchedulerPolicy, number][]) {
    tt.match(steps({ scheduler: { policy } })[0], { fields: { policy: number, flags: 0n, nice: 0n, priority: 0 } });
  }
  const scheduler: Scheduler = {
    policy: "SCHED_DEADLINE",
    nice: -5,
    flags: [
      "SCHED_FLAG_RESET_ON_FORK",
      "SCHED_FLAG_RECLAIM",
      "SCHED_FLAG_DL_OVERRUN",
      "SCHED_FLAG_KEEP_POLICY",
      "SCHED_FLAG_KEEP_PARAMS",
      "SCHED_FLAG_UTIL_CLAMP_MIN",
      "SCHED_FLAG_UTIL_CLAMP_MAX",
    ],
    runtime: 1,
    deadline: 2,
    period: 18446744073709551615n,
  };
  tt.strictSame(steps({ scheduler })[0]?.fields, {
    policy: 6,
    flags: 0x7fn,
    nice: -5n,
    priority: 0,
    runtime: 1n,
    deadline: 2n,
    period: 18446744073709551615n,
  });
  tt.end();
});

t.test("ioPriority: class and priority in one number", (tt) => {
  const value = (priority: Process["ioPriority"]): unknown =>
    steps(priority === undefined ? {} : { ioPriority: priority })[0]?.fields;
  tt.strictSame(value({ class: "IOPRIO_CLASS_RT", priority: 7 }), { value: 0x2007 });
  tt.strictSame(value({ class: "IOPRIO_CLASS_BE", priority: 4 }), { value: 0x4004 });
  tt.strictSame(value({ class: "IOPRIO_CLASS_IDLE" }), { value: 0x6000 });
  tt.end();
});

t.test("personality", (tt) => {
  tt.strictSame(steps({}, { personality: { domain: "LINUX" } })[0]?.fields, { domain: 0 });
  tt.strictSame(steps({}, { personality: { domain: "LINUX32", flags: [] } })[0]?.fields, { domain: 8 });
  tt.end();
});

t.test("memoryPolicy: modes, flags and nodes", (tt) => {
  const modes: Readonly<Record<LinuxMemoryPolicyMode, number>> = {
    MPOL_DEFAULT: 0,
    MPOL_PREFERRED: 1,
    MPOL_BIND: 2,
    MPOL_INTERLEAVE: 3,
    MPOL_LOCAL: 4,
    MPOL_PREFERRED_MANY: 5,
    MPOL_WEIGHTED_INTERLEAVE: 6,
  };
  for (const [mode, number] of Object.entries(modes) as [LinuxMemoryPolicyMode, number][]) {
    tt.strictSame(steps({}, { memoryPolicy: { mode } })[0]?.fields, { mode: number, nodes: new Uint8Array(0) });
  }
  for (const [flag, bit] of [
    ["MPOL_F_NUMA_BALANCING", 13],
    ["MPOL_F_RELATIVE_NODES", 14],
    ["MPOL_F_STATIC_NODES", 15],
  ] as const) {
    const memoryPolicy = { mode: "MPOL_BIND", nodes: "0,9", flags: [flag] } as const;
    tt.strictSame(steps({}, { memoryPolicy })[0]?.fields, {
      mode: 2 | (1 << bit),
      nodes: new Uint8Array([1, 2, 0, 0, 0, 0, 0, 0]),
    });
  }
  tt.end();
});

t.test("labels: the keyring is made under the process's label, and the label is reset", (tt) => {
  const labelled: Process = { ...process, selinuxLabel: "u:r:t:s0" };
  const made: Step[] = [];
  keyringSteps("c", labelled, true, made);
  tt.strictSame(
    made.map(({ op, fields }) => [op, fields]),
    [
      ["selinuxLabel", { attribute: "keycreate", label: "u:r:t:s0" }],
      ["sessionKeyring", { name: "_ses.c" }],
      ["selinuxLabel", { attribute: "keycreate", label: "" }],
    ],
  );
  const off: Step[] = [];
  keyringSteps("c", labelled, false, off);
  tt.strictSame(
    off.map(({ op }) => op),
    ["sessionKeyring"],
    "SELinux is off",
  );
  tt.end();
});

t.test("labels and profiles of the process; empty ones are none", (tt) => {
  const made: Step[] = [];
  for (const selinuxLabel of ["", "u:r:t:s0"]) selinuxStep({ ...process, selinuxLabel }, made);
  for (const apparmorProfile of ["", "docker-default"]) apparmorStep({ ...process, apparmorProfile }, made);
  tt.strictSame(
    made.map(({ op, fields }) => [op, fields]),
    [
      ["selinuxLabel", { attribute: "exec", label: "u:r:t:s0" }],
      ["apparmorProfile", { profile: "docker-default" }],
    ],
  );
  tt.end();
});

t.test("mountLabel: on new file systems that can carry it, where SELinux is in force", (tt) => {
  const facts = {
    id: "c",
    bundle: "/b",
    rootfs: "/b/rootfs",
    noPivot: false,
    noNewKeyring: true,
    relaysConsole: false,
    preserveFds: 0,
    extraEnv: [],
    waitForStart: true,
    kcore: false,
    links: {},
    trees: [],
    cgroupMounts: {},
  };
  const config = {
    ociVersion: "1.3.0",
    root: { path: "rootfs" },
    process: { ...process, selinuxLabel: "u:r:t:s0" },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/t", type: "tmpfs", source: "tmpfs", options: ["mode=755"] },
      { destination: "/u", type: "tmpfs", source: "tmpfs" },
      { destination: "/b", source: "/b", options: ["bind"] },
      { destination: "/q", type: "mqueue", source: "mqueue" },
    ],
    linux: { namespaces: [{ type: "mount" }], mountLabel: "u:o:t:s0:c1,c2" },
  } as const;
  const data = (selinux: boolean, annotations?: Readonly<Record<string, string>>): string[] =>
    buildPlan({ ...config, ...(annotations === undefined ? {} : { annotations }) }, { ...facts, selinux }).steps.flatMap((step) =>
      step.op === "mount" ? [step.fields.data] : [],
    );
  const label = 'context="u:o:t:s0:c1,c2"';
  tt.strictSame(data(true), ["", `mode=755,${label}`, label, "", ""]);
  tt.strictSame(data(false), ["", "mode=755", "", "", ""]);
  tt.strictSame(data(true, { "run.oci.mount_context_type": "rootcontext" })[2], `root${label}`);
  // The tmpfs that the hierarchies of cgroup v1 are mounted in is labelled too, but not the hierarchies.
  const piece = (fstype: string) =>
    ({
      op: "mount",
      fields: {
        target: "/c",
        source: fstype,
        fstype,
        flags: 0,
        sb: 0,
        set: 0,
        clear: 0,
        implied: 0,
        recSet: 0,
        recClear: 0,
        propagation: [],
        data: "x",
        tree: 0,
      },
    }) as const;
  const cgroup = buildPlan(config, { ...facts, selinux: true, cgroupMounts: { 3: [piece("tmpfs"), piece("cgroup")] } });
  const shown = cgroup.steps.flatMap((step) => (step.op === "mount" && step.origin === "/mounts/3" ? [step.fields.data] : []));
  tt.strictSame(shown, [`x,${label}`, "x"]);
  const ops = (selinux: boolean): number =>
    buildPlan(config, { ...facts, selinux }).steps.filter(({ op }) => op === "selinuxLabel").length;
  tt.strictSame([ops(true), ops(false)], [1, 0]);
  tt.end();
});
