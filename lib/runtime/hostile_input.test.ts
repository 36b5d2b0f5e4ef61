// SPDX-License-Identifier: Apache-2.0
/**
 * A config.json, a process file or a resources file may give only two results: an error with its name, or a plan with
 * every value in its range. `RUNT_PROPERTY_RUNS` is how many documents each property tries.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import t from "tap";
import { resourceWrites } from "../cgroups/v1/resources.ts";
import { RuntimeError, type Problem } from "../errors.ts";
import { buildPlan, type Plan } from "../plan/build.ts";
import { encodePlan } from "../plan/encode.ts";
import { buildExecPlan } from "../plan/exec.ts";
import type { PlanFacts } from "../plan/facts.ts";
import { MountFlag, OPS, type FieldType, type Step } from "../plan/steps.ts";
import { checkConfig, parseConfig } from "../spec/documents/config.ts";
import { defaultConfig } from "../spec/defaults.ts";
import { parseProcess } from "../spec/documents/process_file.ts";
import { parseResources } from "../spec/documents/resources_file.ts";
import type { Config } from "../spec/types.ts";

const RUNS = Number(process.env["RUNT_PROPERTY_RUNS"] ?? 1500);
// The usual run has a fixed seed; a run that is asked for has a new one each time.
if (process.env["RUNT_PROPERTY_RUNS"] === undefined) fc.configureGlobal({ seed: 20261123 });

const FACTS: PlanFacts = {
  id: "box",
  bundle: "/bundle",
  rootfs: "/bundle/rootfs",
  noPivot: false,
  noNewKeyring: false,
  relaysConsole: false,
  preserveFds: 0,
  extraEnv: [],
  waitForStart: true,
  kcore: true,
  selinux: true,
  cgroupMounts: {},
  links: {},
  trees: [],
};

/** A valid config that has a value at nearly every place. */
function goodConfig(): Config {
  const maps = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const hook = { path: "/hook", args: ["hook", "x"], env: ["A=b"], timeout: 1 };
  const base = defaultConfig({ rootless: false, cgroup2: false, uid: 0, gid: 0 });
  return {
    ...base,
    domainname: "d",
    annotations: { a: "b" },
    process: {
      ...base.process,
      cwd: "/",
      args: ["sh"],
      env: ["PATH=/bin", "A=ü"],
      user: { uid: 1, gid: 2, umask: 0o22, additionalGids: [4, 50] },
      consoleSize: { height: 1, width: 70 },
      terminal: true,
      oomScoreAdj: 5,
      apparmorProfile: "p",
      selinuxLabel: "a:b:c",
      scheduler: { policy: "SCHED_OTHER", nice: 3, flags: ["SCHED_FLAG_RESET_ON_FORK"] },
      ioPriority: { class: "IOPRIO_CLASS_BE", priority: 1 },
      execCPUAffinity: { initial: "0", final: "0-1" },
    },
    mounts: [
      ...(base.mounts ?? []),
      {
        destination: "/data",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "size=64k", "mode=700", "rprivate", "tmpcopyup"],
      },
      { destination: "/bind", source: "/src", options: ["rbind", "rro", "idmap"], uidMappings: maps, gidMappings: maps },
    ],
    hooks: { prestart: [hook], createContainer: [hook], startContainer: [hook], poststop: [hook] },
    linux: {
      ...base.linux,
      namespaces: ["mount", "user", "time", "network", "uts", "ipc", "pid", "cgroup"].map((type) => ({ type })),
      uidMappings: maps,
      gidMappings: maps,
      timeOffsets: { boottime: { secs: 1, nanosecs: 5 } },
      netDevices: { eth9: { name: "inner" } },
      sysctl: { "net.ipv4.ip_forward": "1", "kernel.sem": "2" },
      cgroupsPath: "/x/y",
      rootfsPropagation: "rslave",
      mountLabel: "a:b:c",
      personality: { domain: "LINUX32" },
      memoryPolicy: { mode: "MPOL_BIND", nodes: "0" },
      devices: [{ path: "/d", type: "c", major: 1, minor: 5, fileMode: 0o666, uid: 0, gid: 0 }],
      resources: {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 1, minor: 3, access: "rw" },
        ],
        memory: { limit: 1048576, reservation: 5, swap: 2097152, swappiness: 10, disableOOMKiller: false },
        cpu: { shares: 512, quota: 1000, period: 100000, cpus: "0", mems: "0", idle: 0, burst: 5 },
        pids: { limit: 5 },
        blockIO: { weight: 100, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 5 }] },
        hugepageLimits: [{ pageSize: "2MB", limit: 5 }],
        network: { classID: 5, priorities: [{ name: "eth0", priority: 5 }] },
        rdma: { mlx: { hcaHandles: 5 } },
      },
      seccomp: {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [
          { names: ["mkdir"], action: "SCMP_ACT_ERRNO", errnoRet: 5, args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] },
        ],
      },
    },
  } as unknown as Config;
}

type Place = readonly (string | number)[];

function places(value: unknown, at: Place = []): Place[] {
  if (typeof value !== "object" || value === null) return [at];
  const names = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [at, ...names.flatMap((name) => places((value as Record<string, unknown>)[name], [...at, name]))];
}

/** JSON that JSON.stringify would not write is put into a string between two of these. */
const RAW = "\u0001";

const NUMBERS = [
  "-0",
  "-1",
  "-129",
  "-1000",
  "-1001",
  "-2147483649",
  "-9223372036854775808",
  "-9223372036854775809",
  "1e2",
  "5.0",
  "0.5",
  "1e400",
  "511",
  "512",
  "999",
  "1000",
  "1001",
  "4096",
  "65535",
  "65536",
  "2147483647",
  "2147483648",
  "4294967294",
  "4294967295",
  "4294967296",
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "18446744073709551615",
  "18446744073709551616",
].map((text) => `${RAW}${text}${RAW}`);

const TEXTS = [
  "",
  "/",
  "..",
  "/../..",
  "a/../b",
  "relative",
  "/proc/self/fd/7",
  "/a\0b",
  "\0",
  "\ud800",
  "ü",
  "x".repeat(5000),
  "/".repeat(5000),
  "a,b=c",
  "0-1023",
  "0-99999999999",
  "net.ipv4/../../kernel.core_pattern",
  "kernel.core_pattern",
  "pid",
  "user",
  "mount",
  "bind",
  "rbind",
  "ro",
  "proc",
  "CAP_SYS_ADMIN",
  "CAP_X",
  "RLIMIT_NOFILE",
  "SCHED_DEADLINE",
  "SCMP_ACT_NOTIFY",
  "MPOL_LOCAL",
  "shared",
  "__proto__",
  "constructor",
  "@",
  "=",
  "A=\n",
];

const value = fc.oneof(
  fc.constantFrom<unknown>(...NUMBERS),
  fc.constantFrom<unknown>(...TEXTS),
  fc.constantFrom<unknown>(null, true, false, [], {}, [null], [{}], [[]], { a: 5 }),
  fc.integer({ min: -5, max: 70000 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.array(fc.constantFrom<unknown>(...TEXTS), { maxLength: 4 }),
  fc.jsonValue({ maxDepth: 2 }),
);

type Change = {
  readonly place: Place;
  readonly kind: "put" | "drop" | "twice" | "add";
  readonly put: unknown;
  readonly name: string;
};

/** Up to three changes of a document like `sample`. */
function changesOf(sample: unknown): fc.Arbitrary<readonly Change[]> {
  const all = places(sample).filter((place) => place.length > 0);
  const change = fc.record({
    place: fc.constantFrom(...all),
    kind: fc.constantFrom("put" as const, "put" as const, "drop" as const, "twice" as const, "add" as const),
    put: value,
    name: fc.constantFrom("path", "type", "options", "uid", "__proto__", "x", "eth0", "net.a", "../x"),
  });
  return fc.array(change, { minLength: 1, maxLength: 3 });
}

function apply(document: unknown, changes: readonly Change[]): unknown {
  for (const { place, kind, put, name } of changes) {
    let at: unknown = document;
    for (const step of place.slice(0, -1))
      at = typeof at === "object" && at !== null ? (at as Record<string, unknown>)[step] : undefined;
    if (typeof at !== "object" || at === null) continue;
    const last = place.at(-1) ?? "";
    const holder = at as Record<string | number, unknown>;
    if (kind === "drop") delete holder[last];
    else if (kind === "twice" && Array.isArray(at)) at.push(structuredClone(at[Number(last)]));
    else if (kind === "add" && !Array.isArray(at))
      Object.defineProperty(at, name, { value: structuredClone(put), enumerable: true, configurable: true, writable: true });
    else holder[last] = structuredClone(put);
  }
  return document;
}

function textOf(document: unknown): string {
  return (JSON.stringify(document) ?? "null").replaceAll(/"\\u0001([^"\\]*)\\u0001"/g, "$1");
}

/** The text with one piece cut out, or put in. */
const cuts = fc.oneof(
  { weight: 9, arbitrary: fc.constant(null) },
  {
    weight: 1,
    arbitrary: fc.record({
      at: fc.nat(),
      size: fc.nat(6),
      put: fc.constantFrom("", '"', "{", "]", "\\", "\0", ",", "1", "\\u0000", "null"),
    }),
  },
);

function cut(text: string, how: { readonly at: number; readonly size: number; readonly put: string } | null): string {
  if (how === null) return text;
  const at = how.at % (text.length + 1);
  return text.slice(0, at) + how.put + text.slice(at + how.size);
}

const RANGES: Readonly<Record<FieldType, (value: unknown) => boolean>> = {
  u32: (number) => typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= 0xffffffff,
  u64: (number) => typeof number === "bigint" && number >= 0n && number < 1n << 64n,
  i64: (number) => typeof number === "bigint" && number >= -(1n << 63n) && number < 1n << 63n,
  str: (text) => typeof text === "string" && !text.includes("\0"),
  strs: (list) => Array.isArray(list) && list.every((text) => typeof text === "string" && !text.includes("\0")),
  u32s: (list) => Array.isArray(list) && list.every((number) => RANGES.u32(number)),
  bytes: (data) => data instanceof Uint8Array,
};

const NEW_NAMESPACES = 0x7e02_0080;
const CAPABILITIES = (1n << 41n) - 1n;
const isAbsolute = (path: string): boolean => path.startsWith("/");

/** The values that the specification and the kernel allow for each step, written down a second time. */
const RULES: { readonly [Name in Step["op"]]?: (fields: Extract<Step, { op: Name }>["fields"]) => boolean } = {
  joinNamespace: ({ kind }) => (kind & ~NEW_NAMESPACES) === 0 && kind !== 0 && (kind & (kind - 1)) === 0,
  joinContainer: ({ kinds }) => (kinds & ~NEW_NAMESPACES) === 0,
  unshare: ({ flags }) => (flags & ~NEW_NAMESPACES) === 0,
  fork: ({ flags }) => (flags & ~NEW_NAMESPACES) === 0,
  // runc takes relative ones, with a warning.
  mount: ({ target, flags, propagation }) => target !== "" && flags < 2 * MountFlag.DEST_NOFOLLOW && propagation.length < 5000,
  device: ({ path, mode, uid, gid }) =>
    isAbsolute(path) && [0o010000, 0o020000, 0o060000].includes(mode & 0o170000) && uid < 0xffffffff && gid < 0xffffffff,
  maskPath: ({ path }) => isAbsolute(path),
  readonlyPath: ({ path }) => isAbsolute(path),
  workingDirectory: ({ path }) => isAbsolute(path),
  changeDirectory: ({ path }) => isAbsolute(path),
  hook: ({ path, args }) => isAbsolute(path) && args.length > 0,
  sysctl: ({ key }) =>
    !key.split("/").includes("..") && /^(sys\/)?(net\/|user\/|fs\/mqueue\/|kernel\/(msg|sem|shm|domainname))/.test(key),
  oomScoreAdj: ({ value }) => value >= -1000n && value <= 1000n,
  rlimit: ({ resource, soft, hard }) => resource < 16 && soft <= hard,
  umask: ({ mask }) => mask <= 0o777,
  credentials: ({ uid, gid, groups, bounding, effective, permitted, inheritable, ambient }) =>
    uid < 0xffffffff &&
    gid < 0xffffffff &&
    groups.every((group) => group < 0xffffffff) &&
    [bounding, effective, permitted, inheritable, ambient].every((set) => (set & ~CAPABILITIES) === 0n),
  exec: ({ args }) => args.length > 0,
  findProgram: ({ name }) => !name.includes("\0"),
  scheduler: ({ policy, nice, priority }) => policy <= 7 && nice >= -20n && nice <= 19n && priority <= 99,
  ioPriority: ({ value }) => value >> 13 <= 3 && (value & 0x1fff) <= 7,
  memoryPolicy: ({ nodes }) => nodes.length <= 1024,
};

function checkPlan({ steps, slots }: Plan): void {
  for (const step of steps) {
    const types: Readonly<Record<string, FieldType>> = OPS[step.op];
    for (const [name, type] of Object.entries(types)) {
      const field = (step.fields as Readonly<Record<string, unknown>>)[name];
      assert.ok(RANGES[type](field), `${step.op}.${name} from ${step.origin}: ${String(field)} is no ${type}`);
    }
    const rule = RULES[step.op] as ((fields: object) => boolean) | undefined;
    assert.ok(
      rule?.(step.fields) ?? true,
      `${step.op} from ${step.origin}: ${JSON.stringify(step.fields, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner))}`,
    );
    const slot = (step.fields as Readonly<Record<string, unknown>>)["slot"];
    assert.ok(slot === undefined || (typeof slot === "number" && slot < slots.length), `${step.op}: slot`);
  }
  encodePlan(steps);
}

/** The result of `action`; undefined for an error with one of `codes`. Any other error fails the test. */
function attempt<T>(codes: readonly string[], action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    assert.ok(error instanceof RuntimeError, String(error instanceof Error ? error.stack : error));
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
    if (error.code === "CONFIG_INVALID") {
      assert.ok(
        (error.facts.problems?.length ?? 0) > 0 || error.facts.pointer !== undefined,
        `${error.message}: which property?`,
      );
      for (const { message } of error.facts.problems ?? []) assert.ok(message.length > 0);
    }
    return undefined;
  }
}

/** Fails where the property saw only one of the two outcomes, because it would prove nothing. */
function tally(t: { ok(value: boolean, name: string): unknown }, accepted: number): void {
  t.ok(accepted > RUNS / 100 && accepted < RUNS, `${accepted} of ${RUNS} documents were accepted`);
}

t.test("the config that the others are made from is right", async (t) => {
  t.same(checkConfig(JSON.stringify(goodConfig())), []);
  checkPlan(buildPlan(goodConfig(), FACTS));
});

t.test("config.json: an error that names itself, or a plan with all values in range", async (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(changesOf(goodConfig()), cuts, fc.boolean(), (changes, how, small) => {
      // A fault in one part may keep the other part from being checked.
      const document = small ? { ...goodConfig(), hooks: {}, mounts: [] } : goodConfig();
      const text = cut(textOf(apply(document, changes)), how);
      const config = attempt(["CONFIG_INVALID"], () => parseConfig(text, "/b/config.json"));
      if (config === undefined) return;
      const plan = attempt(["CONFIG_INVALID", "NOT_SUPPORTED", "HOST_UNABLE"], () => buildPlan(config, FACTS));
      if (plan === undefined) return;
      accepted += 1;
      checkPlan(plan);
    }),
    { numRuns: RUNS },
  );
  tally(t, accepted);
});

t.test("any text at all as config.json", async (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), fc.json({ maxDepth: 5 })), (text) => {
      assert.equal(
        attempt(["CONFIG_INVALID"], () => parseConfig(text, "/b/config.json")),
        undefined,
      );
    }),
    { numRuns: RUNS },
  );
  t.pass(`${RUNS} texts`);
});

t.test("a process file: an error that names itself, or a plan with all values in range", async (t) => {
  const container = goodConfig();
  const rest = container.process;
  let accepted = 0;
  fc.assert(
    fc.property(changesOf(rest), cuts, (changes, how) => {
      const text = cut(textOf(apply(structuredClone(rest), changes)), how);
      const parsed = attempt(["CONFIG_INVALID"], () => parseProcess(text, "/b/process.json", container));
      if (parsed === undefined) return;
      const facts = { id: "box", rootfs: "/r", noNewKeyring: false, preserveFds: 0, relaysConsole: false, selinux: true };
      const plan = attempt(["CONFIG_INVALID", "NOT_SUPPORTED", "HOST_UNABLE"], () => buildExecPlan(container, parsed, facts));
      if (plan === undefined) return;
      accepted += 1;
      checkPlan(plan);
    }),
    { numRuns: RUNS },
  );
  tally(t, accepted);
});

t.test("a resources file: an error that names itself, or values for files of its cgroup alone", async (t) => {
  const sample = { ...goodConfig().linux?.resources };
  let accepted = 0;
  fc.assert(
    fc.property(changesOf(sample), cuts, fc.boolean(), (changes, how, update) => {
      const text = cut(textOf(apply(structuredClone(sample), changes)), how);
      const resources = attempt(["CONFIG_INVALID"], () => parseResources(text, "/b/resources.json"));
      if (resources === undefined) return;
      const writes = attempt(["CONFIG_INVALID", "HOST_UNABLE"], () =>
        resourceWrites(resources, { read: () => undefined }, update),
      );
      if (writes === undefined) return;
      accepted += 1;
      for (const { controller, file, otherFile = "x", value } of writes) {
        assert.match(controller, /^[a-z_]+$/);
        for (const name of [file, otherFile]) {
          assert.ok(name !== "" && name !== "." && name !== ".." && !name.includes("/") && !name.includes("\0"), `file ${name}`);
        }
        assert.ok(typeof value === "string" && !value.includes("\0"), `${file}: ${value}`);
        assert.ok(!value.includes("NaN") && !value.includes("undefined"), `${file}: ${value}`);
      }
    }),
    { numRuns: RUNS },
  );
  tally(t, accepted);
});

const PROGRAM = fileURLToPath(new URL("../../../../dist/bin/runt", import.meta.url));

t.test("the program, whose JavaScript engine is another one, finds the same problems at the same places", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "runt-check-"));
  let wrong = 0;
  const runs = Math.ceil(RUNS / 15);
  try {
    mkdirSync(join(folder, "rootfs"));
    fc.assert(
      fc.property(changesOf(goodConfig()), cuts, (changes, how) => {
        const text = Buffer.from(cut(textOf(apply(goodConfig(), changes)), how)).toString();
        writeFileSync(join(folder, "config.json"), text);
        const done = spawnSync(PROGRAM, ["check", "--bundle", folder, "--format", "json"], { encoding: "utf8", timeout: 20_000 });
        assert.equal(done.stderr, "");
        const found = JSON.parse(done.stdout) as ({ kind: string } & Problem)[];
        const ofConfig = found.filter(({ kind }) => kind === "config").map(({ kind: _, ...problem }) => problem);
        const wanted = JSON.parse(JSON.stringify(checkConfig(text))) as readonly Problem[];
        assert.deepEqual(ofConfig.slice(0, wanted.length), wanted);
        // The library does not look for faults that only libseccomp can find.
        for (const { pointer } of ofConfig.slice(wanted.length)) assert.match(pointer, /^\/linux\/seccomp/);
        assert.equal(done.status, found.some(({ kind }) => kind !== "warning") ? 1 : 0);
        if (ofConfig.length > 0) wrong += 1;
      }),
      { numRuns: runs },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
  t.ok(wrong > runs / 3 && wrong < runs, `${wrong} of ${runs} documents were wrong`);
});
