// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { Process } from "../../spec/types.ts";
import { changedProcess, withDefaults } from "./exec_process.ts";

const first: Process = {
  args: ["init"],
  cwd: "/srv",
  env: ["A=1"],
  terminal: true,
  user: { uid: 1, gid: 2, umask: 0o77, additionalGids: [3] },
  capabilities: { bounding: ["CAP_KILL"], inheritable: [] },
  apparmorProfile: "p",
  noNewPrivileges: true,
  oomScoreAdj: 7,
  rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }],
};

t.test("changes are added, args replaced, and a terminal has to be asked for", (tt) => {
  tt.strictSame(changedProcess(first, { args: ["x"], env: ["B=2"], gid: 9, additionalGids: [4], capabilities: ["CAP_CHOWN"] }), {
    ...first,
    args: ["x"],
    env: ["A=1", "B=2"],
    terminal: false,
    user: { uid: 1, gid: 9, umask: 0o77, additionalGids: [3, 4] },
    capabilities: {
      bounding: ["CAP_KILL", "CAP_CHOWN"],
      effective: ["CAP_CHOWN"],
      permitted: ["CAP_CHOWN"],
      inheritable: [],
    },
  });
  tt.end();
});

t.test("CVE-2022-29162: the inheritable set is never added to; the ambient one where there is an inheritable one", (tt) => {
  const inherits = { ...first, capabilities: { inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"] } };
  const { capabilities } = changedProcess(inherits, { args: ["x"], capabilities: ["CAP_CHOWN"] });
  tt.strictSame(capabilities?.inheritable, ["CAP_KILL"]);
  tt.strictSame(capabilities?.ambient, ["CAP_KILL", "CAP_CHOWN"]);
  tt.end();
});

t.test("what makes no process", (tt) => {
  tt.throws(() => changedProcess(first, { args: [] }), { code: "USAGE" });
  tt.throws(() => changedProcess(first, { args: ["x"], cwd: "rel" }), { code: "USAGE" });
  tt.throws(() => changedProcess(first, { args: ["x"], env: ["=x"] }), { code: "USAGE" });
  tt.throws(() => changedProcess(undefined, { args: ["x"] }), { code: "CONFIG_INVALID" });
  tt.end();
});

t.test("what a process file leaves open is the container's", (tt) => {
  const given: Process = { args: ["x"], cwd: "/", user: { uid: 0, gid: 0 } };
  tt.strictSame(withDefaults(given, first), {
    ...given,
    user: { uid: 0, gid: 0, umask: 0o77 },
    capabilities: first.capabilities,
    apparmorProfile: "p",
    oomScoreAdj: 7,
  });
  const full: Process = {
    ...given,
    user: { uid: 0, gid: 0, umask: 0 },
    capabilities: {},
    apparmorProfile: "q",
    oomScoreAdj: 0,
    execCPUAffinity: { final: "0" },
  };
  tt.strictSame(withDefaults(full, { ...first, execCPUAffinity: { initial: "1" } }), full);
  tt.strictSame(withDefaults(given, undefined), given);
  tt.end();
});
