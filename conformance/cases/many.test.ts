// SPDX-License-Identifier: Apache-2.0
/** Very many of something in a config.json: the time that it takes grows as the number does, and errors stay short. */
import type { Test } from "tap";
import { spawnSync } from "node:child_process";
import { scenario, type Box, type Edit } from "../harness/box.ts";
import { RUNTIME, runtOnly, type Result } from "../harness/runtime.ts";

const skip = runtOnly("takes what it takes");
const MANY = 5000;

function timed(call: () => Result): { readonly done: Result; readonly ms: number } {
  const began = performance.now();
  const done = call();
  return { done, ms: performance.now() - began };
}

function times<Value>(count: number, make: (index: number) => Value): Value[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** What may be listed many times over. */
const LISTS: readonly (readonly [string, (count: number) => Edit])[] = [
  [
    "linux.devices",
    (count) => (config) => {
      config.linux.devices = times(count, (i) => ({ type: "c", path: `/dev/x${i}`, major: 1, minor: 3 }));
    },
  ],
  [
    "linux.resources.devices, allowed and then denied",
    (count) => (config) => {
      const half = Math.floor(count / 2);
      const rule = (allow: boolean) => (i: number) => ({ allow, type: "c", major: 1000 + i, minor: i, access: "rwm" });
      config.linux.resources = {
        devices: [{ allow: false, access: "rwm" }, ...times(half, rule(true)), ...times(half, rule(false))],
      };
    },
  ],
  [
    "linux.resources.devices, all minor numbers denied",
    (count) => (config) => {
      const half = Math.floor(count / 2);
      config.linux.resources = {
        devices: [
          { allow: false, access: "rwm" },
          ...times(half, (i) => ({ allow: true, type: "c", major: i, minor: 7, access: "rwm" })),
          ...times(half, (i) => ({ allow: false, type: "c", major: i, access: "rwm" })),
        ],
      };
    },
  ],
  ["process.env", (count) => (config) => void (config.process.env = times(count, (i) => `NAME${i}=1`))],
  [
    "annotations",
    (count) => (config) => {
      config.annotations = Object.fromEntries(times(count, (i) => [`org.example.name${i}`, "1"]));
    },
  ],
  [
    "process.user.additionalGids",
    (count) => (config) => {
      config.process.user = { uid: 0, gid: 0, additionalGids: times(count, (i) => i) };
    },
  ],
  ["linux.maskedPaths", (count) => (config) => void (config.linux.maskedPaths = times(count, (i) => `/proc/none${i}`))],
  [
    "linux.seccomp",
    (count) => (config) => {
      const rule = (i: number) => ({ names: [`call${i}`], action: "SCMP_ACT_ERRNO" });
      config.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: times(count, rule) };
    },
  ],
];

/** The shortest of three runs; milliseconds. */
function shortest(t: Test, box: Box, edit: Edit): number {
  const bundle = box.bundle((config) => {
    config.process.args = ["true"];
    edit(config);
  });
  let best = Infinity;
  for (let round = 0; round < 3; round += 1) {
    const { done, ms } = timed(() => box.call(["run", "--bundle", bundle.dir, box.id()]));
    t.equal(done.status, 0, done.output.slice(0, 500));
    best = Math.min(best, ms);
  }
  return best;
}

for (const [name, make] of LISTS) {
  scenario(
    `${name}: ${MANY} entries`,
    (t, box) => {
      const base = shortest(t, box, () => undefined);
      const few = shortest(t, box, make(MANY / 5)) - base;
      const many = shortest(t, box, make(MANY)) - base;
      // Five times as many take five times as long; where it is quadratic it is 25 times. What is short is not measured well.
      t.ok(many < 300 || many < 12 * few, `${many.toFixed(0)} ms for ${MANY}, ${few.toFixed(0)} ms for a fifth`);
      t.comment(`${name}: ${many.toFixed(0)} ms for ${MANY}`);
    },
    { skip, timeout: 180_000 },
  );
}

scenario(
  "16000 problems: 20 of them and the number of the rest, also in a log, at once; check --format json has all",
  (t, box) => {
    const bundle = box.bundle((config) => {
      config.process.user = { uid: 0, gid: 0, additionalGids: times(16_000, () => -1) };
    });
    const { done, ms } = timed(() => box.call(["create", "--bundle", bundle.dir, box.id()]));
    t.equal(done.status, 1);
    t.ok(done.stderr.length < 8192, `${done.stderr.length} bytes`);
    t.match(done.stderr, /16000 problems:.*additionalGids\/19: .*and 15980 more/);
    t.notMatch(done.stderr, /additionalGids\/20/);
    t.ok(ms < 5000, `${ms.toFixed(0)} ms`);
    const log = box.call(["--log-format", "json", "create", "--bundle", bundle.dir, box.id()]).stderr;
    const entry = JSON.parse(log) as { problems: unknown[]; moreProblems: number };
    t.equal(entry.problems.length, 20);
    t.equal(entry.moreProblems, 15_980);
    const checked = box.call(["check", "--bundle", bundle.dir, "--format", "json"]);
    t.equal((JSON.parse(checked.stdout) as unknown[]).length, 16_000);
  },
  { skip },
);

scenario(
  "a name without end in a problem does not make the error as long",
  (t, box) => {
    const bundle = box.bundle();
    bundle.write(JSON.stringify({ ociVersion: "1.0.2", linux: { resources: { unified: { ["x".repeat(500_000)]: 1 } } } }));
    const done = box.call(["create", "--bundle", bundle.dir, box.id()]);
    t.equal(done.status, 1);
    t.ok(done.stderr.length < 4096, `${done.stderr.length} bytes`);
  },
  { skip },
);

scenario(
  "a config.json that is nested without end, with every size of stack",
  (t, box) => {
    const bundle = box.bundle();
    bundle.write("[".repeat(100_000));
    for (const size of ["unlimited", "8192", "4096", "1024", "256"]) {
      // The runtime ends by itself, and no signal ends it.
      const script = `ulimit -s ${size} && exec "$@"`;
      const args = ["-c", script, "sh", RUNTIME, "--root", box.root, "create", "--bundle", bundle.dir, box.id()];
      const done = spawnSync("sh", args, { encoding: "utf8" });
      t.equal(done.status, 1, `ulimit -s ${size}: ${done.signal ?? ""}`);
      t.match(done.stderr, size === "256" ? /level=error/ : /more than 200 levels/);
    }
    const good = box.bundle((config) => void (config.process.args = ["true"]));
    const args = ["-c", `ulimit -s 256 && exec "$@"`, "sh", RUNTIME, "--root", box.root, "run", "--bundle", good.dir, box.id()];
    t.equal(spawnSync("sh", args, { encoding: "utf8" }).status, 0, "and a good one runs with a small stack");
  },
  { skip },
);
