// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { Config } from "../spec/types.ts";
import { wholePlan } from "./runtime_steps.ts";
import type { Step } from "./steps.ts";

const step = (op: "cgroup" | "runtimeHooks" | "ready"): Step => ({ op, origin: "", fields: {} });

t.test("what the runtime does stands where it happens", async (t) => {
  const config: Config = {
    ociVersion: "1.3.0",
    hooks: {
      prestart: [{ path: "/a" }],
      createRuntime: [{ path: "/b", args: ["b", "x"], timeout: 3 }],
      poststop: [{ path: "/c" }],
    },
    linux: { namespaces: [{ type: "mount" }] },
  };
  const lines = wholePlan(config, [step("cgroup"), step("runtimeHooks"), step("ready")], {
    paths: { pids: "/sys/fs/cgroup/pids/x" },
    values: [{ controller: "pids", file: "pids.max", value: "5", pointer: "/linux/resources/pids/limit" }],
  });
  t.same(
    lines.map(({ op, origin }) => `${op} ${origin}`),
    [
      "clone /linux/namespaces",
      "makeCgroup /linux/cgroupsPath",
      "limit /linux/resources/pids/limit",
      "cgroup ",
      "runtimeHook /hooks/prestart/0",
      "runtimeHook /hooks/createRuntime/0",
      "ready ",
      "runtimeHook /hooks/poststop/0",
    ],
  );
  t.same(lines[2]?.fields, { controller: "pids", file: "pids.max", value: "5" });
  t.same(lines[5]?.fields, { path: "/b", args: ["b", "x"], env: [], timeoutMs: 3000 });
});

t.test("no clone of its own where steps of the plan make the namespaces", async (t) => {
  const config: Config = { ociVersion: "1.3.0", linux: { namespaces: [{ type: "user" }] } };
  t.same(wholePlan(config, [], { paths: {}, values: [] }), []);
});
