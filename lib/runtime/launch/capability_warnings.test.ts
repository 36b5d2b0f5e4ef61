// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { LinuxCapabilities } from "../../spec/types.ts";
import { warnOfCapabilities } from "./capability_warnings.ts";

/** The messages, with "debug" before those of that level. Every capability here is one that all kernels have. */
function said(capabilities: LinuxCapabilities, unknown = false): string[] {
  const lines: string[] = [];
  const log = { debug: (text: string) => void lines.push(`debug ${text}`), warn: (text: string) => void lines.push(text) };
  const context = { root: "/nowhere", log, systemdCgroup: false, rootless: false };
  warnOfCapabilities(context, { args: ["x"], cwd: "/", user: { uid: 0, gid: 0 }, capabilities }, unknown);
  return lines;
}

t.test("sets that fit one another need no word", async (t) => {
  const all = ["CAP_CHOWN"];
  t.same(said({}), []);
  t.same(
    said({ bounding: all, permitted: all, effective: all, inheritable: all, ambient: all }).filter(
      (line) => !line.includes("does not have it"),
    ),
    [],
  );
});

t.test("a set that another one limits", async (t) => {
  const kill = ["CAP_KILL"];
  t.match(
    said({ effective: kill }).join("\n"),
    "process.capabilities.effective: CAP_KILL cannot be granted: it is not in permitted",
  );
  t.match(
    said({ inheritable: kill }).join("\n"),
    "process.capabilities.inheritable: CAP_KILL cannot be granted: it is not in bounding",
  );
});

t.test("ambient capabilities want both; without inheritable ones that is what engines write always", async (t) => {
  t.match(said({ ambient: ["CAP_KILL", "CAP_CHOWN"] })[0] ?? "", "debug can't raise ambient capabilities CAP_KILL, CAP_CHOWN");
  t.match(
    said({ ambient: ["CAP_KILL"], inheritable: ["CAP_CHOWN"], bounding: ["CAP_CHOWN"] })[0] ?? "",
    /^can't raise ambient capability CAP_KILL/,
  );
});

t.test("names that no kernel knows are for a process file to tell", async (t) => {
  const odd = { permitted: ["CAP_ODD"] };
  t.same(said(odd), []);
  t.same(said(odd, true), ['process.capabilities: "CAP_ODD" is not a known capability; ignored']);
});
