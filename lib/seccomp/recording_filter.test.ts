// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { RuntimeError } from "../errors.ts";
import { silentLog } from "../log.ts";
import type { LinuxSeccomp, LinuxSeccompAction } from "../spec/types.ts";
import { compileProfile } from "./compile.ts";
import { actionValue, ACTIONS } from "./constants.ts";
import { interpret } from "./interpret.ts";
import { encodePolicies, readNotes } from "./notes.ts";
import { recordingFilter } from "./recording_filter.ts";
import { seccompNative } from "./native.ts";
import { unreportedCalls } from "./unreported.ts";

const marks = { fifth: 0x1122334455667788n, sixth: 0x99aabbccddeeff00n };
const arch = seccompNative().nativeArchitecture();
const [mkdir = 0] = seccompNative().resolve(["mkdirat"], 0);
const [write = 0] = seccompNative().resolve(["write"], 0);
const NOTIFY = ACTIONS.SCMP_ACT_NOTIFY;

t.test("what a profile allows is reported, all else is as before", (t) => {
  for (const action of Object.keys(ACTIONS) as LinuxSeccompAction[]) {
    if (action === "SCMP_ACT_NOTIFY") continue;
    const profile: LinuxSeccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdirat"], action, errnoRet: 9 }] };
    const program = recordingFilter(compileProfile(profile, silentLog), marks);
    const isReported = action === "SCMP_ACT_ALLOW" || action === "SCMP_ACT_LOG";
    t.equal(interpret(program, { arch, nr: mkdir }), isReported ? NOTIFY : actionValue(action, 9), action);
    t.equal(interpret(program, { arch, nr: write }), NOTIFY);
  }
  t.equal(interpret(recordingFilter(undefined, marks), { arch, nr: mkdir }), NOTIFY, "without a profile");
  t.end();
});

t.test("calls that no signal may interrupt pass unreported where the profile allows them, whatever their arguments are", (t) => {
  const [mask = 0, close = 0] = seccompNative().resolve(["rt_sigprocmask", "close"], 0);
  const answers = (profile: LinuxSeccomp | undefined): readonly unknown[] => {
    const filter = profile === undefined ? undefined : compileProfile(profile, silentLog);
    const unreported = unreportedCalls(filter);
    const program = recordingFilter(filter, marks, unreported);
    t.equal(interpret(program, { arch: arch ^ 1, nr: mask }) === ACTIONS.SCMP_ACT_ALLOW, false, "another architecture");
    const names = unreported.calls.map(({ name }) => name);
    return [
      names.includes("rt_sigprocmask"),
      names.includes("close"),
      ...[mask, close, mkdir].map((nr) => interpret(program, { arch, nr })),
    ];
  };
  const pass = ACTIONS.SCMP_ACT_ALLOW;
  const refuse = actionValue("SCMP_ACT_ERRNO", 1);
  const refusing = (...syscalls: LinuxSeccomp["syscalls"] & object): LinuxSeccomp => ({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls,
  });
  const allowing = (...syscalls: LinuxSeccomp["syscalls"] & object): LinuxSeccomp => ({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls,
  });
  t.same(answers(undefined), [true, true, pass, pass, NOTIFY]);
  t.same(answers(refusing({ names: ["close", "mkdirat"], action: "SCMP_ACT_ALLOW" })), [false, true, refuse, pass, NOTIFY]);
  t.same(answers(allowing({ names: ["close"], action: "SCMP_ACT_ERRNO" })), [true, false, pass, refuse, NOTIFY]);
  const first = { index: 0, value: 5, op: "SCMP_CMP_EQ" } as const;
  t.same(answers(allowing({ names: ["close"], action: "SCMP_ACT_ERRNO", args: [first] })), [true, false, pass, NOTIFY, NOTIFY]);
  t.same(answers(allowing({ names: ["close"], action: "SCMP_ACT_LOG" })), [true, false, pass, NOTIFY, NOTIFY], "a log stays one");
  t.end();
});

t.test("calls with the marks pass, with half of them they do not", (t) => {
  const program = recordingFilter(undefined, marks);
  const { fifth, sixth } = marks;
  const answer = (...args: bigint[]): number => interpret(program, { arch, nr: write, args: [1n, 2n, 3n, 0n, ...args] });
  t.equal(answer(fifth, sixth), ACTIONS.SCMP_ACT_ALLOW);
  for (const args of [
    [fifth, 0n],
    [0n, sixth],
    [sixth, fifth],
    [fifth, sixth ^ 1n],
    [fifth ^ (1n << 63n), sixth],
  ]) {
    t.equal(answer(...args), NOTIFY, args.join());
  }
  t.end();
});

t.test("what cannot be recorded", (t) => {
  const notifies: LinuxSeccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdirat"], action: "SCMP_ACT_NOTIFY" }],
  };
  const rejected = (program: Uint8Array, why: RegExp): void => {
    try {
      recordingFilter(program, marks);
      t.fail("taken");
    } catch (error) {
      t.ok(error instanceof RuntimeError && error.code === "CONFIG_INVALID");
      t.match(String(error), why);
    }
  };
  rejected(compileProfile(notifies, silentLog), /one listener only/);
  rejected(new Uint8Array([0x16, 0, 0, 0, 0, 0, 0, 0]), /computes what it returns/);
  const long = new Uint8Array(4096 * 8).fill(0);
  rejected(long, /no room/);
  t.end();
});

t.test("notes", (t) => {
  const bytes = new Uint8Array(24576 + 2 * 64);
  const policies = [{ architecture: arch, call: 41, masks: [0xffffffffffffffffn, 0n, 0n, 0n, 0n, 5n] }];
  const head = encodePolicies(policies);
  bytes.set(head);
  const view = new DataView(bytes.buffer);
  t.equal(view.getUint32(4, true), 1);
  t.equal(view.getBigUint64(2048 + 8 + 40, true), 5n);
  view.setUint32(8, 2, true);
  view.setUint32(12, 3, true);
  view.setUint32(24576 + 64, arch, true);
  view.setUint32(24576 + 68, 41, true);
  view.setBigUint64(24576 + 72, 2n, true);
  const noted = readNotes((offset, size) => bytes.subarray(offset, offset + size));
  t.equal(noted?.calls.length, 2);
  t.same(noted?.calls[1], { architecture: arch, call: 41, values: [2n, 0n, 0n, 0n, 0n, 0n] });
  t.same([noted?.isFull, noted?.isFinished], [true, true]);
  t.equal(
    readNotes(() => new Uint8Array(16)),
    undefined,
  );
  t.equal(
    readNotes(() => new Uint8Array(0)),
    undefined,
  );
  t.end();
});
