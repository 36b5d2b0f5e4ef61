// SPDX-License-Identifier: Apache-2.0
/** Two runtimes at one id, a pid that is another's by now, clocks that jump, and too little memory for the runtime itself. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawn, spawnSync } from "node:child_process";
import type { Test } from "tap";
import { scenario, type Box, type Container, type Edit } from "../harness/box.ts";
import { hasLimits, isAlive, waitFor } from "../harness/host.ts";
import { IS_RUNT, runtOnly } from "../harness/runtime.ts";

const HAS_TIME_NAMESPACES = existsSync("/proc/self/ns/time");
/** In a time namespace whose clocks are years ahead. */
const AHEAD = ["unshare", "--time", "--fork", "--boottime", "100000000", "--monotonic", "100000000"];
const sleeps: Edit = (config) => void (config.process.args = ["sleep", "1000"]);

scenario(
  "of several creates of one id one wins, of several starts one, of several deletes one",
  async (t, box) => {
    for (let round = 0; round < 5; round += 1) {
      const id = box.id();
      const makers = [1, 2, 3].map(() => box.begin(["create", "--bundle", box.bundle(sleeps).dir, id]));
      const made = await Promise.all(makers.map(({ ended }) => ended));
      t.equal(made.filter(({ status }) => status === 0).length, 1, made.map(({ output }) => output).join());
      const starters = [1, 2, 3].map(() => box.begin(["start", id]));
      const started = await Promise.all(starters.map(({ ended }) => ended));
      t.equal(started.filter(({ status }) => status === 0).length, 1, started.map(({ output }) => output).join());
      const removers = [1, 2, 3].map(() => box.begin(["delete", "--force", id]));
      const removed = await Promise.all(removers.map(({ ended }) => ended));
      t.same(
        removed.map(({ status }) => status),
        [0, 0, 0],
        removed.map(({ output }) => output).join(),
      );
      t.ok(
        waitFor(() => box.leftovers().length === 0),
        box.leftovers().join(),
      );
    }
  },
  { skip: runtOnly("has no lock"), timeout: 120_000 },
);

scenario(
  "create and delete --force of one id at the same time: a whole container, or nothing",
  async (t, box) => {
    for (let round = 0; round < 10; round += 1) {
      const id = box.id();
      const making = box.begin(["create", "--bundle", box.bundle(sleeps).dir, id]);
      await new Promise((settle) => setTimeout(settle, round * 3));
      const removing = box.begin(["delete", "--force", id]);
      await making.ended;
      await removing.ended;
      t.equal(box.call(["delete", "--force", id]).status, 0);
      t.ok(
        waitFor(() => box.leftovers().length === 0),
        box.leftovers().join(),
      );
    }
  },
  { skip: runtOnly("has no lock"), timeout: 120_000 },
);

scenario(
  "a pid that another process has by now: the container is stopped, and nobody is signalled",
  async (t, box) => {
    const container = box.running();
    container.kill("KILL");
    container.until("stopped");
    const other = spawn("sleep", ["1000"], { stdio: "ignore" });
    box.atClose(() => other.kill("SIGKILL"));
    const path = join(box.root, container.id, "state.json");
    const record = readFileSync(path, "utf8").replace(/"init_process_pid":\d+/, `"init_process_pid":${other.pid}`);
    writeFileSync(path, record);
    t.equal(container.state().status, "stopped");
    t.equal(container.kill("KILL").status, 1);
    t.equal(box.call(["exec", container.id, "true"]).status, 255);
    t.equal(container.remove("--force").status, 0);
    t.ok(isAlive(other.pid ?? 0), "it lives");
  },
  { skip: runtOnly("has another record") },
);

/** A life that ends with status 7, each call behind the words that `wrap` gives. */
async function live(t: Test, box: Box, container: Container, wrap: () => readonly string[]): Promise<void> {
  const { id, pid } = container;
  const call = (...words: string[]) => box.call(words, { wrap: wrap() });
  t.match(call("state", id).stdout, /"status": ?"created"/);
  t.equal(call("start", id).status, 0);
  t.match(call("state", id).stdout, /"status": ?"running"/);
  t.equal(call("exec", id, "true").status, 0);
  if (IS_RUNT) t.ok((JSON.parse(call("ps", "--format", "json", id).stdout) as number[]).includes(pid));
  const waits = IS_RUNT ? box.begin(["wait", id], { wrap: wrap() }) : undefined;
  t.equal(call("delete", id).status, 1, "it runs");
  t.ok(isAlive(pid));
  if (waits !== undefined) await waitForWait();
  t.equal(call("kill", id, "TERM").status, 0);
  t.ok(
    waitFor(() => !isAlive(pid)),
    "it was signalled",
  );
  const ended = await waits?.ended;
  if (ended !== undefined) t.match(ended.output, /\b7\b/);
  t.match(call("state", id).stdout, /"status": ?"stopped"/);
  t.not(call("kill", id, "TERM").status, 0);
  t.equal(call("delete", id).status, 0);
}

/** The call has to have a pidfd by now. */
const waitForWait = (): Promise<void> => new Promise((settle) => setTimeout(settle, 500));

const endsWith7: Edit = (config) => void (config.process.args = ["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done"]);

for (const [where, made, used] of [
  ["created here, used in a time namespace", [], AHEAD],
  ["created in a time namespace, used here", AHEAD, []],
  ["created and used in a time namespace", AHEAD, AHEAD],
] as const) {
  scenario(
    `a container ${where}: status, exec, wait, kill and delete are the same`,
    async (t, box) => {
      const container = box.create(endsWith7, [], { wrap: made });
      await live(t, box, container, () => used);
    },
    { skip: HAS_TIME_NAMESPACES ? runtOnly("takes it for stopped") : "no time namespaces" },
  );
}

scenario(
  "the clock of the wall jumps between two calls, and while one waits",
  async (t, box) => {
    const jump = (seconds: number): void => void spawnSync("date", ["--set", `${seconds} seconds`]);
    let ahead = false;
    const container = box.create(endsWith7);
    await live(t, box, container, () => {
      ahead = !ahead;
      jump(ahead ? 864_000 : -864_000);
      return [];
    });
    if (ahead) jump(-864_000);
  },
  { skip: process.env["RUNT_TEST_CLOCK"] === undefined ? "the clock of this host is not the tests'" : false },
);

scenario(
  "memory.limit too small for the first process: one error, nothing left",
  (t, box) => {
    // With 256 KiB it depends on how much of them the kernel charges at a time.
    for (const limit of [4096, 32_768, 65_536]) {
      const bundle = box.bundle((config) => {
        sleeps(config);
        config.linux.resources = { ...config.linux.resources, memory: { limit, swap: limit } };
      });
      const made = box.call(["run", "--detach", "--bundle", bundle.dir, box.id()]);
      t.not(made.status, 0, `${limit}`);
      t.match(made.stderr, IS_RUNT ? /memory/ : /./, made.output);
      t.ok(
        waitFor(() => box.leftovers().length === 0),
        box.leftovers().join(),
      );
    }
  },
  { skip: hasLimits("memory") ? runtOnly("leaves it to chance") : "no memory controller" },
);
