// SPDX-License-Identifier: Apache-2.0
/**
 * Compares runt, crun and runc beneath docker and containerd, round by round in turn, and writes ENGINES.md beside this file.
 * Most of these times is the engine's.
 *
 *   node engines.js [--rounds N]
 *
 * To be started by `scripts/bench.mjs`. All engines run in one playground without the cgroup v2 mount of a hybrid host,
 * which crun refuses.
 */
import { spawnSync } from "node:child_process";
import { cpus, loadavg, release } from "node:os";
import { Ctr } from "../engines/ctr.ts";
import { CLIENT, Docker, NAME } from "../engines/docker.ts";
import { Playground } from "../engines/playground.ts";
import { helper } from "../harness/helpers.ts";
import { RUNTIME } from "../harness/runtime.ts";
import { samplesOf, shuffled, table } from "./report.ts";
import { writeEngineResults } from "./results.ts";

const CASES = ["docker run --rm", "docker exec", "ctr run --rm"] as const;

/** First rounds, not counted: they fill caches. */
const WARM_UP = 2;

interface Subject {
  readonly name: string;
  readonly path: string;
  /** What docker calls it. */
  readonly alias: string;
}

function findSubjects(): Subject[] {
  const subjects: Subject[] = [{ name: "runt", path: RUNTIME, alias: NAME }];
  for (const name of ["crun", "runc"]) {
    const path = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();
    if (path === "") console.log(`${name}: not installed, left out`);
    else subjects.push({ name, path, alias: `${name}-compared` });
  }
  return subjects;
}

function main(): void {
  const at = process.argv.indexOf("--rounds");
  const rounds = at === -1 ? 20 : Number(process.argv[at + 1]);
  const subjects = findSubjects();
  const measure = helper("helpers/measure.c");
  const samples = samplesOf();
  const playground = new Playground({ unified: false });
  try {
    const others = subjects.filter(({ name }) => name !== "runt");
    const docker = new Docker(
      playground,
      others.flatMap(({ alias, path }) => ["--add-runtime", `${alias}=${path}`]),
    );
    const ctr = new Ctr(playground, { daemon: false });
    for (const { name, alias } of subjects) docker.background(`long-${name}`, "--runtime", alias, "box", "sleep", "100000");
    const time = (words: readonly string[]): number => {
      const done = docker.run([measure, ...words]);
      const [nanoseconds = Number.NaN, status = -1] = done.stdout.split(" ").map(Number);
      if (status !== 0)
        throw new Error(`${words.join(" ")}: status ${status}: ${done.output}; once more: ${docker.run(words).output}`);
      return nanoseconds / 1e6;
    };
    const commands: Readonly<Record<(typeof CASES)[number], (subject: Subject, id: string) => readonly string[]>> = {
      "docker run --rm": ({ alias }) => [CLIENT, "run", "--rm", "--runtime", alias, "box", "true"],
      "docker exec": ({ name }) => [CLIENT, "exec", `long-${name}`, "true"],
      "ctr run --rm": ({ path }, id) => ctr.runCommand(["--rm", "--runc-binary", path], id, "true"),
    };
    for (let round = -WARM_UP; round < rounds; round += 1) {
      for (const name of CASES) {
        for (const subject of shuffled(subjects)) {
          const taken = time(commands[name](subject, `b${round + WARM_UP}-${subject.name}`));
          if (round >= 0) samples.add(name, subject.name, taken);
        }
      }
    }
  } finally {
    const left = playground.close();
    if (left.length > 0) console.error(`bench: left behind: ${left.join(" ")}`);
  }
  const load = loadavg()
    .map((each) => each.toFixed(1))
    .join(" ");
  const heading = `Linux ${release()}, ${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${rounds} rounds`;
  const names = subjects.map(({ name }) => name);
  console.log(`${heading}, load ${load}; times in ms`);
  console.log(table(samples, names));
  writeEngineResults(samples, names, heading);
}

main();
