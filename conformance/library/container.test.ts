// SPDX-License-Identifier: Apache-2.0
// The library's Container: what the command line does, in a program.
import { spawnSync } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { Container } from "../../lib/index.ts";
import { scenario } from "../harness/box.ts";
import { all, options, refused, skip } from "./made.ts";

/** Longest time for which the library may keep the event loop from other work; milliseconds. */
const LONGEST = 2;
scenario(
  "run: streams, exit code, state, delete",
  async (t, box) => {
    const container = await Container.run(options(box, ["sh", "-c", "cat; echo err >&2; exit 3"]));
    container.stdin?.end("through a pipe");
    t.equal(await all(container.stdout), "through a pipe");
    t.equal(await all(container.stderr), "err\n");
    t.same(await container.wait(), { exitCode: 3, oomKilled: false });
    t.same(await container.wait(), { exitCode: 3, oomKilled: false }, "as often as one likes");
    t.match(await container.state(), { id: container.id, status: "stopped", pid: 0 });
    await container.delete();
    t.equal((await refused(container.state())).code, "CONTAINER_NOT_FOUND");
  },
  { skip },
);

scenario(
  "a megabyte through each stream",
  async (t, box) => {
    const container = await Container.run(options(box, ["cat"]));
    const data = "0123456789abcdef".repeat(1 << 16);
    container.stdin?.end(data);
    t.ok((await all(container.stdout)) === data);
    await container.wait();
    await container.delete();
  },
  { skip },
);

scenario(
  "create, start, and the states in between; a file for stdout",
  async (t, box) => {
    const path = box.path("out");
    const file = await open(path, "w");
    const made = { ...options(box, ["echo", "to a file"]), stdio: ["ignore", file.fd, "ignore"] } as const;
    const container = await Container.create(made);
    await file.close();
    t.equal(container.stdout, undefined);
    t.equal((await container.state()).status, "created");
    t.equal((await Container.list({ root: box.root })).length, 1);
    await container.start();
    t.equal((await container.wait()).exitCode, 0);
    t.equal(await readFile(path, "utf8"), "to a file\n");
    await container.delete();
  },
  { skip },
);

scenario(
  "exec: streams, a terminal of a size, signals",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    const cat = await container.exec({ args: ["sh", "-c", "cat; exit $CODE"], env: ["CODE=4"] });
    cat.stdin?.end("in");
    t.equal(await all(cat.stdout), "in");
    t.same(await cat.wait(), { exitCode: 4 });
    const terminal = await container.exec({
      args: ["sh", "-c", "stty size; read line; stty size"],
      terminal: { rows: 33, columns: 99 },
    });
    terminal.resize({ rows: 10, columns: 20 });
    terminal.stdin?.write("go\n");
    const shown = await all(terminal.stdout);
    t.match(shown, /\r\n10 20\r\n$/);
    const sleep = await container.spawn(["sleep", "1000"]);
    t.equal((await container.processes()).length, 2);
    t.ok(sleep.kill("SIGTERM"));
    t.same(await sleep.wait(), { exitCode: 143, signal: 15, killedBy: "kill" });
    t.notOk(sleep.kill(), "it has ended");
    const failure = await refused(container.spawn(["/nowhere"]));
    t.match(failure, { code: "STEP_FAILED", facts: { errno: 2, path: "/nowhere" } });
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "a container with a terminal",
  async (t, box) => {
    const made = options(box, ["sh", "-c", "tty; read line; echo got $line"], (config) => {
      config.process.terminal = true;
    });
    const without = await refused(Container.run(made));
    t.match(without, { code: "CONFIG_INVALID", facts: { pointer: "/process/terminal" } });
    const container = await Container.run({ ...made, terminal: true });
    container.stdin?.write("this\n");
    const shown = await all(container.stdout);
    t.match(shown, /\/dev\/pts\/0\r\n/);
    t.match(shown, /got this\r\n$/);
    await container.wait();
    await container.delete();
  },
  { skip },
);

scenario(
  "pause, resume, update, stats, events, kill",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    await container.pause();
    t.equal((await container.state()).status, "paused");
    t.equal((await refused(container.pause())).code, "CONTAINER_NOT_RUNNING");
    await container.resume();
    await container.update({ memory: { limit: 64 << 20 } });
    t.equal(Number((await container.stats()).memory.usage?.limit), 64 << 20);
    let told = 0;
    for await (const event of container.events({ interval: 20 })) {
      t.match(event, { type: "stats", id: container.id });
      if (++told === 3) break;
    }
    for await (const _ of container.events({ signal: AbortSignal.timeout(50) })) t.fail("the first comes after 5 s");
    await container.kill("SIGKILL");
    t.same(await container.wait(), { exitCode: 137, signal: 9, oomKilled: false, killedBy: "kill" });
    t.equal((await refused(container.kill())).code, "CONTAINER_NOT_RUNNING");
    await container.delete();
  },
  { skip },
);

scenario(
  "the OOM killer is told by wait and events",
  async (t, box) => {
    const container = await Container.create({
      ...options(box, ["tail", "/dev/zero"], (config) => {
        config.linux.resources = { memory: { limit: 8 << 20 } };
      }),
      stdio: "ignore",
    });
    const events = container.events();
    const first = (async () => {
      for await (const event of events) if (event.type === "oom") return event;
      return undefined;
    })();
    // The first answer comes when the container dies: by then the watch has long been there.
    await container.processes();
    await container.start();
    t.match(await first, { type: "oom", id: container.id });
    t.same(await container.wait(), { exitCode: 137, signal: 9, oomKilled: true, killedBy: "oom" });
    await container.delete();
  },
  { skip },
);

scenario(
  "somebody else's container: open, wait, delete",
  async (t, box) => {
    const { id } = box.running();
    const container = await Container.open(id, { root: box.root });
    t.equal((await container.state()).status, "running");
    const end = container.wait();
    const given = await refused(container.wait({ signal: AbortSignal.timeout(10) }));
    t.match(given, { code: "ABORTED", cause: { name: "TimeoutError" } });
    await container.kill("SIGKILL");
    t.match(await end, { exitCode: 137 });
    await container[Symbol.asyncDispose]();
    t.equal((await refused(Container.open(id, { root: box.root }))).code, "CONTAINER_NOT_FOUND");
  },
  { skip },
);

scenario(
  "the program is killed: the next one finds its containers, starts, awaits and deletes them",
  async (t, box) => {
    const made = options(box, ["sleep", "1000"], (config) => {
      // Each in a cgroup of its own, which is named after it.
      delete config.linux.cgroupsPath;
    });
    const [run, created] = [box.id(), box.id()];
    const program = `
    const { Container } = await import(${JSON.stringify(new URL("../../lib/index.js", import.meta.url).href)});
    const made = { ...${JSON.stringify(made)}, stdio: "ignore" };
    await Container.run({ ...made, id: ${JSON.stringify(run)} });
    await Container.create({ ...made, id: ${JSON.stringify(created)} });
    process.kill(process.pid, "SIGKILL");`;
    const done = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8", timeout: 60_000 });
    t.equal(done.signal, "SIGKILL", done.stderr);
    const there = await Container.states({ root: box.root });
    t.same(there.map(({ id, status }) => `${id} ${status}`).sort(), [`${run} running`, `${created} created`].sort());
    const first = await Container.open(run, { root: box.root });
    const end = first.wait();
    await first.kill("SIGKILL");
    t.match(await end, { exitCode: 137, signal: 9 });
    await first.delete();
    const second = await Container.open(created, { root: box.root });
    await second.start();
    t.equal((await second.state()).status, "running");
    await second.delete({ force: true });
    t.same(await Container.list({ root: box.root }), []);
  },
  { skip },
);

scenario(
  "a signal while a hook hangs takes everything back",
  async (t, box) => {
    const made = options(box, ["true"], (config) => {
      config.hooks = { createRuntime: [{ path: "/bin/sleep", args: ["sleep", "1000"] }] };
    });
    const signal = AbortSignal.timeout(300);
    t.match(await refused(Container.run({ ...made, signal })), { code: "ABORTED", cause: { name: "TimeoutError" } });
    t.same(box.leftovers(), []);
    t.equal((await refused(Container.run({ ...made, signal }))).code, "ABORTED", "and at once, if it has come before");
  },
  { skip },
);

scenario(
  "a signal later kills the container",
  async (t, box) => {
    const signal = AbortSignal.timeout(500);
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), signal });
    t.match(await container.wait(), { signal: 9, killedBy: "abort" });
    await container.delete();
  },
  { skip },
);

scenario(
  "every problem of a config.json is in the error",
  async (t, box) => {
    const made = options(box, ["true"], (config) => {
      config.process.cwd = "relative";
      config.hostname = 7 as never;
    });
    const { code, facts } = await refused(Container.create(made));
    t.equal(code, "CONFIG_INVALID");
    t.same(facts.problems?.map(({ pointer }) => pointer).sort(), ["/hostname", "/process/cwd"]);
    t.same(box.leftovers(), []);
  },
  { skip },
);

/** The time, and how long this thread has waited for a processor until then, which is no work of its own; milliseconds. */
function clock(): readonly [now: number, waited: number] {
  const waited = (): number => Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ")[1]) / 1e6;
  for (;;) {
    const before = waited();
    const now = performance.now();
    // Else it was taken off the processor in between, and the two do not belong together.
    if (waited() === before) return [now, before];
  }
}

/** How the event loop fared; milliseconds. */
interface Round {
  /** What all turns but one in a thousand took at most: garbage is collected, and code compiled, in this thread too. */
  readonly typical: number;
  readonly longest: number;
  /** Part of the time for which this thread could not get a processor. */
  readonly starved: number;
}

async function watchLoop(work: () => Promise<void>): Promise<Round> {
  const first = clock();
  let last = first;
  const gaps: number[] = [];
  const look = (): void => {
    const now = clock();
    gaps.push(now[0] - last[0] - (now[1] - last[1]));
    last = now;
    // A turn of the loop: setImmediate waits for nothing else.
    again = setImmediate(look);
  };
  let again = setImmediate(look);
  await work();
  clearImmediate(again);
  gaps.sort((one, other) => other - one);
  const starved = (last[1] - first[1]) / (last[0] - first[0]);
  return { typical: gaps[Math.ceil(gaps.length / 1000)] ?? 0, longest: gaps[0] ?? 0, starved };
}

scenario(
  "40 containers at once, and the event loop goes on",
  async (t, box) => {
    const made = options(box, ["sh", "-c", "echo $0 $$; exit 5"], (config) => {
      // Each in a cgroup of its own, which is named after it.
      delete config.linux.cgroupsPath;
    });
    const one = async (): Promise<void> => {
      const container = await Container.run({ ...made, id: box.id() });
      const printed = await all(container.stdout);
      const { exitCode } = await container.wait();
      await container.delete();
      ends.push(`${printed.trim()} ${exitCode}`);
    };
    const ends: string[] = [];
    // The first makes the threads; code that runs for the first time is slow.
    for (let at = 0; at < 5; at++) await one();
    const rounds: Round[] = [];
    const isShort = ({ typical }: Round): boolean => typical < LONGEST;
    while (rounds.length < 5 && !rounds.some(isShort)) {
      rounds.push(
        await watchLoop(async () => {
          const running: Promise<void>[] = [];
          for (let at = 0; at < 40; at++) {
            running.push(one());
            // What is measured is the library, and not how many calls a program makes in one turn.
            await new Promise(setImmediate);
          }
          await Promise.all(running);
        }),
      );
    }
    for (const { typical, longest, starved } of rounds) {
      t.comment(`999 of 1000 turns up to ${typical.toFixed(2)} ms, longest ${longest.toFixed(2)}; starved ${starved.toFixed(2)}`);
    }
    t.same(ends, new Array(5 + rounds.length * 40).fill("sh 1 5"));
    const busy = rounds.every(({ starved }) => starved > 0.1);
    const skipped = busy && !rounds.some(isShort) ? "others keep this thread off the processor" : false;
    t.ok(rounds.some(isShort), "no longer than 2 ms", { skip: skipped });
  },
  { skip },
);

scenario(
  "from a worker thread, which may be ended at any time",
  async (t, box) => {
    const made = options(box, ["sleep", "1000"]);
    // It has a process of `exec` too, which the container's first one cannot end without.
    const worker = new Worker(new URL("worker.js", import.meta.url), { workerData: made });
    t.equal(await new Promise((resolve) => worker.once("message", resolve)), "running");
    await worker.terminate();
    const container = await Container.open(made.id ?? "", { root: box.root });
    t.equal((await container.state()).status, "running", "the container does not end with it");
    await container.delete({ force: true });
  },
  { skip },
);
