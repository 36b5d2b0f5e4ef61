// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, openSync } from "node:fs";
import { join } from "node:path";
import { scenario, type Box, type Bundle } from "../harness/box.ts";
import { helper } from "../harness/helpers.ts";
import { hasController, statusField } from "../harness/host.ts";
import { ENVIRONMENT, notFor, runtOnly, RUNTIME } from "../harness/runtime.ts";

const CONTAINERS = 200;
const CALLERS = 20;
const RUNS = 300;

/** Status and stderr of one call of the runtime; others go on meanwhile. */
function call(box: Box, log: string, words: readonly string[]): Promise<number> {
  return new Promise((settle, fail) => {
    const fd = openSync(log, "a");
    const child = spawn(RUNTIME, ["--root", box.root, ...words], { stdio: ["ignore", fd, fd], env: ENVIRONMENT });
    child.on("error", fail);
    child.on("exit", (code) => settle(code ?? 128));
  });
}

async function life(box: Box, bundle: Bundle, id: string, log: string): Promise<string[]> {
  const problems: string[] = [];
  const steps = [
    ["create", "--bundle", bundle.dir, id],
    ["start", id],
    ["kill", id, "KILL"],
    ["delete", "--force", id],
  ];
  for (const words of steps) {
    const status = await call(box, log, words);
    if (status !== 0) problems.push(`${words.join(" ")}: ${status}`);
  }
  return problems;
}

scenario(
  `${CONTAINERS} containers made by ${CALLERS} callers at a time`,
  async (t, box) => {
    const log = box.file("", "log");
    const begin = Date.now();
    const ids = Array.from({ length: CONTAINERS }, () => box.id());
    const problems: string[] = [];
    const worker = async (number: number): Promise<void> => {
      const own = box.bundle((config) => {
        config.process.args = ["sleep", "1000"];
        config.linux.cgroupsPath = `${box.cgroup}/worker${number}`;
      });
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) problems.push(...(await life(box, own, id, log)));
    };
    await Promise.all(Array.from({ length: CALLERS }, (_, number) => worker(number)));
    t.same(problems, []);
    const seconds = (Date.now() - begin) / 1000;
    t.comment(`${seconds} s`);
    t.ok(seconds < 60, `${seconds} s`);
    t.same(box.ids(), []);
  },
  { timeout: 180_000 },
);

scenario(
  `${RUNS} foreground runs of a program that ends at once: none misses the end`,
  async (t, box) => {
    const log = box.file("", "log");
    const ids = Array.from({ length: RUNS }, () => box.id());
    const problems: string[] = [];
    const worker = async (): Promise<void> => {
      const bundle = box.bundle((config) => void (config.process.args = ["true"]));
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        const status = await call(box, log, ["run", "--bundle", bundle.dir, id]);
        if (status !== 0) problems.push(`${id}: ${status}`);
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    t.same(problems, []);
    t.same(box.ids(), []);
  },
  { timeout: 120_000 },
);

scenario(
  "many callers for one id: one creates it, the others are refused",
  async (t, box) => {
    const bundle = box.bundle((config) => void (config.process.args = ["sleep", "1000"]));
    const id = box.id();
    const log = box.file("", "log");
    const made = await Promise.all(Array.from({ length: 10 }, () => call(box, log, ["create", "--bundle", bundle.dir, id])));
    t.equal(made.filter((status) => status === 0).length, 1, made.join());
    t.equal(made.filter((status) => status === 1).length, 9);
    const started = await Promise.all(Array.from({ length: 5 }, () => call(box, log, ["start", id])));
    t.equal(started.filter((status) => status === 0).length, 1, started.join());
    const removed = await Promise.all(Array.from({ length: 5 }, () => call(box, log, ["delete", "--force", id])));
    t.same(removed, [0, 0, 0, 0, 0]);
    t.same(box.leftovers(), []);
  },
  { skip: runtOnly("two of them may start it") },
);

scenario(
  "a container with 256 KiB of memory starts a small program",
  (t, box) => {
    const small = helper("helpers/nothing.c");
    const bundle = box.bundle((config) => {
      config.process.args = ["/bin/nothing"];
      config.linux.resources = { ...config.linux.resources, memory: { limit: 256 * 1024 } };
    });
    const program = join(bundle.rootfs, "bin/nothing");
    copyFileSync(small, program);
    chmodSync(program, 0o755);
    const done = box.run(bundle);
    t.equal(done.status, 0, done.output);
  },
  { skip: notFor("runc", "needs some MiB") || (hasController("memory") ? false : "no cgroup v1 memory controller here") },
);

scenario("peak memory of the runtime: below 45 MB in every command", (t, box) => {
  const bundle = box.bundle((config) => void (config.process.args = ["sleep", "1000"]));
  const id = box.id();
  const measure = helper("helpers/measure.c");
  for (const words of [
    ["create", "--bundle", bundle.dir, id],
    ["start", id],
    ["state", id],
    ["kill", id, "KILL"],
    ["delete", "--force", id],
  ]) {
    const done = spawnSync(measure, [RUNTIME, "--root", box.root, ...words], { encoding: "utf8", env: ENVIRONMENT });
    const [, status = -1, kib = 0] = done.stdout.split(" ").map(Number);
    t.equal(status, 0, words.join(" "));
    t.comment(`${String(words[0])}: ${kib} KiB`);
    t.ok(kib > 0 && kib * 1024 < 45e6, `${String(words[0])}: ${kib} KiB`);
  }
});

scenario(
  "peak memory of what waits for start in the container: below 1 MB",
  (t, box) => {
    const { pid } = box.create(() => undefined);
    const kib = Number.parseInt(statusField(pid, "VmHWM"), 10);
    t.comment(`${kib} KiB`);
    t.ok(kib > 0 && kib * 1024 < 1e6, `${kib} KiB`);
  },
  { skip: notFor("runc", "is in Go") },
);
