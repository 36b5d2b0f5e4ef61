// SPDX-License-Identifier: Apache-2.0
// The end of a process of exec is the end of all that it has started.
import { Container } from "../../lib/index.ts";
import { scenario } from "../harness/box.ts";
import { readFileSync } from "node:fs";
import { all, options, skip } from "./made.ts";

/** Starts a process in a session of its own, whose parent ends at once, and one more; both hold the outputs. */
const SPREAD = ["sh", "-c", "(setsid sleep 1000 &); sleep 1000 & echo started; sleep 1000"];

for (const cgroups of [true, false]) {
  const where = cgroups ? "in its cgroup" : "without a cgroup of its own";
  // Without one nobody knows a process that has left its session and lost its parents.
  const spread = cgroups ? SPREAD : ["sh", "-c", "sleep 1000 & echo started; sleep 1000"];
  const ends = cgroups ? {} : { cgroups: { "": "." } };

  scenario(
    `abort, kill with tree and a time-out end the whole tree, ${where}`,
    async (t, box) => {
      const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
      const given = new AbortController();
      const aborted = await container.spawn(spread, { signal: given.signal, ...ends });
      await new Promise((resolve) => aborted.stdout.once("data", resolve));
      t.ok((await container.processes()).length > 2);
      const closed = all(aborted.stdout);
      given.abort();
      t.same(await aborted.wait(), { exitCode: 137, signal: 9, killedBy: "abort" });
      await closed;
      const killed = await container.spawn(spread, ends);
      await new Promise((resolve) => killed.stdout.once("data", resolve));
      const end = all(killed.stdout);
      t.equal(await killed.kill("SIGKILL", { tree: true }), true);
      t.same(await killed.wait(), { exitCode: 137, signal: 9, killedBy: "kill" });
      await end;
      const timed = await container.spawn(spread, { timeout: 300, ...ends });
      t.equal(await all(timed.stdout), "started\n");
      t.same(await timed.wait(), { exitCode: 137, signal: 9, killedBy: "timeout" });
      for (let at = 0; at < 50 && (await container.processes()).length > 1; at++)
        await new Promise((resolve) => setTimeout(resolve, 20));
      t.equal((await container.processes()).length, 1);
      await container.delete({ force: true });
    },
    { skip },
  );
}

scenario(
  "what a process has left behind ends with a time-out, or a later kill, too",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    const left = await container.spawn(["sh", "-c", "(setsid sleep 1000 &); echo left"], { timeout: 400 });
    t.equal((await left.wait()).exitCode, 0);
    t.equal(await all(left.stdout), "left\n", "the output ends with the time-out");
    const later = await container.spawn(["sh", "-c", "(setsid sleep 1000 &); echo left"]);
    t.equal((await later.wait()).exitCode, 0);
    t.equal(await later.kill("SIGKILL", { tree: true }), false, "its first process has ended");
    t.equal(await all(later.stdout), "left\n");
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "no cgroup of a process that has ended is left",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    const line = (): string => readFileSync(`/proc/${container.pid}/cgroup`, "utf8");
    t.notOk(line().includes("/exec-"));
    const { stdout } = await container.exec(["cat", "/proc/self/cgroup"]);
    t.match(stdout, /\/exec-/, "it has one of its own");
    await Promise.all(Array.from({ length: 20 }, () => container.exec(["true"])));
    await container.exec(["true"]);
    const { stdout: names } = await container.exec([
      "sh",
      "-c",
      "ls /sys/fs/cgroup/freezer /sys/fs/cgroup | grep -c ^exec-; true",
    ]);
    t.ok(Number(names.trim()) <= 2, `${names.trim()} are there while one runs`);
    await container.delete({ force: true });
  },
  { skip },
);
