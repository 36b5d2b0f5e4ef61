// SPDX-License-Identifier: Apache-2.0
// npm run bench -- library [--requests N] [--only WORD,...]: what the library's users wait for, and writes conformance/bench/LIBRARY.md.
//
// --only takes some of requests, pool, unpacking, turns, crowd and events, and prints them alone. `docker run --rm` is measured in turn with
// requests, in the playground of the engines' tests, where docker is installed.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Container, newConfig, Rootfs } from "../../lib/index.ts";
import { CLIENT, Docker } from "../engines/docker.ts";
import { Playground } from "../engines/playground.ts";
import { helper } from "../harness/helpers.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { layout } from "../library/images.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const option = (name: string, otherwise: string): string =>
  process.argv[process.argv.indexOf(`--${name}`) + 1 || process.argv.length] ?? otherwise;
const REQUESTS = Number(option("requests", "2000"));
const ONLY = option("only", "")
  .split(",")
  .filter((word) => word !== "");
const RUNC = "runc-compared";
const AT_ONCE = 20;

/** A row: what was measured, the figure, and what it is to reach. */
type Row = readonly [what: string, figure: string, goal: string];

const home = mkdtempSync(join(tmpdir(), "runt-bench-"));
const rootfs = join(home, "rootfs");
const root = join(home, "state");
makeRootfs(rootfs);

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? NaN;
}

/**
 * Times of several kinds of work in turn, so that what else happens on the machine meets all of them; milliseconds. Work that returns a number
 * has measured itself.
 */
async function inTurn(rounds: number, ...works: readonly (() => unknown)[]): Promise<number[][]> {
  const times: number[][] = works.map(() => []);
  for (let round = -3; round < rounds; round++) {
    for (const [at, work] of works.entries()) {
      const began = performance.now();
      const own = await work();
      if (round >= 0) times[at]?.push(typeof own === "number" ? own : performance.now() - began);
    }
  }
  return times;
}

async function request(): Promise<void> {
  const { stdout } = await Container.run({ rootfs, root, overlay: true, args: ["echo", "hello"], buffer: true });
  if (stdout !== "hello\n") throw new Error(`a request has printed ${JSON.stringify(stdout)}`);
}

async function requests(): Promise<Row[]> {
  const bundle = join(home, "bundle");
  mkdirSync(bundle);
  const config = newConfig();
  config.root.path = rootfs;
  config.process.terminal = false;
  config.process.args = ["true"];
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  const bare = async (): Promise<void> => {
    const box = await Container.run({ bundle, root, stdio: "ignore" });
    await box.wait();
    await box.delete();
  };
  const rows: Row[] = [];
  const docker = startDocker();
  try {
    const works = docker === undefined ? [bare, request] : [bare, request, docker.run];
    const [life = [], whole = [], theirs = []] = await inTurn(docker === undefined ? 60 : 30, ...works);
    const [one, other] = [median(life), median(whole)];
    rows.push(
      ["a bare life of the library, with its keeper: run, end, delete", `${one.toFixed(2)} ms`, ""],
      [
        "a request: overlay, container, output, gone",
        `${other.toFixed(2)} ms, ${(other / one).toFixed(2)} of the bare life`,
        "≤ 1.3",
      ],
    );
    if (docker !== undefined) {
      const figure = `${median(theirs).toFixed(1)} ms; a request is ${(other / median(theirs)).toFixed(2)} of it`;
      rows.push(["the same by `docker run --rm`, through dockerd, containerd and runc", figure, "≤ 0.35"]);
    }
  } finally {
    docker?.close();
  }
  return rows;
}

/** A dockerd in a playground; `undefined` where docker or runc is not installed. */
function startDocker(): { run(): number; close(): void } | undefined {
  const runc = spawnSync("sh", ["-c", "command -v runc"], { encoding: "utf8" }).stdout.trim();
  if (runc === "" || !existsSync(CLIENT) || !existsSync("/usr/sbin/dockerd")) return undefined;
  const measureProgram = helper("helpers/measure.c");
  const playground = new Playground({ unified: false });
  const close = (): void => {
    const left = playground.close();
    if (left.length > 0) console.error(`bench: left behind: ${left.join(" ")}`);
  };
  try {
    const docker = new Docker(playground, ["--add-runtime", `${RUNC}=${runc}`]);
    const words = ["run", "--rm", "--network", "none", "--runtime", RUNC, "box", "echo", "hello"];
    // The client alone, without the way into the playground.
    const run = (): number => {
      const done = docker.run([measureProgram, CLIENT, ...words]);
      const [nanoseconds = NaN, status = -1] = done.stdout.split(" ").map(Number);
      if (status !== 0) throw new Error(`docker ${words.join(" ")}: ${done.output}`);
      return nanoseconds / 1e6;
    };
    return { run, close };
  } catch (error) {
    close();
    throw error;
  }
}

function resident(): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
}

async function crowd(): Promise<Row> {
  const descriptors = (): number => readdirSync("/proc/self/fd").length;
  const some = async (count: number): Promise<number> => {
    let [left, errors] = [count, 0];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) await request().catch(() => errors++);
      }),
    );
    return errors;
  };
  await some(200);
  const before = { fds: descriptors(), memory: resident() };
  const began = performance.now();
  const errors = await some(REQUESTS);
  const seconds = (performance.now() - began) / 1000;
  const left = (await Container.states({ root })).length;
  const growth = `descriptors ${before.fds} → ${descriptors()}, memory ${before.memory.toFixed(0)} → ${resident().toFixed(0)} MiB`;
  return [
    `${REQUESTS} requests, ${AT_ONCE} at once`,
    `${errors} errors, ${(REQUESTS / seconds).toFixed(0)} a second, ${growth}, ${left} left`,
    "0 errors, flat, 0 left",
  ];
}

async function pool(): Promise<Row> {
  const waiting: Promise<Container>[] = [];
  const make = (): void =>
    void waiting.push(Container.create({ rootfs, root, args: ["echo", "x"], stdio: ["ignore", "pipe", "ignore"] }));
  const child = (): Promise<void> =>
    new Promise((resolve) => spawn("/bin/true", { stdio: ["ignore", "pipe", "ignore"] }).once("close", () => resolve()));
  const starts: number[] = [];
  const children: number[] = [];
  for (let at = 0; at < 4; at++) make();
  for (let round = -5; round < 60; round++) {
    const box = await waiting.shift();
    if (box === undefined) break;
    const began = performance.now();
    const first = new Promise((resolve) => box.stdout?.once("data", resolve));
    await box.start();
    await first;
    if (round >= 0) starts.push(performance.now() - began);
    await box.delete({ force: true });
    make();
    await waiting.at(-1);
    const forked = performance.now();
    await child();
    if (round >= 0) children.push(performance.now() - forked);
  }
  for (const each of waiting) await (await each).delete({ force: true });
  const [start, fork] = [median(starts), median(children)];
  return [
    "from a pool: start to first byte",
    `${start.toFixed(2)} ms; /bin/true as a child process ${fork.toFixed(2)} ms; ratio ${(start / fork).toFixed(2)}`,
    "≤ 4",
  ];
}

async function statistics(): Promise<Row> {
  const COUNT = 200;
  const boxes: Container[] = [];
  for (let at = 0; at < COUNT; at += 20) {
    boxes.push(
      ...(await Promise.all(
        Array.from({ length: 20 }, () => Container.run({ rootfs, root, args: ["sleep", "1000"], stdio: "ignore" })),
      )),
    );
  }
  const left = new AbortController();
  let told = 0;
  const loops = boxes.map(async (box) => {
    for await (const event of box.events({ interval: 1000, signal: left.signal })) if (event.type === "stats") told++;
  });
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const [before, cpu, began] = [told, process.cpuUsage(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const { user, system } = process.cpuUsage(cpu);
  const share = (user + system) / 1000 / (performance.now() - began);
  const count = told - before;
  left.abort();
  await Promise.all(loops);
  for (let at = 0; at < COUNT; at += 20) await Promise.all(boxes.slice(at, at + 20).map((box) => box.delete({ force: true })));
  return [
    "events() of 200 containers at 1 s",
    `${(share * 100).toFixed(1)} % of a processor, ${(count / 10).toFixed(0)} statistics a second`,
    "< 5 %",
  ];
}

/** The processor time of this thread so far; milliseconds. */
function ownTime(): () => number {
  const fd = openSync("/proc/thread-self/schedstat", "r");
  const text = Buffer.alloc(64);
  return () => Number(text.toString("latin1", 0, readSync(fd, text, 0, 64, 0)).split(" ")[0]) / 1e6;
}

async function turns(): Promise<Row> {
  const spent = ownTime();
  let best = { typical: Infinity, longest: Infinity, busiest: Infinity };
  for (let round = 0; round < 5; round++) {
    const gaps: number[] = [];
    let busiest = 0;
    let [last, own] = [performance.now(), spent()];
    const look = (): void => {
      const [now, used] = [performance.now(), spent()];
      gaps.push(now - last);
      busiest = Math.max(busiest, used - own);
      [last, own] = [now, used];
      again = setImmediate(look);
    };
    let again = setImmediate(look);
    await Promise.all(Array.from({ length: 40 }, request));
    clearImmediate(again);
    gaps.sort((one, other) => other - one);
    const typical = gaps[Math.ceil(gaps.length / 1000)] ?? 0;
    const longest = gaps[0] ?? 0;
    // The first round has code that is not compiled yet.
    if (round > 0 && longest < best.longest) best = { typical, longest, busiest };
  }
  return [
    "the event loop with 40 requests at once, best of four",
    `999 of 1000 turns up to ${best.typical.toFixed(2)} ms; the longest ${best.longest.toFixed(2)} ms by the clock, in which it may wait for a processor; ${best.busiest.toFixed(2)} ms of processor time at most`,
    "2 ms, 10 ms",
  ];
}

async function unpacking(): Promise<Row> {
  const data = spawnSync("tar", ["-C", "/usr", "-cf", "-", "share/doc", "lib/python3"], { maxBuffer: 1 << 30 }).stdout;
  const image = layout(join(home, "image"), { layers: [data] });
  const blobs = join(image, "blobs/sha256");
  const blob = join(
    blobs,
    readdirSync(blobs).sort((one, other) => readFileSync(join(blobs, other)).length - readFileSync(join(blobs, one)).length)[0] ??
      "",
  );
  const store = join(home, "layers");
  const plain = join(home, "plain");
  const fresh = (): void => {
    rmSync(store, { recursive: true, force: true });
    rmSync(plain, { recursive: true, force: true });
    mkdirSync(plain);
  };
  const [theirs, ours]: [number[], number[]] = [[], []];
  for (let round = 0; round < 5; round++) {
    fresh();
    let began = performance.now();
    execFileSync("tar", ["-xzf", blob, "-C", plain]);
    theirs.push(performance.now() - began);
    began = performance.now();
    await Rootfs.fromImage(image, { store });
    ours.push(performance.now() - began);
  }
  const files = spawnSync("sh", ["-c", `find ${plain} | wc -l`], { encoding: "utf8" }).stdout.trim();
  fresh();
  const [tar, own] = [median(theirs), median(ours)];
  return [
    `unpacking a layer of ${(data.length / 1e6).toFixed(0)} MB, ${files} files`,
    `${own.toFixed(0)} ms; tar -xz ${tar.toFixed(0)} ms; ratio ${(own / tar).toFixed(2)}`,
    "≤ 1.5",
  ];
}

const rows: Row[] = [];
const measure = async (work: () => Promise<Row | Row[]>): Promise<void> => {
  const made = await work();
  for (const row of (Array.isArray(made[0]) ? made : [made]) as Row[]) {
    rows.push(row);
    console.log(row.join(" | "));
  }
};
const works = { requests, pool, unpacking, turns, crowd, events: statistics } as const;
const began = performance.now();
try {
  for (const [name, work] of Object.entries(works)) if (ONLY.length === 0 || ONLY.includes(name)) await measure(work);
} finally {
  rmSync(home, { recursive: true, force: true });
}
const took = `${((performance.now() - began) / 1000).toFixed(0)} s`;
const load = readFileSync("/proc/loadavg", "utf8").split(" ").slice(0, 2).join(" and ");
const table = rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
const isCompared = rows.some(([what]) => what.includes("docker"));
const heading = `\`npm run bench -- library\` on a machine with ${cpus().length} processors, Node.js ${process.versions.node}, in ${took}; load ${load} in the last minute and five at the end. Medians.`;
if (ONLY.length === 0) {
  writeFileSync(
    `${ROOT}conformance/bench/LIBRARY.md`,
    `# What the library's users wait for\n\n${heading}\n${isCompared ? "" : "Docker is not installed, and was not compared with.\n"}\n| | measured | to reach |\n|---|---|---|\n${table}\n`,
  );
}
