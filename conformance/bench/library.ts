// SPDX-License-Identifier: Apache-2.0
// npm run bench -- library [--requests N] [--docker IMAGE]: what the library's users wait for, and writes conformance/bench/LIBRARY.md.
//
// --docker IMAGE compares with `docker run --rm` of that image, where a docker daemon is there.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Container, newConfig, Rootfs } from "../../lib/index.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { layout } from "../library/images.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const option = (name: string, otherwise: string): string =>
  process.argv[process.argv.indexOf(`--${name}`) + 1 || process.argv.length] ?? otherwise;
const REQUESTS = Number(option("requests", "2000"));
const DOCKER = option("docker", "");
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

/** Times of several kinds of work in turn, so that what else happens on the machine meets all of them; milliseconds. */
async function inTurn(rounds: number, ...works: readonly (() => unknown)[]): Promise<number[][]> {
  const times: number[][] = works.map(() => []);
  for (let round = -3; round < rounds; round++) {
    for (const [at, work] of works.entries()) {
      const began = performance.now();
      await work();
      if (round >= 0) times[at]?.push(performance.now() - began);
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
  const docker = (): void =>
    void execFileSync("docker", ["run", "--rm", "--network", "none", DOCKER, "echo", "hello"], { stdio: "ignore" });
  const [life = [], whole = [], theirs = []] = await inTurn(
    DOCKER === "" ? 60 : 20,
    bare,
    request,
    ...(DOCKER === "" ? [] : [docker]),
  );
  const [one, other] = [median(life), median(whole)];
  const rows: Row[] = [
    ["a bare life of the library: run, end, delete", `${one.toFixed(2)} ms`, ""],
    [
      "a request: overlay, container, output, gone",
      `${other.toFixed(2)} ms, ${(other / one).toFixed(2)} of the bare life`,
      "≤ 1.3",
    ],
  ];
  if (DOCKER !== "")
    rows.push([
      `docker run --rm ${DOCKER}`,
      `${median(theirs).toFixed(1)} ms; a request is ${(other / median(theirs)).toFixed(2)} of it`,
      "≤ 0.35",
    ]);
  return rows;
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

async function turns(): Promise<Row> {
  let best = { typical: Infinity, longest: Infinity };
  for (let round = 0; round < 5; round++) {
    const gaps: number[] = [];
    let last = performance.now();
    const look = (): void => {
      const now = performance.now();
      gaps.push(now - last);
      last = now;
      again = setImmediate(look);
    };
    let again = setImmediate(look);
    await Promise.all(Array.from({ length: 40 }, request));
    clearImmediate(again);
    gaps.sort((one, other) => other - one);
    const typical = gaps[Math.ceil(gaps.length / 1000)] ?? 0;
    if (typical < best.typical) best = { typical, longest: gaps[0] ?? 0 };
  }
  return [
    "the event loop with 40 requests at once, best of five",
    `999 of 1000 turns up to ${best.typical.toFixed(2)} ms, longest ${best.longest.toFixed(2)} ms (as the clock has it, waits for a processor included)`,
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
  for (let round = 0; round < 7; round++) {
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
try {
  for (const work of [requests, pool, unpacking, turns, crowd, statistics]) await measure(work);
} finally {
  rmSync(home, { recursive: true, force: true });
}
const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0] ?? "";
const table = rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
const docker = DOCKER === "" ? "There was no docker daemon to compare with.\n" : "";
writeFileSync(
  `${ROOT}conformance/bench/LIBRARY.md`,
  `# What the library's users wait for\n\n\`npm run bench -- library\` on a machine with ${cpus().length} processors, Node.js ${process.versions.node}, load ${load} at the end. Medians.\n${docker}\n| | measured | to reach |\n|---|---|---|\n${table}\n`,
);
