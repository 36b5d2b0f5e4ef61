/**
 * Compares runt, crun, runc and the floor (`floor.c`) in one run, round by round in turn.
 *
 *   node bench.js [--rounds N] [--runtimes runt,crun,runc,floor] [--pause MILLISECONDS]
 *
 * `--pause` waits before each container, so that every one pays for what the kernel does after a quiet time.
 *
 * To be started by `scripts/bench.mjs`, in a mount namespace without the cgroup v2 mount of a hybrid host.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import type { Config } from "../harness/config.ts";
import { cgroupMounts, sleep } from "../harness/host.ts";
import { helper } from "../harness/helpers.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { ENVIRONMENT, PROJECT } from "../harness/runtime.ts";
import { samplesOf, shuffled, table, type Samples } from "./report.ts";

const CASES = ["run", "create", "start", "delete", "create+start+delete", "exec", "exec --process", "state", "kill"] as const;
type Case = (typeof CASES)[number];

/** First rounds, not counted: they fill caches. */
const WARM_UP = 3;

interface Subject {
  readonly name: string;
  readonly path: string;
  readonly version: string;
}

function option(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? fallback : (process.argv[at + 1] ?? fallback);
}

function find(name: string): Subject | undefined {
  const path =
    name === "runt"
      ? join(PROJECT, "dist/bin/runt")
      : spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();
  if (path === "") return undefined;
  const asked = spawnSync(path, ["--version"], { encoding: "utf8" });
  if (asked.status !== 0) return undefined;
  return { name, path, version: asked.stdout.split("\n")[0] ?? "" };
}

function settle(milliseconds: number): void {
  if (milliseconds > 0) sleep(milliseconds);
}

class Bench {
  readonly #measure = helper("helpers/measure.c");
  readonly #floor = helper("bench/floor.c");
  readonly #folder: string;
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
    makeRootfs(join(folder, "true/rootfs"));
    this.#config("true", ["/bin/true"]);
    mkdirSync(join(folder, "sleep"));
    this.#config("sleep", ["/bin/sleep", "1000"]);
  }

  /** The config of `runc spec`, or of runt's where runc is missing. */
  #config(name: string, args: string[]): void {
    const folder = join(this.#folder, name);
    const writer = find("runc") ?? find("runt");
    if (writer === undefined) throw new Error("neither runc nor runt is there to write a config");
    spawnSync(writer.path, ["spec", "--bundle", folder], { stdio: "inherit" });
    const path = join(folder, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8")) as Config;
    config.process.terminal = false;
    config.process.args = args;
    config.root.path = join(this.#folder, "true/rootfs");
    writeFileSync(path, JSON.stringify(config));
  }

  /** Milliseconds of one call; throws if it fails. */
  #time(words: readonly string[]): number {
    const done = spawnSync(this.#measure, words, { encoding: "utf8", env: ENVIRONMENT });
    const [nanoseconds = 0, status = -1] = done.stdout.split(" ").map(Number);
    if (status !== 0) {
      const again = spawnSync(words[0] ?? "", words.slice(1), { encoding: "utf8", env: ENVIRONMENT });
      throw new Error(`${words.join(" ")}: status ${status}; once more: ${again.stderr}`);
    }
    return nanoseconds / 1e6;
  }

  /** `run` of /bin/true. */
  run(subject: Subject): number {
    const bundle = join(this.#folder, "true");
    if (subject.name === "floor") return this.#time([this.#floor, bundle]);
    return this.#time([subject.path, ...this.#root(subject), "run", "--bundle", bundle, this.#id()]);
  }

  #root(subject: Subject): string[] {
    return ["--root", join(this.#folder, `state-${subject.name}`)];
  }

  #id(): string {
    this.#count += 1;
    return `bench-${process.pid}-${this.#count}`;
  }

  /** `create`, `start` and `delete` of a container with /bin/true. */
  lifecycle(subject: Subject): Map<Case, number> {
    const times = new Map<Case, number>();
    if (subject.name === "floor") return times;
    const bundle = join(this.#folder, "true");
    const id = this.#id();
    const root = this.#root(subject);
    const call = (...words: string[]): number => this.#time([subject.path, ...root, ...words]);
    const create = call("create", "--bundle", bundle, id);
    const start = call("start", id);
    this.#untilStopped(subject, root, id);
    const remove = call("delete", id);
    times.set("create", create);
    times.set("start", start);
    times.set("delete", remove);
    times.set("create+start+delete", create + start + remove);
    return times;
  }

  /** /bin/true ends within a millisecond or two; `delete` would fail before that. */
  #untilStopped(subject: Subject, root: string[], id: string): void {
    for (let tries = 0; tries < 100; tries += 1) {
      const asked = spawnSync(subject.path, [...root, "state", id], { encoding: "utf8", env: ENVIRONMENT });
      if (asked.stdout.includes("stopped")) return;
    }
    throw new Error(`${subject.name}: ${id} does not stop`);
  }

  /** `exec` of /bin/true by name and by a process file, `state` and `kill`, of one running container, `rounds` times for each subject in turn. */
  queries(subjects: readonly Subject[], rounds: number, pause: number, samples: Samples): void {
    const real = subjects.filter((each) => each.name !== "floor");
    const id = `bench-${process.pid}-queries`;
    for (const subject of real) {
      const own = `${id}-${subject.name}`;
      this.#time([subject.path, ...this.#root(subject), "run", "-d", "--bundle", join(this.#folder, "sleep"), own]);
    }
    const { process: init } = JSON.parse(readFileSync(join(this.#folder, "sleep/config.json"), "utf8")) as Config;
    const file = join(this.#folder, "process.json");
    writeFileSync(file, JSON.stringify({ ...init, args: ["/bin/true"] }));
    try {
      for (let round = -WARM_UP; round < rounds; round += 1) {
        for (const subject of shuffled(real)) {
          settle(pause);
          const own = `${id}-${subject.name}`;
          const words = [subject.path, ...this.#root(subject), "exec"];
          const times = [
            ["exec", this.#time([...words, own, "/bin/true"])],
            ["exec --process", this.#time([...words, "--process", file, own])],
          ] as const;
          if (round >= 0) for (const [name, time] of times) samples.add(name, subject.name, time);
        }
        for (const subject of shuffled(real)) {
          const words = [subject.path, ...this.#root(subject)];
          const own = `${id}-${subject.name}`;
          // WINCH does nothing to a process that does not handle it.
          const times = [
            ["state", this.#time([...words, "state", own])],
            ["kill", this.#time([...words, "kill", own, "WINCH"])],
          ] as const;
          if (round >= 0) for (const [name, time] of times) samples.add(name, subject.name, time);
        }
      }
    } finally {
      for (const subject of real) {
        spawnSync(subject.path, [...this.#root(subject), "delete", "--force", `${id}-${subject.name}`], { env: ENVIRONMENT });
      }
    }
  }
}

/** Names of cgroups that a run has left behind. */
function leftCgroups(): string[] {
  const found = new Set<string>();
  for (const mount of new Set(cgroupMounts().values())) {
    for (const name of readdirSync(mount)) if (/^(bench|floor)-/.test(name)) found.add(join(mount, name));
  }
  return [...found];
}

function main(): void {
  const rounds = Number(option("rounds", "50"));
  const pause = Number(option("pause", "0"));
  const names = option("runtimes", "runt,crun,runc,floor").split(",");
  const subjects: Subject[] = [];
  for (const name of names) {
    const subject = name === "floor" ? { name, path: "", version: "the same kernel work in C" } : find(name);
    if (subject === undefined) console.log(`${name}: not installed, left out`);
    else subjects.push(subject);
  }
  const samples = samplesOf();
  const folder = mkdtempSync("/dev/shm/runt-bench-");
  try {
    const bench = new Bench(folder);
    for (let round = -WARM_UP; round < rounds; round += 1) {
      for (const subject of shuffled(subjects)) {
        settle(pause);
        const time = bench.run(subject);
        if (round >= 0) samples.add("run", subject.name, time);
      }
      for (const subject of shuffled(subjects)) {
        settle(pause);
        const times = bench.lifecycle(subject);
        if (round >= 0) for (const [name, time] of times) samples.add(name, subject.name, time);
      }
      if (round > 0 && round % 10 === 0) console.error(`bench: ${round} of ${rounds} rounds`);
    }
    bench.queries(subjects, rounds, pause, samples);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`Linux ${release()}, ${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${rounds} rounds, pause ${pause} ms; times in ms`);
  for (const subject of subjects) console.log(`${subject.name.padEnd(6)} ${subject.version}`);
  console.log(table(samples, CASES, subjects.map((each) => each.name)));
  const left = leftCgroups();
  if (left.length > 0) throw new Error(`cgroups are left: ${left.join(" ")}`);
}

main();
