// SPDX-License-Identifier: Apache-2.0
/** Groups of measurements. Each adds to the samples, in milliseconds unless its name says KiB or MiB. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { ENVIRONMENT, PROJECT } from "../harness/runtime.ts";
import { sleep } from "../harness/host.ts";
import type { Config } from "../harness/config.ts";
import { BUNDLES, type BundleName } from "./bundles.ts";
import { shuffled, type Samples } from "./report.ts";
import type { Subject } from "./subjects.ts";
import type { Taken, Timing } from "./timing.ts";

/** First rounds, not counted: they fill caches. */
const WARM_UP = 3;

export interface Plan {
  readonly subjects: readonly Subject[];
  readonly rounds: number;
  /** Milliseconds to wait before each container, so that every one pays for what the kernel does after a quiet time. */
  readonly pause: number;
}

const real = (subjects: readonly Subject[]): Subject[] => subjects.filter((each) => each.name !== "floor");

/** Calls `one` for every subject in every round, in an order that changes. */
function inTurn(plan: Plan, subjects: readonly Subject[], one: (subject: Subject, counts: boolean) => void): void {
  for (let round = -WARM_UP; round < plan.rounds; round += 1) {
    for (const subject of shuffled(subjects)) {
      if (plan.pause > 0) sleep(plan.pause);
      one(subject, round >= 0);
    }
  }
}

/** `run`, and `create`, `start` and `delete`, of one bundle. */
export function lives(timing: Timing, plan: Plan, bundle: BundleName, samples: Samples): void {
  const folder = timing.bundle(bundle);
  const suffix = bundle === "spec" ? "" : `, ${bundle}`;
  const compared = bundle === "spec" ? plan.subjects : real(plan.subjects);
  inTurn(plan, compared, (subject, counts) => {
    const taken = timing.run(subject, folder);
    if (!counts) return;
    samples.add(`run${suffix}`, subject.name, taken.milliseconds);
    if (subject.name !== "floor") samples.add(`peak of run${suffix} (KiB)`, subject.name, taken.kibibytes);
  });
  inTurn(plan, compared, (subject, counts) => {
    const life = timing.life(subject, folder);
    if (!counts) return;
    if (bundle === "spec") for (const [name, time] of Object.entries(life)) samples.add(name, subject.name, time);
    samples.add(`create+start+delete${suffix}`, subject.name, life.create + life.start + life.delete);
  });
}

/**
 * What the container's cgroups cost: `run` with them and, right after or before it, without. The difference is what it takes
 * to make, limit, join and remove them, as far as nothing else goes on meanwhile.
 */
export function cgroups(timing: Timing, plan: Plan, samples: Samples): void {
  const limited = timing.bundle("spec");
  // The warning that device rules are ignored would be a part of it.
  const free = timing.bundle("spec", ["/bin/true"], (config) => void (config.linux.resources = {}));
  const subjects = plan.subjects.filter(({ name }) => name === "runt" || name === "floor");
  inTurn(plan, subjects, (subject, counts) => {
    const withFirst = Math.random() < 0.5;
    const first = withFirst ? timing.run(subject, limited) : timing.runWithoutCgroups(subject, free);
    if (plan.pause > 0) sleep(plan.pause);
    const second = withFirst ? timing.runWithoutCgroups(subject, free) : timing.run(subject, limited);
    const difference = withFirst ? first.milliseconds - second.milliseconds : second.milliseconds - first.milliseconds;
    if (counts) samples.add("cgroups (run with - without)", subject.name, difference);
  });
}

/** What is asked of one running container: `exec` by name and by a process file, `state`, `kill`. */
export function queries(timing: Timing, plan: Plan, samples: Samples): void {
  const file = timing.processFile();
  const ids = new Map(plan.subjects.map((subject) => [subject, timing.running(subject)]));
  const cases: Readonly<Record<string, (id: string) => string[]>> = {
    exec: (id) => ["exec", id, "/bin/true"],
    "exec --process": (id) => ["exec", "--process", file, id],
    state: (id) => ["state", id],
    // WINCH does nothing to a process that does not handle it.
    kill: (id) => ["kill", id, "WINCH"],
  };
  // Of a command that only reads or signals nothing is left but the start of a program.
  const onFloor = (name: string, id: string): Taken =>
    name.startsWith("exec") ? timing.floorExec(id) : timing.take(["/bin/true"]);
  try {
    for (const [name, words] of Object.entries(cases)) {
      inTurn(plan, plan.subjects, (subject, counts) => {
        const id = ids.get(subject) ?? "";
        const { milliseconds } = subject.name === "floor" ? onFloor(name, id) : timing.call(subject, ...words(id));
        if (counts) samples.add(name, subject.name, milliseconds);
      });
    }
  } finally {
    for (const [subject, id] of ids) timing.remove(subject, id);
  }
}

/** `run` with the page cache dropped before it. */
export function cold(timing: Timing, plan: Plan, samples: Samples): void {
  const folder = timing.bundle("spec");
  inTurn({ ...plan, rounds: Math.min(plan.rounds, 10) }, real(plan.subjects), (subject, counts) => {
    writeFileSync("/proc/sys/vm/drop_caches", "3");
    const { milliseconds } = timing.run(subject, folder);
    if (counts) samples.add("run, cold", subject.name, milliseconds);
  });
}

/** One command without waiting for it. */
async function begin(timing: Timing, subject: Subject, ...words: readonly string[]): Promise<void> {
  const child = spawn(subject.path, [...timing.root(subject), ...words], { stdio: "ignore", env: ENVIRONMENT });
  const status = await new Promise((settle) => child.on("close", settle));
  if (status !== 0) throw new Error(`${subject.name} ${words.join(" ")}: status ${String(status)}`);
}

/** The whole life of `count` containers, `width` at once, `rounds` times; the time of all. */
export async function crowd(
  timing: Timing,
  plan: Plan,
  samples: Samples,
  count: number,
  width: number,
  rounds: number,
): Promise<void> {
  const folder = timing.bundle("spec", ["/bin/sleep", "1000"]);
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of shuffled(real(plan.subjects))) {
      const ids = Array.from({ length: count }, () => timing.id());
      const started = performance.now();
      const one = async (): Promise<void> => {
        for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
          await begin(timing, subject, "create", "--bundle", folder, id);
          await begin(timing, subject, "start", id);
          await begin(timing, subject, "delete", "--force", id);
        }
      };
      await Promise.all(Array.from({ length: width }, one));
      samples.add(`${count} lives, ${width} at once`, subject.name, performance.now() - started);
    }
  }
}

/** `list`, `state` and `run` with many stopped containers in the same root. */
export function among(timing: Timing, plan: Plan, samples: Samples, counts: readonly number[]): void {
  const folder = timing.bundle("spec");
  const ids = new Map<Subject, string[]>(real(plan.subjects).map((subject) => [subject, []]));
  try {
    for (const count of counts) {
      for (const [subject, list] of ids) {
        for (; list.length < count;) {
          const id = timing.id();
          timing.call(subject, "create", "--bundle", folder, id);
          timing.call(subject, "start", id);
          list.push(id);
        }
      }
      inTurn({ ...plan, rounds: Math.min(plan.rounds, 10) }, [...ids.keys()], (subject, isCounted) => {
        const times = {
          list: timing.call(subject, "list").milliseconds,
          "list -q": timing.call(subject, "list", "-q").milliseconds,
          state: timing.call(subject, "state", ids.get(subject)?.[0] ?? "").milliseconds,
          run: timing.run(subject, folder).milliseconds,
        };
        if (!isCounted) return;
        for (const [name, time] of Object.entries(times)) samples.add(`${name} among ${count}`, subject.name, time);
      });
    }
  } finally {
    for (const [subject, list] of ids) for (const id of list) timing.remove(subject, id);
  }
}

/** How `run` of runt alone grows: with ten thousand stopped containers in the same root, and with ever more of one thing in config.json. */
export function growth(timing: Timing, plan: Plan, samples: Samples): void {
  const [subject] = plan.subjects;
  if (subject?.name !== "runt") return;
  const few = { ...plan, rounds: Math.min(plan.rounds, 10) };
  for (const [name, fill] of Object.entries(FILLINGS)) {
    const folders = [500, 5000].map(
      (count) => [count, timing.bundle("spec", ["/bin/true"], (config) => fill(config, count))] as const,
    );
    for (const [count, folder] of folders) {
      inTurn(few, [subject], (_, counts) => {
        const { milliseconds } = timing.run(subject, folder);
        if (counts) samples.add(`run, ${count} ${name}`, subject.name, milliseconds);
      });
    }
  }
  const bundle = timing.bundle("spec");
  const ids: string[] = [];
  try {
    for (const count of [10, 10_000]) {
      for (; ids.length < count;) {
        const id = timing.id();
        timing.call(subject, "create", "--bundle", bundle, id);
        timing.call(subject, "start", id);
        ids.push(id);
      }
      // The others' roots are empty: what grows with them is the kernel's work for the cgroups of ten thousand containers.
      inTurn(plan, plan.subjects, (each, counts) => {
        const { milliseconds } = timing.run(each, bundle);
        if (counts) samples.add(`run, runt's own ${count} there`, each.name, milliseconds);
      });
    }
  } finally {
    for (const id of ids) timing.remove(subject, id);
  }
}

/** What config.json is filled with. */
const FILLINGS: Readonly<Record<string, (config: Config, count: number) => void>> = {
  "environment entries": ({ process: init }, count) => {
    init.env = Array.from({ length: count }, (_, index) => `NAME_${index}=value`);
  },
  "masked paths": ({ linux }, count) => {
    linux.maskedPaths = Array.from({ length: count }, (_, index) => `/nothing/${index}`);
  },
  "device rules": ({ linux }, count) => {
    const devices = Array.from({ length: count }, (_, index) => ({
      allow: true,
      type: "c",
      major: 200 + (index >> 8),
      minor: index & 255,
      access: "rwm",
    }));
    linux.resources = { ...linux.resources, devices: [{ allow: false, access: "rwm" }, ...devices] };
  },
  mounts: ({ mounts }, count) => {
    for (let index = 0; index < count; index += 1) {
      mounts.push({ destination: `/dev/mounts/${index}`, type: "bind", source: "/tmp", options: ["bind"] });
    }
  },
};

/** `run` of Docker's bundle with a seccomp profile that has never been there. */
export function firstProfile(timing: Timing, plan: Plan, samples: Samples): void {
  let value = 0;
  inTurn({ ...plan, rounds: Math.min(plan.rounds, 20) }, real(plan.subjects), (subject, counts) => {
    const folder = timing.bundle("docker", ["/bin/true"], ({ linux }) => {
      const rule = {
        names: ["personality"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: (value += 1) + 1e6, op: "SCMP_CMP_EQ" }],
      };
      linux.seccomp?.syscalls?.push(rule);
    });
    const { milliseconds } = timing.run(subject, folder);
    if (counts) samples.add("run, docker, profile seen for the first time", subject.name, milliseconds);
  });
}

/** Ten `run`s in the foreground at a time: what memory each has for its share (PSS). */
export async function alive(timing: Timing, plan: Plan, samples: Samples): Promise<void> {
  const folder = timing.bundle("spec", ["/bin/sleep", "1000"]);
  for (const subject of real(plan.subjects)) {
    const ids = Array.from({ length: 10 }, () => timing.id());
    const children = ids.map((id) =>
      spawn(subject.path, [...timing.root(subject), "run", "--bundle", folder, id], { stdio: "ignore", env: ENVIRONMENT }),
    );
    try {
      await new Promise((settle) => setTimeout(settle, 3000));
      for (const { pid } of children) {
        const share = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid ?? 0}/smaps_rollup`, "utf8"))?.[1];
        samples.add("PSS of each of ten runs (KiB)", subject.name, Number(share));
      }
    } finally {
      for (const id of ids) timing.call(subject, "kill", id, "KILL");
      await Promise.all(children.map((child) => new Promise((settle) => child.on("close", settle))));
    }
  }
}

/** The smallest memory limit, to 64 KiB, with which /bin/true ends well. */
export function smallest(timing: Timing, plan: Plan, samples: Samples): void {
  const step = 64 << 10;
  for (const subject of real(plan.subjects)) {
    const starts = (steps: number): boolean => {
      const folder = timing.bundle(
        "spec",
        ["/bin/true"],
        (config) => void (config.linux.resources = { ...config.linux.resources, memory: { limit: steps * step } }),
      );
      try {
        timing.run(subject, folder);
        return true;
      } catch {
        return false;
      }
    };
    let low = 0;
    let high = 512;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts(middle)) high = middle;
      else low = middle;
    }
    samples.add("smallest memory limit (KiB)", subject.name, (high * step) / 1024);
  }
}

/** The library in this process: a whole life of the spec's bundle. */
export async function library(timing: Timing, plan: Plan, samples: Samples): Promise<void> {
  // oxlint-disable-next-line typescript/consistent-type-imports -- the type of a module that exists after the build alone
  const { Container } = (await import(`${PROJECT}/dist/lib/index.js`)) as typeof import("../../lib/index.ts");
  const bundle = timing.bundle("spec");
  const root = timing.root({ name: "library", path: "", version: "" })[1] ?? "";
  for (let round = -WARM_UP; round < plan.rounds; round += 1) {
    const started = performance.now();
    const container = await Container.create({ root, bundle, id: timing.id() });
    await container.start();
    await container.wait();
    await container.delete();
    if (round >= 0) samples.add("create+start+delete, library", "runt", performance.now() - started);
  }
}

/** All bundles but the spec's. */
export const OTHER_BUNDLES = Object.keys(BUNDLES).filter((name) => name !== "spec") as BundleName[];
