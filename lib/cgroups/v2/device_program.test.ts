// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { deviceProgram, deviceRules, ruleText, type DeviceRule, type DeviceRules } from "./device_program.ts";
import { MKNOD, READ, wantedFilter, WRITE } from "../v1/devices.ts";
import type { LinuxDeviceCgroup } from "../../spec/types.ts";

interface Access {
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
  readonly access: number;
}

/** Interprets a program as the kernel does: registers of 64 bits, and the operations that the program may use. */
function interpret(program: Uint8Array, { type, major, minor, access }: Access): boolean {
  const bpf = (access & MKNOD ? 1 : 0) | (access & READ ? 2 : 0) | (access & WRITE ? 4 : 0);
  const context = new Map([
    [0, BigInt(((bpf << 16) | (type === "b" ? 1 : 2)) >>> 0)],
    [4, BigInt(major)],
    [8, BigInt(minor)],
  ]);
  const view = new DataView(program.buffer);
  const registers = Array.from({ length: 11 }, () => undefined as bigint | undefined);
  registers[1] = 0x1000n;
  const value = (index: number): bigint => {
    const found = registers[index];
    if (found === undefined) throw new Error(`r${index} is read before it is written`);
    return found;
  };
  const low = (number: bigint): bigint => BigInt.asUintN(32, number);
  for (let at = 0; at < program.length / 8; at++) {
    const operation = view.getUint8(at * 8);
    const target = view.getUint8(at * 8 + 1) & 15;
    const source = view.getUint8(at * 8 + 1) >> 4;
    const offset = view.getInt16(at * 8 + 2, true);
    const immediate = BigInt(view.getInt32(at * 8 + 4, true));
    switch (operation) {
      case 0x61:
        if (value(source) !== 0x1000n) throw new Error("a load from elsewhere");
        registers[target] = context.get(offset);
        break;
      case 0xbf:
        registers[target] = value(source);
        break;
      case 0xb7:
        registers[target] = BigInt.asUintN(64, immediate);
        break;
      case 0x57:
        registers[target] = value(target) & BigInt.asUintN(64, immediate);
        break;
      case 0x54:
        registers[target] = low(value(target)) & low(immediate);
        break;
      case 0x77:
        registers[target] = value(target) >> immediate;
        break;
      case 0x05:
        at += offset;
        break;
      case 0x56:
        if (low(value(target)) !== low(immediate)) at += offset;
        break;
      case 0x46:
        if ((low(value(target)) & low(immediate)) !== 0n) at += offset;
        break;
      case 0x95:
        return value(0) === 1n;
      default:
        throw new Error(`operation 0x${operation.toString(16)}`);
    }
  }
  throw new Error("the program ends without exit");
}

/** The meaning: for each access the last rule that fits. */
function allows({ defaultAllow, rules }: DeviceRules, { type, major, minor, access }: Access): boolean {
  for (const bit of [READ, WRITE, MKNOD]) {
    if ((access & bit) === 0) continue;
    let verdict = defaultAllow;
    for (const rule of rules) {
      const fits = rule.type === type && (rule.major ?? major) === major && (rule.minor ?? minor) === minor;
      if (fits && (rule.access & bit) !== 0) verdict = rule.allow;
    }
    if (!verdict) return false;
  }
  return true;
}

const NUMBERS = [0, 1, 3, 5, 8, 136, 0x7fffffff, 0x80000000, 0xffffffff];

function* everything(): Generator<Access> {
  for (const type of ["b", "c"] as const) {
    for (const major of NUMBERS) {
      for (const minor of NUMBERS) for (let access = 1; access < 8; access++) yield { type, major, minor, access };
    }
  }
}

function differences(rules: DeviceRules): string[] {
  const program = deviceProgram(rules);
  const found: string[] = [];
  for (const access of everything()) {
    const verdict = interpret(program, access);
    if (verdict !== allows(rules, access)) found.push(JSON.stringify(access));
  }
  return found;
}

t.test("a program says what its rules mean, for every type, number and access", async (t) => {
  const none: DeviceRules = { defaultAllow: false, rules: [] };
  t.strictSame(differences(none), []);
  t.strictSame(differences({ ...none, defaultAllow: true }), []);
  t.strictSame(differences(deviceRules([], [])), [], "what every container may do");
  // A small generator with a fixed start: the same rules at each run.
  let seed = 12345;
  const pick = (count: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 16) % count;
  };
  for (let round = 0; round < 60; round++) {
    const rules: DeviceRule[] = [];
    for (let count = pick(9); count > 0; count--) {
      const major = pick(3) === 0 ? undefined : NUMBERS[pick(NUMBERS.length)];
      const minor = pick(3) === 0 ? undefined : NUMBERS[pick(NUMBERS.length)];
      rules.push({
        allow: pick(2) === 0,
        type: pick(2) === 0 ? "b" : "c",
        access: 1 + pick(7),
        ...(major !== undefined && { major }),
        ...(minor !== undefined && { minor }),
      });
    }
    const made = { defaultAllow: pick(2) === 0, rules };
    t.strictSame(differences(made), [], rules.map(ruleText).join(", "));
  }
});

t.test("where cgroup v1 can express the rules both versions allow the same", async (t) => {
  const configs: readonly (readonly LinuxDeviceCgroup[])[] = [
    [],
    [{ allow: false, access: "rwm" }],
    [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 8, minor: 8, access: "rw" },
    ],
    [
      { allow: true, type: "b", major: 8, access: "r" },
      { allow: false, type: "b", major: 8, access: "r" },
    ],
    [
      { allow: true, access: "rwm" },
      { allow: false, type: "c", major: 136, minor: 1, access: "w" },
    ],
    [
      { allow: true, type: "c", major: 5, minor: 1, access: "rwm" },
      { allow: false, type: "c", major: 5, minor: 1, access: "m" },
    ],
  ];
  for (const config of configs) {
    const filter = wantedFilter(config, ["/dev/null"]);
    const program = deviceProgram(deviceRules(config, ["/dev/null"]));
    for (const access of everything()) {
      let verdict = filter.defaultAllow;
      for (const bit of [READ, WRITE, MKNOD].filter((one) => (access.access & one) !== 0)) {
        let excepted = false;
        for (const { type, major, minor, access: bits } of filter.exceptions.values()) {
          const fits =
            type === access.type &&
            (major === "*" || Number(major) === access.major) &&
            (minor === "*" || Number(minor) === access.minor);
          if (fits && (bits & bit) !== 0) excepted = true;
        }
        verdict = excepted !== filter.defaultAllow;
        if (!verdict) break;
      }
      if (interpret(program, access) !== verdict) t.fail(`${JSON.stringify(config)}: ${JSON.stringify(access)}`);
    }
  }
  t.pass("compared");
});

t.test("rules: in order, a rule for all types replaces those before it", async (t) => {
  const texts = (rules: LinuxDeviceCgroup[], paths: string[] = []): string[] => deviceRules(rules, paths).rules.map(ruleText);
  t.strictSame(
    texts([
      { allow: true, type: "c", major: 7, access: "r" },
      { allow: false, access: "rwm" },
    ]),
    texts([]),
  );
  t.equal(texts([{ allow: true, type: "c", major: 7, access: "rw" }])[0], "allow c 7:* rw");
  t.equal(texts([{ allow: false, type: "b", major: 7, minor: 1, access: "m" }])[0], "deny b 7:1 m");
  t.strictSame(texts([{ allow: true, type: "a" }]), [], "nothing denies");
  t.notOk(texts([], ["/dev/null"]).includes("allow c 1:3 rwm"), "a device of the config takes its place");
  t.strictSame(texts([{ allow: true, type: "c", major: 2 ** 33, access: "r" }]), texts([]), "no device has such a number");
  t.throws(() => texts([{ allow: true, type: "c", major: 1, access: "x" }]), { code: "CONFIG_INVALID" });
});
