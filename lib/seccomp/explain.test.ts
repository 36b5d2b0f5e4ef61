// SPDX-License-Identifier: Apache-2.0
/** `seccompExplain`, `seccompDiff`, and profiles in files. */
import t from "tap";
import { RuntimeError } from "../errors.ts";
import { parseSeccomp, profileText } from "../spec/documents/seccomp_file.ts";
import type { LinuxSeccomp } from "../spec/types.ts";
import { seccompDiff } from "./diff.ts";
import { decided } from "./docker.ts";
import { seccompExplain } from "./explain.ts";
import { ownArchitecture } from "./policies.ts";

const profile: LinuxSeccomp = {
  defaultAction: "SCMP_ACT_ERRNO",
  syscalls: [
    { names: ["read", "write"], action: "SCMP_ACT_ALLOW" },
    { names: ["socket"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] },
    { names: ["socket"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 2, op: "SCMP_CMP_EQ" }] },
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    { names: ["close_range"], action: "SCMP_ACT_KILL_PROCESS" },
  ],
};

t.test("which rule decides", (t) => {
  t.match(seccompExplain(profile, "write"), { action: "SCMP_ACT_ALLOW", allowed: true, decidedBy: "rule", rule: { index: 0 } });
  t.match(seccompExplain(profile, "socket", [2, 1]), { allowed: true, rule: { index: 2, conditions: "argument 0 is 2" } });
  t.match(seccompExplain(profile, "socket", [16n]), { allowed: false, errno: 1, decidedBy: "default" });
  t.match(seccompExplain(profile, "clone3"), { allowed: false, errno: 38, decidedBy: "rule", rule: { index: 3 } });
  t.match(seccompExplain(profile, "close_range", [3]), { action: "SCMP_ACT_KILL_PROCESS", rule: { index: 4 } });
  t.match(seccompExplain(profile, "mseal"), { errno: 38, decidedBy: "newer" });
  t.match(seccompExplain(profile, "getpid"), { errno: 1, decidedBy: "default", rules: [] });
  const open = seccompExplain(profile, "socket");
  t.equal(open.action, undefined, "the arguments decide");
  t.same(
    open.rules.map(({ index }) => index),
    [1, 2],
  );
  if (process.arch === "x64") t.match(seccompExplain(profile, "read", [], "SCMP_ARCH_X86"), { decidedBy: "architecture" });
  for (const [name, arch] of [["nonesuch"], ["read", "SCMP_ARCH_NONE"]] as const) {
    t.throws(() => seccompExplain(profile, name, [], arch), RuntimeError);
  }
  t.end();
});

t.test("differences", (t) => {
  t.same(seccompDiff(profile, profile), { first: [], second: [], architectures: { first: [], second: [] } });
  const other: LinuxSeccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: ["SCMP_ARCH_X86"],
    syscalls: [
      { names: ["read", "mkdirat"], action: "SCMP_ACT_LOG" },
      { names: ["socket"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 2, op: "SCMP_CMP_EQ" }] },
      { names: ["clone3"], action: "SCMP_ACT_ALLOW" },
    ],
  };
  const native = process.arch === "x64" ? other : { ...other, architectures: [] };
  const found = seccompDiff(profile, native);
  t.same(found.first, [
    { call: "socket", conditions: "argument 0 is 1" },
    { call: "write", conditions: "" },
  ]);
  t.same(found.second, [
    { call: "clone3", conditions: "" },
    { call: "mkdirat", conditions: "" },
  ]);
  const all: LinuxSeccomp = { defaultAction: "SCMP_ACT_ALLOW" };
  t.ok(seccompDiff(all, profile).first.length > 200);
  t.same(
    seccompDiff(all, profile).first.find(({ call }) => call === "socket")?.conditions,
    "with arguments that the other refuses",
  );
  t.same(seccompDiff(profile, all).first, []);
  t.end();
});

t.test("files: a profile, a config.json, docker's", (t) => {
  t.same(parseSeccomp(profileText(profile, "oci"), "p").profile, { ...profile, architectures: [] });
  const large = 0xffffffff_80045430n;
  const args = [{ index: 1, value: large, op: "SCMP_CMP_EQ" as const }];
  const exact: LinuxSeccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [{ names: ["ioctl"], action: "SCMP_ACT_ALLOW", args }],
  };
  t.equal(parseSeccomp(profileText(exact, "oci"), "p").profile.syscalls?.[0]?.args?.[0]?.value, large);
  const config = JSON.stringify({ ociVersion: "1.2.0", root: { path: "/" }, linux: { seccomp: profile } });
  t.same(parseSeccomp(config, "config.json").profile.syscalls?.length, 5);
  const own = ownArchitecture();
  const docker = parseSeccomp(profileText({ ...profile, architectures: [own, "SCMP_ARCH_X86"] }, "docker"), "p");
  t.same([docker.format, docker.archMap], ["docker", [{ architecture: own, subArchitectures: ["SCMP_ARCH_X86"] }]]);
  t.same(decided(docker).architectures, [own, "SCMP_ARCH_X86"]);
  for (const text of [
    "",
    "[]",
    "{}",
    "null",
    '{"defaultAction":"X"}',
    '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":5}',
    '{"ociVersion":"1.0.0","root":{"path":"/"}}',
  ]) {
    t.throws(() => parseSeccomp(text, "p"), RuntimeError, text);
  }
  t.end();
});

t.test("docker's conditions", (t) => {
  const text = JSON.stringify({
    defaultAction: "SCMP_ACT_ERRNO",
    archMap: [{ architecture: "SCMP_ARCH_S390X", subArchitectures: ["SCMP_ARCH_S390"] }],
    syscalls: [
      { names: ["mount"], action: "SCMP_ACT_ALLOW", includes: { caps: ["CAP_SYS_ADMIN"] } },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38, excludes: { caps: ["CAP_SYS_ADMIN"] } },
      { names: ["ptrace"], action: "SCMP_ACT_ALLOW", includes: { minKernel: "4.8" } },
      { names: ["bpf"], action: "SCMP_ACT_ALLOW", includes: { minKernel: "999.0" } },
      { names: ["chroot"], action: "SCMP_ACT_ALLOW", includes: { caps: ["CAP_SYS_CHROOT"], arches: ["amd64", "arm64"] } },
      { names: ["acct"], action: "SCMP_ACT_ALLOW", excludes: { arches: ["amd64", "arm64"] } },
    ],
  });
  const file = parseSeccomp(text, "p");
  const allows = (name: string, caps: readonly string[] = []): boolean | undefined =>
    seccompExplain(decided(file, caps), name).allowed;
  t.same(
    ["mount", "clone3", "ptrace", "bpf", "chroot", "acct"].map((name) => allows(name)),
    [false, false, true, false, true, false],
  );
  t.equal(allows("mount", ["CAP_SYS_ADMIN"]), true);
  t.equal(seccompExplain(decided(file), "clone3").errno, 38);
  t.equal(seccompExplain(decided(file), "chroot").rule?.index, 4, "the place in the file");
  t.end();
});
