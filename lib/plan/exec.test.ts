// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { Config, Process } from "../spec/types.ts";
import { encodePlan } from "./encode.ts";
import { buildExecPlan } from "./exec.ts";
import * as K from "../kernel/plan_numbers.ts";

const process: Process = { args: ["true"], cwd: "/", user: { uid: 5, gid: 6 } };
const facts = { id: "c", rootfs: "/r", noNewKeyring: false, relaysConsole: false, preserveFds: 2, selinux: false };

function config(...types: string[]): Config {
  const namespaces = types.map((type) => (type === "pid" ? { type, path: "/proc/9/ns/pid" } : { type }));
  return { ociVersion: "1.3.0", root: { path: "rootfs" }, linux: { namespaces } } as Config;
}

t.test("the order: outside, join, fork, inside", (tt) => {
  const { steps, slots } = buildExecPlan(config("pid", "mount", "user"), { ...process, oomScoreAdj: 5, terminal: true }, facts);
  tt.strictSame(
    steps.map(({ op }) => op),
    [
      "oomScoreAdj",
      "cgroup",
      "cpuAffinity",
      "joinContainer",
      "fork",
      "sessionKeyring",
      "console",
      "umask",
      "changeDirectory",
      "standardStreams",
      "credentials",
      "changeDirectory",
      "findProgram",
      "ready",
      "exec",
    ],
  );
  const join = steps.find(({ op }) => op === "joinContainer");
  tt.strictSame(join?.fields, { slot: 0, kinds: K.CLONE_NEWPID | K.CLONE_NEWNS | K.CLONE_NEWUSER }, "joined ones too");
  tt.strictSame(slots, [{ kind: "container" }, { kind: "consoleSocket" }]);
  tt.ok(encodePlan(steps).length > 0);
  tt.end();
});

t.test("without a mount namespace the root is entered by its path on the host", (tt) => {
  const { steps } = buildExecPlan(config("pid"), process, { ...facts, noNewKeyring: true });
  const ops = steps.map(({ op }) => op);
  tt.strictSame(ops.slice(0, 6), ["cgroup", "cpuAffinity", "joinContainer", "fork", "rootfs", "enterRoot"]);
  tt.notOk(ops.includes("sessionKeyring"));
  tt.end();
});

t.test("without namespaces nothing is joined", (tt) => {
  const { steps, slots } = buildExecPlan(config(), process, facts);
  tt.notOk(steps.some(({ op }) => op === "joinContainer"));
  tt.strictSame(slots, []);
  tt.end();
});

t.test("CPU affinity: initial before the cgroup, final after it", (tt) => {
  const both = buildExecPlan(config("mount"), { ...process, execCPUAffinity: { initial: "1", final: "0,9" } }, facts);
  tt.strictSame(both.steps.slice(0, 3), [
    {
      op: "cpuAffinity",
      origin: "/process/execCPUAffinity/initial",
      fields: { mask: new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0]), attempt: 0 },
    },
    { op: "cgroup", origin: "/linux/cgroupsPath", fields: {} },
    {
      op: "cpuAffinity",
      origin: "/process/execCPUAffinity/final",
      fields: { mask: new Uint8Array([1, 2, 0, 0, 0, 0, 0, 0]), attempt: 0 },
    },
  ]);
  const initial = buildExecPlan(config("mount"), { ...process, execCPUAffinity: { initial: "1" } }, facts);
  tt.strictSame(
    initial.steps.slice(0, 3).map(({ op }) => op),
    ["cpuAffinity", "cgroup", "joinContainer"],
  );
  tt.end();
});
