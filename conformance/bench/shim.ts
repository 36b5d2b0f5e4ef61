// SPDX-License-Identifier: Apache-2.0
/**
 * Compares runt as containerd's shim with containerd's own, which starts runt or runc, round by round in turn, and writes SHIM.md
 * beside this file.
 *
 *   node shim.js [--rounds N] [--pods N] [--docker-root FOLDER]
 *
 * To be started by `scripts/bench.mjs`. All of them run in one playground, beneath one containerd with its CRI plugin; docker in another
 * one, whose engines can be those of another release, in a root of its packages.
 */
import { existsSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { containerdConfig, Cri, type Pod } from "../engines/cri.ts";
import { CLIENT, Docker, NAME } from "../engines/docker.ts";
import { imageArchive } from "../engines/image.ts";
import { Playground } from "../engines/playground.ts";
import { installShim, SHIM_RUNTIME } from "../engines/shim.ts";
import { helper } from "../harness/helpers.ts";
import { sleep, waitFor } from "../harness/host.ts";
import { RUNTIME } from "../harness/runtime.ts";
import { quantile, samplesOf, shuffled, type Samples } from "./report.ts";
import { type Figure, writeShimResults } from "./results.ts";

/** First rounds, not counted: they fill caches. */
const WARM_UP = 2;
const IMAGE = "localhost/box:latest";
const RUNC = "/usr/sbin/runc";
const GIB = 1 << 30;
/** Clients that start containers at the same time. */
const AT_ONCE = 20;
const POD = "CRI: pod and container";
const HOST_POD = "CRI: pod of the host's network and container";
/** A pod for which containerd starts no CNI plugin: what is left is containerd's work and the shim's. */
const HOST_NETWORK = { hostname: "", linux: { security_context: { namespace_options: { network: "NODE", pid: "CONTAINER" } } } };
/** The cases of the picture. */
const CASES = ["ctr run --rm", "docker run --rm", "ctr task exec", POD];

interface Subject {
  readonly name: string;
  /** Words for `ctr run`. */
  readonly flags: readonly string[];
  /** What the processes of its shims are found by. */
  readonly pattern: string;
}

const SUBJECTS: readonly Subject[] = [
  { name: "shim", flags: ["--runtime", SHIM_RUNTIME], pattern: "^[^ ]*containerd-shim-runt-v2" },
  { name: "Go shim with runt", flags: ["--runc-binary", RUNTIME], pattern: "^[^ ]*containerd-shim-runc-v2" },
  { name: "Go shim with runc", flags: ["--runc-binary", RUNC], pattern: "^[^ ]*containerd-shim-runc-v2" },
];
const [, GO_RUNT, GO_RUNC] = SUBJECTS.map(({ name }) => name);

/** Shares of the others that are to be reached, those of the shim with runt and with runc. */
function targets(runt: number, runc: number): Figure["targets"] {
  return { [GO_RUNT ?? ""]: runt, [GO_RUNC ?? ""]: runc };
}

/** Further runtimes for CRI, by the places of the subjects. */
function criRuntimes(): string {
  const table = `plugins."io.containerd.grpc.v1.cri".containerd.runtimes`;
  const go = (name: string, binary: string): string => `[${table}.${name}]
  runtime_type = "io.containerd.runc.v2"
  [${table}.${name}.options]
    BinaryName = "${binary}"
`;
  return `[${table}.s0]\n  runtime_type = "${SHIM_RUNTIME}"\n${go("s1", RUNTIME)}${go("s2", RUNC)}`;
}

class Bench {
  readonly pg: Playground;
  readonly samples: Samples;
  readonly #measure = helper("helpers/measure.c");
  readonly #cri: Cri;
  readonly #ctr: readonly string[];

  constructor(pg: Playground, samples: Samples) {
    this.pg = pg;
    this.samples = samples;
    installShim(pg);
    this.#cri = new Cri(pg, { config: `${containerdConfig(pg)}${criRuntimes()}` });
    // The measuring program looks into no PATH.
    const own = `${pg.dir}/bin/ctr`;
    this.#ctr = [existsSync(own) ? own : "/usr/bin/ctr", "-a", `${pg.dir}/containerd.sock`];
    this.must("images", "import", imageArchive(pg, IMAGE, ["sh"]));
  }

  must(...args: string[]): string {
    const done = this.pg.run([...this.#ctr, ...args], { timeout: 120_000 });
    if (done.status !== 0) throw new Error(`ctr ${args.join(" ")}: ${done.output}`);
    return done.stdout;
  }

  #time(name: string, subject: Subject, count: boolean, args: readonly string[]): void {
    const done = this.pg.run([this.#measure, ...this.#ctr, ...args]);
    const [nanoseconds = Number.NaN, status = -1] = done.stdout.split(" ").map(Number);
    if (status !== 0) throw new Error(`${args.join(" ")}: status ${status}: ${done.output}`);
    if (count) this.samples.add(name, subject.name, nanoseconds / 1e6);
  }

  async round(round: number): Promise<void> {
    const count = round >= 0;
    for (const subject of shuffled(SUBJECTS)) {
      const id = `r${round + WARM_UP}-${SUBJECTS.indexOf(subject)}`;
      this.#time("ctr run --rm", subject, count, ["run", "--rm", ...subject.flags, IMAGE, id, "true"]);
    }
    for (const subject of shuffled(SUBJECTS)) {
      const words = ["task", "exec", "--exec-id", `e${round + WARM_UP}`, `long${SUBJECTS.indexOf(subject)}`, "true"];
      this.#time("ctr task exec", subject, count, words);
    }
    for (const [name, config] of Object.entries({ [POD]: {}, [HOST_POD]: HOST_NETWORK })) {
      for (const subject of shuffled(SUBJECTS)) {
        const began = performance.now();
        const pod = await this.#cri.runPod(config, `s${SUBJECTS.indexOf(subject)}`);
        await this.#cri.run(pod, "main", ["sleep", "100000"], config);
        if (count) this.samples.add(name, subject.name, performance.now() - began);
        await this.#cri.remove(pod);
      }
    }
  }

  /** Containers for `exec`. */
  begin(): void {
    for (const [index, { flags }] of SUBJECTS.entries()) {
      this.must("run", "-d", ...flags, IMAGE, `long${index}`, "sleep", "100000");
    }
  }

  end(): void {
    for (const index of SUBJECTS.keys()) {
      this.must("task", "rm", "-f", `long${index}`);
      this.must("container", "rm", `long${index}`);
    }
  }

  /** Pids of shims, as this process counts. */
  #shims({ pattern }: Subject): number[] {
    const script = `for p in $(pgrep -f '${pattern}'); do echo $p; done`;
    return this.pg
      .run(["sh", "-c", script])
      .stdout.split("\n")
      .filter((line) => line !== "")
      .map(Number);
  }

  #rollup(pid: number): Readonly<Record<string, number>> {
    const text = this.pg.run(["cat", `/proc/${pid}/smaps_rollup`]).stdout;
    return Object.fromEntries([...text.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name = "", value]) => [name, Number(value)]));
  }

  /** Times and memory of many containers at once. */
  many(subject: Subject, pods: number): { time: number; pss: number; rss: number; dirty: number } {
    const words = (each: string): string =>
      `for i in $(seq ${pods}); do { ${each}; } & [ $((i % ${AT_ONCE})) = 0 ] && wait; done; wait`;
    const ctr = this.#ctr.join(" ");
    const all = { timeout: 240_000 };
    const began = performance.now();
    const run = `${ctr} run -d ${subject.flags.join(" ")} ${IMAGE} many$i sleep 100000 || echo failed`;
    const started = this.pg.run(["sh", "-c", words(run)], all);
    if (started.output !== "") throw new Error(started.output);
    let time = performance.now() - began;
    sleep(3000);
    const rollups = this.#shims(subject).map((pid) => this.#rollup(pid));
    const mean = (name: string): number => rollups.reduce((sum, each) => sum + (each[name] ?? 0), 0) / rollups.length;
    const again = performance.now();
    this.pg.run(["sh", "-c", words(`${ctr} task rm -f many$i >/dev/null 2>&1; ${ctr} container rm many$i`)], all);
    time += performance.now() - again;
    if (!waitFor(() => this.#shims(subject).length === 0, 10_000)) throw new Error("shims are left");
    return { time, pss: mean("Pss"), rss: mean("Rss"), dirty: mean("Private_Dirty") };
  }

  /** Milliseconds in which pods with a container each are created and started, and all are removed, 20 at once. */
  async manyPods(subject: Subject, pods: number, config: object): Promise<number> {
    const made: Pod[] = [];
    const began = performance.now();
    let left = pods;
    const make = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const pod = await this.#cri.runPod({ ...config }, `s${SUBJECTS.indexOf(subject)}`);
        made.push(pod);
        await this.#cri.run(pod, "main", ["sleep", "100000"], config);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, make));
    const remove = async (): Promise<void> => {
      for (let pod = made.pop(); pod !== undefined; pod = made.pop()) await this.#cri.remove(pod);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, remove));
    return performance.now() - began;
  }

  /** Milliseconds of the processor that the shim takes while a container prints. */
  printed(subject: Subject): number {
    const script = `sleep 1.5; head -c ${GIB} /dev/zero; sleep 100000`;
    const run = `${this.#ctr.join(" ")} run ${subject.flags.join(" ")} ${IMAGE} printer sh -c '${script}' >/dev/null`;
    const client = this.pg.start("printer", ["sh", "-c", run]);
    try {
      if (!waitFor(() => this.#shims(subject).length === 1, 10_000)) throw new Error("no shim");
      const [pid = 0] = this.#shims(subject);
      const ticks = (): number => {
        const fields = this.pg
          .run(["cat", `/proc/${pid}/stat`])
          .stdout.replace(/.*\) /, "")
          .split(" ");
        return Number(fields[11]) + Number(fields[12]);
      };
      const runs = (words: string): boolean => this.pg.run(["pgrep", "-xf", words]).stdout !== "";
      if (!waitFor(() => runs("sleep 1.5"), 10_000)) throw new Error("it does not begin");
      const before = ticks();
      if (!waitFor(() => runs("sleep 100000"), 100_000)) throw new Error("it prints too long");
      sleep(300);
      return (ticks() - before) * 10;
    } finally {
      this.pg.run([...this.#ctr, "task", "rm", "-f", "printer"]);
      this.pg.run([...this.#ctr, "container", "rm", "printer"]);
      client.kill();
    }
  }
}

/** docker's names of the runtimes, by the places of the subjects. */
const DOCKER_RUNTIMES = [SHIM_RUNTIME, NAME, "runc-compared"] as const;

/** What the row of docker was measured with, or why it was not. */
interface DockerRow {
  readonly isMeasured: boolean;
  readonly note: string;
}

/** `docker run --rm`, with a containerd and a dockerd of their own. @param root where they are; "" for this host's */
function measureDocker(samples: Samples, rounds: number, root: string): DockerRow {
  const playground = new Playground({ unified: false, root });
  const measure = helper("helpers/measure.c");
  try {
    installShim(playground);
    const docker = new Docker(playground, ["--add-runtime", `${DOCKER_RUNTIMES[2]}=${RUNC}`]);
    const words = (index: number): string[] => [CLIENT, "run", "--rm", "--runtime", DOCKER_RUNTIMES[index] ?? "", "box", "true"];
    const first = docker.run(words(0));
    const version = docker.must("--version");
    if (first.status !== 0) {
      const why = `${version}: ${first.output.trim().split("\n")[0] ?? ""}`;
      return { isMeasured: false, note: `\`docker run --rm\` was not measured: ${why}` };
    }
    for (let round = -WARM_UP; round < rounds; round += 1) {
      for (const subject of shuffled(SUBJECTS)) {
        const done = docker.run([measure, ...words(SUBJECTS.indexOf(subject))]);
        const [nanoseconds = Number.NaN, status = -1] = done.stdout.split(" ").map(Number);
        if (status !== 0) throw new Error(`docker run: status ${status}: ${done.output}`);
        if (round >= 0) samples.add("docker run --rm", subject.name, nanoseconds / 1e6);
      }
    }
    const runc = docker.run([RUNC, "--version"]).stdout.split("\n")[0] ?? "";
    return { isMeasured: true, note: `\`docker run --rm\` was measured with ${version}, and ${runc}.` };
  } finally {
    const left = playground.close();
    if (left.length > 0) console.error(`bench: left behind: ${left.join(" ")}`);
  }
}

function argument(name: string, otherwise: number): number {
  const at = process.argv.indexOf(name);
  return at === -1 ? otherwise : Number(process.argv[at + 1]);
}

async function main(): Promise<void> {
  const [rounds, pods] = [argument("--rounds", 20), argument("--pods", 100)];
  const playground = new Playground();
  const figures: Figure[] = [];
  const names = SUBJECTS.map(({ name }) => name);
  const samples = samplesOf();
  const at = process.argv.indexOf("--docker-root");
  const withDocker = measureDocker(samples, rounds, at === -1 ? "" : (process.argv[at + 1] ?? ""));
  console.log(withDocker.note);
  try {
    const bench = new Bench(playground, samples);
    const add = (name: string, unit: string, wanted: Figure["targets"], value: (subject: Subject) => number): void => {
      const values = Object.fromEntries(SUBJECTS.map((subject) => [subject.name, value(subject)]));
      figures.push({ name, unit, targets: wanted, values });
    };
    bench.begin();
    for (let round = -WARM_UP; round < rounds; round += 1) await bench.round(round);
    bench.end();
    const median =
      (name: string) =>
      (subject: Subject): number =>
        quantile(bench.samples.of(name, subject.name), 0.5);
    add("`ctr run --rm`", "ms", targets(0.65, 0.5), median("ctr run --rm"));
    if (withDocker.isMeasured) add("`docker run --rm`", "ms", targets(0.85, 0.75), median("docker run --rm"));
    add("`ctr task exec`", "ms", targets(0.7, 0.35), median("ctr task exec"));
    add("CRI: pod and container, created and started", "ms", targets(0.65, 0.5), median(POD));
    add("CRI: the same in the host's network, without CNI", "ms", targets(0.65, 0.5), median(HOST_POD));
    const single = new Map(SUBJECTS.map((subject) => [subject, bench.many(subject, 1)]));
    add("memory, 1 pod: PSS", "kB", targets(0.15, 0.15), (subject) => single.get(subject)?.pss ?? Number.NaN);
    add("memory, 1 pod: RSS", "kB", targets(0.15, 0.15), (subject) => single.get(subject)?.rss ?? Number.NaN);
    add("memory, 1 pod: dirty", "kB", targets(0.15, 0.15), (subject) => single.get(subject)?.dirty ?? Number.NaN);
    const many = new Map(SUBJECTS.map((subject) => [subject, bench.many(subject, pods)]));
    add(`memory, ${pods} pods: PSS of each`, "kB", targets(0.15, 0.15), (subject) => many.get(subject)?.pss ?? Number.NaN);
    const time = (subject: Subject): number => many.get(subject)?.time ?? Number.NaN;
    add(`${pods} containers of ctr, ${AT_ONCE} at once: created, started, removed`, "ms", targets(0.7, 0.5), time);
    for (const [where, config] of Object.entries({ "": {}, " of the host's network": HOST_NETWORK })) {
      const times = new Map<string, number>();
      for (const subject of shuffled(SUBJECTS)) times.set(subject.name, await bench.manyPods(subject, pods, config));
      const name = `CRI: ${pods} pods${where}, ${AT_ONCE} at once: created, started, removed`;
      add(name, "ms", targets(0.7, 0.5), (subject) => times.get(subject.name) ?? Number.NaN);
    }
    add("processor time of the shim for 1 GiB printed", "ms", targets(0.02, 0.02), (subject) => bench.printed(subject));
  } finally {
    const left = playground.close();
    if (left.length > 0) console.error(`bench: left behind: ${left.join(" ")}`);
  }
  const load = loadavg()
    .map((each) => each.toFixed(1))
    .join(" ");
  const heading = `Linux ${release()}, ${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), ${rounds} rounds, load ${load}`;
  console.log(heading);
  for (const { name, unit, values } of figures) {
    const numbers = names.map((each) => (values[each] ?? Number.NaN).toFixed(1).padStart(10));
    console.log(name.padEnd(52), unit.padEnd(3), numbers.join(" "));
  }
  writeShimResults({ figures, subjects: names, heading, notes: [withDocker.note], samples, cases: CASES });
}

await main();
process.exit();
