// SPDX-License-Identifier: Apache-2.0
/**
 * Compares runt, crun, runc and the floor (`floor.c`) in one run, round by round in turn.
 *
 *   node bench.js [whole] [--rounds N] [--runtimes runt,crun,runc,floor] [--also NAME=PATH,...] [--pause MILLISECONDS]
 *
 * `whole` measures all there is and writes RESULTS.md and its picture beside this file; else it is the spec's bundle alone.
 * `--also` has further runtimes, such as newer ones in a prefix of their own.
 *
 * To be started by `scripts/bench.mjs`, in a mount namespace without the cgroup v2 mount of a hybrid host.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { cgroupMounts } from "../harness/host.ts";
import {
  alive,
  among,
  cgroups,
  cold,
  crowd,
  firstProfile,
  growth,
  library,
  lives,
  OTHER_BUNDLES,
  type Plan,
  queries,
  smallest,
} from "./groups.ts";
import { samplesOf, table, type Samples } from "./report.ts";
import { writeResults } from "./results.ts";
import { findAll, option } from "./subjects.ts";
import { Timing } from "./timing.ts";

/** Names of cgroups that a run has left behind. */
function leftCgroups(): string[] {
  const found = new Set<string>();
  for (const mount of new Set(cgroupMounts().values())) {
    for (const name of readdirSync(mount)) if (/^(bench|floor)-/.test(name)) found.add(join(mount, name));
  }
  return [...found];
}

async function measure(timing: Timing, plan: Plan, whole: boolean, samples: Samples): Promise<void> {
  const group = async (name: string, action: () => void | Promise<void>): Promise<void> => {
    console.error(`bench: ${name}`);
    await action();
  };
  await group("the spec's bundle", () => lives(timing, plan, "spec", samples));
  await group("cgroups", () => cgroups(timing, plan, samples));
  await group("exec, state, kill", () => queries(timing, plan, samples));
  if (!whole) return;
  for (const name of OTHER_BUNDLES) await group(`the bundle ${name}`, () => lives(timing, plan, name, samples));
  await group("cold caches", () => cold(timing, plan, samples));
  await group("a profile seen for the first time", () => firstProfile(timing, plan, samples));
  await group("ten at a time", () => alive(timing, plan, samples));
  await group("many at once", async () => {
    await crowd(timing, plan, samples, 100, 20, Math.max(1, Math.ceil(plan.rounds / 10)));
    await crowd(timing, plan, samples, 1000, 50, 1);
  });
  await group("the library", () => library(timing, plan, samples));
  await group("among many", () => among(timing, plan, samples, [10, 100, 1000]));
  await group("the smallest memory limit", () => smallest(timing, plan, samples));
  await group("growth", () => growth(timing, plan, samples));
}

async function main(): Promise<void> {
  const whole = process.argv[2] === "whole";
  const also = option("also", "")
    .split(",")
    .filter((each) => each !== "");
  const plan: Plan = {
    subjects: findAll([...option("runtimes", "runt,crun,runc,floor").split(","), ...also]),
    rounds: Number(option("rounds", "50")),
    pause: Number(option("pause", "0")),
  };
  const samples = samplesOf();
  const folder = mkdtempSync("/dev/shm/runt-bench-");
  const timing = new Timing(folder);
  try {
    await measure(timing, plan, whole, samples);
  } finally {
    timing.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const { rounds, pause, subjects } = plan;
  const heading = `Linux ${release()}, ${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${rounds} rounds, pause ${pause} ms`;
  console.log(`${heading}; times in ms`);
  for (const subject of subjects) console.log(`${subject.name.padEnd(6)} ${subject.version}`);
  console.log(
    table(
      samples,
      subjects.map((each) => each.name),
    ),
  );
  if (whole) writeResults(samples, subjects, heading);
  const left = leftCgroups();
  if (left.length > 0) throw new Error(`cgroups are left: ${left.join(" ")}`);
}

await main();
