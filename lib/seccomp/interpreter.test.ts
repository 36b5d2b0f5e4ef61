// SPDX-License-Identifier: Apache-2.0
/** The filters follow the profile: an interpreter of classic BPF runs them, and a plain model gives the expected result. */
import fc from "fast-check";
import t from "tap";
import { silentLog } from "../log.ts";
import type { LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompOperator } from "../spec/types.ts";
import { compileProfile } from "./compile.ts";
import { actionValue, ARCHITECTURES, AUDIT_ARCH_X86_64, OPERATORS, X32_BIT } from "./constants.ts";
import { encodeInstructions, enosysPrologue } from "./enosys.ts";
import { interpret as run, type FilteredCall as Call } from "./interpret.ts";
import { seccompNative } from "./native.ts";

const AUDIT_ARCH_I386 = 0x40000003;
const KILL_THREAD = 0;
const ERRNO = 0x00050000;
const ENOSYS = ERRNO + 38;
const ALLOW = 0x7fff0000;

const x86 = process.arch === "x64" ? false : "the numbers in these tests are those of x86_64";
const compile = (seccomp: LinuxSeccomp): Uint8Array => compileProfile(seccomp, silentLog);
const on64 = (nr: number, ...args: bigint[]): Call => ({ arch: AUDIT_ARCH_X86_64, nr, args });
const [READ, WRITE, CLOSE_RANGE, MKDIR] = [0, 1, 436, 83];

t.test("the default action, and what newer system calls get", { skip: x86 }, (t) => {
  const program = compile({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 7,
    architectures: ["SCMP_ARCH_X86"],
    syscalls: [{ names: ["read", "close_range"], action: "SCMP_ACT_ALLOW" }],
  });
  t.equal(run(program, on64(READ)), ALLOW);
  t.equal(run(program, on64(WRITE)), ERRNO + 7);
  t.equal(run(program, on64(CLOSE_RANGE)), ALLOW);
  t.equal(run(program, on64(CLOSE_RANGE + 1)), ENOSYS, "newer than the profile");
  t.equal(run(program, on64(0x3fffffff)), ENOSYS);
  t.equal(run(program, on64(X32_BIT + READ)), KILL_THREAD, "an ABI that the profile does not have");
  t.equal(run(program, { arch: AUDIT_ARCH_I386, nr: 3 }), ALLOW, "read of i386");
  t.equal(run(program, { arch: AUDIT_ARCH_I386, nr: 4 }), ERRNO + 7);
  t.equal(run(program, { arch: AUDIT_ARCH_I386, nr: 1000 }), ENOSYS);
  t.equal(run(program, { arch: 0xc00000b7, nr: 0 }), KILL_THREAD, "another architecture");
  t.end();
});

t.test("of two comparisons of 64 bits the narrower one counts, in the upper half, too", { skip: x86 }, (t) => {
  // native/seccomp/patches/0001
  const below = (value: number, action: LinuxSeccompAction): LinuxSeccomp["syscalls"] => [
    { names: ["mkdir"], action, args: [{ index: 0, value, op: "SCMP_CMP_LT" }] },
  ];
  const syscalls = [...(below(0x1_0000_0005, "SCMP_ACT_ALLOW") ?? []), ...(below(0x1_0000_0003, "SCMP_ACT_ERRNO") ?? [])];
  for (const rules of [syscalls, syscalls.toReversed()]) {
    const program = compile({ defaultAction: "SCMP_ACT_KILL_THREAD", syscalls: rules });
    const refused = ERRNO + 1;
    for (const value of [0n, 5n, 0xffffffffn, 0x1_0000_0002n]) t.equal(run(program, on64(MKDIR, value)), refused, `${value}`);
    for (const value of [0x1_0000_0003n, 0x1_0000_0004n]) t.equal(run(program, on64(MKDIR, value)), ALLOW, `${value}`);
    for (const value of [0x1_0000_0005n, 0x2_0000_0000n]) t.equal(run(program, on64(MKDIR, value)), KILL_THREAD, `${value}`);
  }
  t.end();
});

t.test("ENOSYS is for profiles that refuse by default", { skip: x86 }, (t) => {
  for (const defaultAction of ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"] as const) {
    const program = compile({ defaultAction, syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_KILL_PROCESS" }] });
    t.equal(run(program, on64(MKDIR)), 0x80000000);
    t.equal(run(program, on64(4000)), actionValue(defaultAction, undefined), defaultAction);
  }
  const none = compile({ defaultAction: "SCMP_ACT_KILL_PROCESS" });
  t.equal(run(none, on64(4000)), 0x80000000, "a profile that knows no system call has no newest one");
  t.end();
});

t.test("x32 has numbers of its own", { skip: x86 }, (t) => {
  const program = compile({
    defaultAction: "SCMP_ACT_ERRNO",
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
    syscalls: [{ names: ["read", "mkdir"], action: "SCMP_ACT_ALLOW" }],
  });
  t.equal(run(program, on64(X32_BIT + READ)), ALLOW);
  t.equal(run(program, on64(X32_BIT + WRITE)), ERRNO + 1);
  t.equal(run(program, on64(X32_BIT + MKDIR + 1)), ENOSYS);
  t.equal(run(program, on64(MKDIR + 1)), ENOSYS);
  t.end();
});

t.test("setup(2) of s390x stands for what its kernel does not know", (t) => {
  const passes = { code: 0x06, jt: 0, jf: 0, k: ALLOW };
  const newest = [
    { architecture: 0x80000016, syscall: 300 },
    { architecture: 0xc00000b7, syscall: 400 },
  ];
  const program = encodeInstructions([...enosysPrologue(newest), passes]);
  t.equal(run(program, { arch: 0x80000016, nr: 0 }), ENOSYS);
  t.equal(run(program, { arch: 0x80000016, nr: 300 }), ALLOW);
  t.equal(run(program, { arch: 0x80000016, nr: 301 }), ENOSYS);
  t.equal(run(program, { arch: 0xc00000b7, nr: 0 }), ALLOW);
  t.equal(run(program, { arch: 0xc00000b7, nr: 401 }), ENOSYS);
  t.equal(run(program, { arch: 5, nr: 5000 }), ALLOW, "left to the filter");
  t.strictSame(enosysPrologue([]), []);
  t.end();
});

t.test("names that are unknown are left out, or an error", (t) => {
  const said: string[] = [];
  const log = { ...silentLog, debug: (text: string) => void said.push(text) };
  const profile: LinuxSeccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["no_such_call"], action: "SCMP_ACT_KILL" }],
  };
  compileProfile(profile, log);
  t.equal(said[0], 'unknown seccomp syscall "no_such_call" ignored');
  t.throws(() => compileProfile(profile, log, { failUnknown: true }), {
    code: "CONFIG_INVALID",
    message: /^linux\.seccomp\.syscalls\[0\]\.names: unknown system call no_such_call/,
  });
  t.end();
});

t.test("an architecture of another byte order, or one that libseccomp does not know", { skip: x86 }, (t) => {
  const wrong = (name: string): LinuxSeccomp => ({ defaultAction: "SCMP_ACT_ALLOW", architectures: [name] });
  t.throws(() => compile(wrong("SCMP_ARCH_S390X")), { code: "HOST_UNABLE", message: /another byte order/ });
  t.throws(() => compile(wrong("SCMP_ARCH_VAX")), { code: "NOT_SUPPORTED", message: /architectures\[0\].*SCMP_ARCH_VAX/ });
  t.end();
});

t.test("libseccomp knows every architecture of the specification, and system calls that are as new as itself", (t) => {
  const native = seccompNative();
  const tokens = ARCHITECTURES.map((name) => native.architecture(name.slice("SCMP_ARCH_".length).toLowerCase()));
  t.equal(tokens.filter((token) => token === 0).length, 0);
  t.equal(new Set(tokens).size, ARCHITECTURES.length);
  const names = ["cachestat", "fchmodat2", "map_shadow_stack", "futex_wait", "statmount", "lsm_list_modules", "mseal"];
  t.same([...native.resolve(names, native.architecture("x86_64"))], [451, 452, 453, 455, 457, 461, 462]);
  t.end();
});

// --- against a model --------------------------------------------------------------------------------------

const NAMES = ["read", "write", "close", "ioctl", "mkdir", "socket", "clone", "personality", "futex", "openat"];
const ACTIONS: readonly LinuxSeccompAction[] = ["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_LOG"];
/** Values near each other and near the edges of 32 bits, so that comparisons come out both ways. */
const VALUES = [0n, 1n, 2n, 0xffffffffn, 0x100000000n, 0x100000001n, 0x8000000000000000n, 0xffffffffffffffffn];
const value = fc.constantFrom(...VALUES);

function holds({ op, value: given, valueTwo }: LinuxSeccompArg, actual: bigint): boolean {
  const [one, two] = [BigInt(given), BigInt(valueTwo ?? 0)];
  const tests: Record<LinuxSeccompOperator, boolean> = {
    SCMP_CMP_NE: actual !== one,
    SCMP_CMP_LT: actual < one,
    SCMP_CMP_LE: actual <= one,
    SCMP_CMP_EQ: actual === one,
    SCMP_CMP_GE: actual >= one,
    SCMP_CMP_GT: actual > one,
    SCMP_CMP_MASKED_EQ: (actual & one) === (two & one),
  };
  return tests[op];
}

const condition = fc.record({
  index: fc.constantFrom(0, 1, 5),
  op: fc.constantFrom(...(Object.keys(OPERATORS) as LinuxSeccompOperator[])),
  value,
  valueTwo: value,
});
/** One rule for each system call: libseccomp chooses the result of several that contradict each other. */
const rule = fc.record({
  action: fc.constantFrom(...ACTIONS),
  errnoRet: fc.constantFrom(undefined, 2, 4094),
  args: fc.uniqueArray(condition, { maxLength: 2, selector: ({ index }) => index }),
});

t.test("a filter does what its profile says", { skip: x86 }, (t) => {
  const numbers = seccompNative().resolve(NAMES, 0);
  const profile = fc.record({
    defaultAction: fc.constantFrom(...ACTIONS),
    defaultErrnoRet: fc.constantFrom(undefined, 13),
    rules: fc.array(fc.tuple(fc.nat(NAMES.length - 1), rule), { maxLength: 8 }),
    // Rules that no call of the test meets, so that the filter is a binary tree.
    many: fc.boolean(),
  });
  const calls = fc.array(fc.tuple(fc.nat(NAMES.length - 1), fc.array(value, { minLength: 6, maxLength: 6 })), {
    minLength: 8,
    maxLength: 8,
  });
  const filler = [
    "sync",
    "uname",
    "times",
    "pause",
    "alarm",
    "getpid",
    "getuid",
    "getgid",
    "umask",
    "chroot",
    "fork",
    "vfork",
    "wait4",
    "kill",
    "semget",
    "semop",
    "semctl",
    "shmdt",
    "msgget",
    "msgsnd",
    "msgrcv",
    "msgctl",
    "flock",
    "fsync",
    "chdir",
    "fchdir",
    "rename",
    "rmdir",
    "creat",
    "link",
    "unlink",
    "symlink",
    "chmod",
    "fchmod",
    "chown",
  ];
  fc.assert(
    fc.property(profile, calls, ({ defaultAction, defaultErrnoRet, rules, many }, made) => {
      const byName = new Map(rules);
      const syscalls = [...byName].map(([name, { action, errnoRet, args }]) => ({
        names: [NAMES[name] ?? ""],
        action,
        args,
        ...(errnoRet === undefined ? {} : { errnoRet }),
      }));
      const extra = many ? [{ names: filler, action: "SCMP_ACT_TRAP" as const }] : [];
      const usual = actionValue(defaultAction, defaultErrnoRet);
      const program = compile({
        defaultAction,
        ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
        // The newest of all, so that nothing here is newer.
        syscalls: [...syscalls, ...extra, { names: ["openat2"], action: "SCMP_ACT_TRAP" }],
      });
      for (const [name, args] of made) {
        const chosen = byName.get(name);
        const meant = chosen?.args.every((each) => holds(each, args[each.index] ?? 0n)) ?? false;
        const expected = chosen !== undefined && meant ? actionValue(chosen.action, chosen.errnoRet) : usual;
        const found = run(program, on64(numbers[name] ?? -1, ...args));
        if (found !== expected) throw new Error(`${NAMES[name]}(${args.join(", ")}): ${found}, not ${expected}`);
      }
    }),
    { numRuns: 300 },
  );
  t.pass("300 profiles");
  t.end();
});
