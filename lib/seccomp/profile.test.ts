// SPDX-License-Identifier: Apache-2.0
/** Recorded calls become profiles that allow them, and nothing that the container's own profile refused. */
import fc from "fast-check";
import t from "tap";
import type { LinuxSeccomp, LinuxSeccompArg } from "../spec/types.ts";
import { policiesFor } from "./policies.ts";
import { recordedProfile, united, type RecordedCall } from "./profile.ts";
import { judgeOf } from "./verdict.ts";

const X86_64 = "SCMP_ARCH_X86_64";
const none = [0n, 0n, 0n, 0n, 0n, 0n];
const call = (name: string, ...values: bigint[]): RecordedCall => ({
  architecture: X86_64,
  name,
  values: [...values, ...none].slice(0, 6),
});
const policies = policiesFor(undefined, []);
const record = (calls: readonly RecordedCall[], own?: LinuxSeccomp): LinuxSeccomp =>
  recordedProfile({ calls, architecture: X86_64, policies: policiesFor(own, []), own, needed: ["execve"] });
const x86 = process.arch === "x64" ? false : "the profiles in these tests are those of x86_64";

t.test("calls without and with conditions, each once and in order", (t) => {
  const calls = [
    call("write"),
    call("read"),
    call("read"),
    call("clone"),
    call("socket", 10n),
    call("socket", 2n),
    call("socket", 2n),
  ];
  t.same(record(calls), {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: [X86_64],
    syscalls: [
      { names: ["execve", "read", "write"], action: "SCMP_ACT_ALLOW" },
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      { names: ["socket"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 2, op: "SCMP_CMP_EQ" }] },
      { names: ["socket"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 10, op: "SCMP_CMP_EQ" }] },
    ],
  });
  t.end();
});

t.test("architectures that were seen, and large values", (t) => {
  const large = 0xffffffff_ffffffffn;
  const made = record([call("personality", large), { ...call("time"), architecture: "SCMP_ARCH_X86" }]);
  t.same(made.architectures, [X86_64, "SCMP_ARCH_X86"]);
  t.same(made.syscalls?.[1]?.args, [{ index: 0, value: large, op: "SCMP_CMP_EQ" }]);
  t.end();
});

t.test("the container's own profile", (t) => {
  const own: LinuxSeccomp = {
    defaultAction: "SCMP_ACT_KILL_PROCESS",
    flags: ["SECCOMP_FILTER_FLAG_LOG"],
    syscalls: [
      { names: ["read", "write"], action: "SCMP_ACT_ALLOW" },
      { names: ["clone3", "read"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
      { names: ["mkdir"], action: "SCMP_ACT_KILL_PROCESS" },
    ],
  };
  t.same(record([call("read")], own), {
    defaultAction: "SCMP_ACT_KILL_PROCESS",
    architectures: [X86_64],
    flags: ["SECCOMP_FILTER_FLAG_LOG"],
    syscalls: [
      { names: ["execve", "read"], action: "SCMP_ACT_ALLOW" },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  });
  t.equal(record([], { defaultAction: "SCMP_ACT_LOG" }).defaultAction, "SCMP_ACT_ERRNO");
  t.end();
});

t.test("the arguments that a profile looks at are noted, too", (t) => {
  const args: LinuxSeccompArg[] = [{ index: 1, value: 7, valueTwo: 1, op: "SCMP_CMP_MASKED_EQ" }];
  const found = policiesFor(
    { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["kill"], action: "SCMP_ACT_ERRNO", args }] },
    ["ioctl"],
  );
  t.same([...(found.get("kill") ?? [])], [[1, 7n]]);
  t.same([...(found.get("ioctl") ?? [])], [[1, 0xffffffffn]]);
  t.equal(found.has("prctl"), false);
  t.end();
});

t.test("the union of two", (t) => {
  const first = record([call("read"), call("socket", 2n), call("clone")]);
  const second = record([call("write"), call("socket", 10n), call("socket", 2n)]);
  const both = united(first, second);
  t.same(both, record([call("read"), call("write"), call("socket", 2n), call("socket", 10n), call("clone")]));
  const open: LinuxSeccomp = { defaultAction: "SCMP_ACT_ERRNO", syscalls: [{ names: ["socket"], action: "SCMP_ACT_ALLOW" }] };
  t.equal(united(open, first).syscalls?.filter(({ names }) => names.includes("socket")).length, 1, "without conditions they go");
  const refusing: LinuxSeccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["read", "clone"], action: "SCMP_ACT_ERRNO" }],
  };
  t.same(
    united(refusing, first).syscalls?.filter(({ action }) => action === "SCMP_ACT_ERRNO"),
    [],
    "nor what refused them",
  );
  t.end();
});

const NAMES = ["read", "clone", "socket", "mkdir", "kill"] as const;
const SMALL = fc.constantFrom(0n, 1n, 2n, 17n, 0x10000000n, 0x7e020000n, 0xffffffff80000001n);
const anyCall = fc.tuple(fc.constantFrom(...NAMES), SMALL, SMALL).map(([name, one, other]) => call(name, one, other));
const anyArg = fc.record({
  index: fc.constantFrom(0, 1),
  value: fc.constantFrom(0, 1, 2, 17),
  op: fc.constantFrom("SCMP_CMP_EQ" as const, "SCMP_CMP_GT" as const),
});
const anyProfile: fc.Arbitrary<LinuxSeccomp> = fc.record({
  defaultAction: fc.constantFrom("SCMP_ACT_ALLOW" as const, "SCMP_ACT_ERRNO" as const),
  defaultErrnoRet: fc.constantFrom(1, 38),
  syscalls: fc.uniqueArray(
    fc.record({
      names: fc.constantFrom(...NAMES).map((name) => [name]),
      action: fc.constantFrom("SCMP_ACT_ALLOW" as const, "SCMP_ACT_ERRNO" as const),
      errnoRet: fc.constantFrom(97, 99),
      args: fc.array(anyArg, { maxLength: 1 }),
    }),
    { maxLength: 4, selector: ({ names }) => names[0] },
  ),
});

t.test("what was recorded under a profile is allowed, and what it refuses is not", { skip: x86 }, (t) => {
  fc.assert(
    fc.property(anyProfile, fc.array(anyCall, { maxLength: 8 }), fc.array(anyCall, { maxLength: 8 }), (own, made, others) => {
      const before = judgeOf(own);
      const isAllowed = (judge: typeof before, { name, values }: RecordedCall): boolean =>
        judge.judge(name, values)?.action === "SCMP_ACT_ALLOW";
      const masks = policiesFor(own, []);
      // As the recorder notes them: what the filter lets pass, under the masks.
      const noted = made
        .filter((each) => isAllowed(before, each))
        .map((each) => ({
          ...each,
          values: each.values.map((value, index) => value & (masks.get(each.name)?.get(index) ?? 0n)),
        }));
      const after = judgeOf(recordedProfile({ calls: noted, architecture: X86_64, policies: masks, own, needed: [] }));
      for (const each of made) if (isAllowed(before, each) && !isAllowed(after, each)) return false;
      for (const each of others) if (!isAllowed(before, each) && isAllowed(after, each)) return false;
      return true;
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test("a union allows what either allows", { skip: x86 }, (t) => {
  fc.assert(
    fc.property(fc.array(anyCall, { maxLength: 6 }), fc.array(anyCall, { maxLength: 6 }), (first, second) => {
      const noted = (calls: readonly RecordedCall[]): RecordedCall[] =>
        calls.map((each) => ({
          ...each,
          values: each.values.map((value, index) => value & (policies.get(each.name)?.get(index) ?? 0n)),
        }));
      const judge = judgeOf(united(record(noted(first)), record(noted(second))));
      return [...first, ...second].every(({ name, values }) => judge.judge(name, values)?.action === "SCMP_ACT_ALLOW");
    }),
    { numRuns: 200 },
  );
  t.end();
});
