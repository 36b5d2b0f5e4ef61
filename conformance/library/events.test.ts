// SPDX-License-Identifier: Apache-2.0
// events(): endless work keeps nobody waiting.
import { existsSync } from "node:fs";
import { Container, type CgroupStats } from "../../lib/index.ts";
import { scenario } from "../harness/box.ts";
import { isUnifiedAlone } from "../../lib/cgroups/place/layout.ts";
import { options, skip } from "./made.ts";

scenario(
  "a loop with hardly any interval can be left, and the container deleted",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    let told = 0;
    for await (const event of container.events({ interval: 0.01 })) {
      t.match(event, { type: "stats", id: container.id });
      if (++told === 3) break;
    }
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "a reader that lags gets the newest statistics, and the number of those left out",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    const events = container.events({ interval: 5 });
    await events.next();
    await new Promise((resolve) => setTimeout(resolve, 400));
    let dropped = 0;
    for (let at = 0; at < 4; at++) {
      const { value } = await events.next();
      if (value?.type === "stats") dropped += value.dropped;
    }
    t.ok(dropped > 20, `${dropped} were left out`);
    await events.return();
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "the end of the first process is an event, and says who ended it",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    const seen: string[] = [];
    const done = (async () => {
      for await (const event of container.events())
        seen.push(event.type === "exit" ? `exit ${event.signal} ${event.killedBy}` : event.type);
    })();
    await container.kill("SIGKILL");
    await container.wait();
    await container.delete();
    await done;
    t.same(seen, ["exit 9 kill"], "also where it has ended before it could be watched");
  },
  { skip },
);

scenario(
  "a container that has ended before: its end is told, and nothing else",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sh", "-c", "exit 5"]), stdio: "ignore" });
    await container.wait();
    const seen = [];
    for await (const event of container.events()) seen.push(event);
    t.match(seen, [{ type: "exit", exitCode: 5 }]);
    t.equal(seen.length, 1);
    await container.delete();
  },
  { skip },
);

scenario(
  "want of memory is told before it kills",
  async (t, box) => {
    const container = await Container.run({
      ...options(
        box,
        ["sh", "-c", "head -c 60000000 /dev/zero > /dev/null; dd if=/dev/zero of=/f bs=1M count=200 2>/dev/null; sleep 1000"],
        (config) => {
          config.linux.resources = { memory: { limit: 24 << 20 } };
          config.root.readonly = false;
        },
      ),
      stdio: "ignore",
    });
    const signal = AbortSignal.timeout(10_000);
    let told = false;
    for await (const event of container.events({ signal })) {
      told ||= event.type === "pressure" && event.count > 0;
      if (told) break;
    }
    t.ok(told);
    await container.delete({ force: true });
  },
  { skip: skip !== false ? skip : !isUnifiedAlone() || existsSync("/proc/pressure/memory") ? false : "the kernel has no PSI" },
);

scenario(
  "statistics follow what happens: a limit that changes, processes that come, and a container of the same name",
  async (t, box) => {
    const id = box.id();
    const made = options(box, ["sleep", "1000"], (config) => {
      config.linux.resources = { memory: { limit: 64 << 20 }, pids: { limit: 50 } };
    });
    /** Statistics until one is as `wanted`. */
    const until = async (container: Container, wanted: (stats: CgroupStats) => boolean): Promise<CgroupStats | undefined> => {
      const signal = AbortSignal.timeout(20_000);
      for await (const event of container.events({ interval: 20, signal }))
        if (event.type === "stats" && wanted(event.data)) return event.data;
      return undefined;
    };
    for (const limit of [32 << 20, 48 << 20]) {
      const container = await Container.run({ ...made, id, stdio: "ignore" });
      t.ok(await until(container, ({ memory }) => memory.usage?.limit === 64 << 20), "the limit of the config");
      const changed = until(container, ({ memory, pids }) => memory.usage?.limit === limit && pids["limit"] === 40);
      await container.update({ memory: { limit }, pids: { limit: 40 } });
      t.ok(await changed, "that of the update");
      const more = until(container, ({ pids }) => pids["current"] === 2);
      const child = await container.spawn(["sleep", "1000"], { stdio: "ignore" });
      const seen = await more;
      t.ok(seen, "another process");
      const now = await container.stats();
      t.strictSame(Object.keys(seen ?? {}), Object.keys(now), "the same parts as stats() has");
      t.strictSame(seen?.cpuset, now.cpuset);
      await child.kill("SIGKILL", { tree: true });
      await container.delete({ force: true });
    }
  },
  { skip },
);

scenario(
  "200 containers at 100 ms: kill, wait, abort and delete have their turn",
  async (t, box) => {
    const COUNT = 200;
    const containers: Container[] = [];
    const made = options(box, ["sleep", "1000"], (config) => {
      delete config.linux.cgroupsPath;
    });
    for (let at = 0; at < COUNT; at += 20) {
      const some = Array.from({ length: 20 }, () => Container.run({ ...made, id: box.id(), stdio: "ignore" }));
      containers.push(...(await Promise.all(some)));
    }
    const counts = new Map<string, number>();
    const left = new AbortController();
    const loops = containers.map(async (container) => {
      for await (const { id, type } of container.events({ interval: 100, signal: left.signal })) {
        if (type === "stats") counts.set(id, (counts.get(id) ?? 0) + 1);
      }
    });
    while (counts.size < COUNT) await new Promise((resolve) => setTimeout(resolve, 50));
    const slowest = { kill: 0, exec: 0 };
    for (const container of containers.slice(0, 5)) {
      const began = performance.now();
      const given = new AbortController();
      setTimeout(() => given.abort(), 10);
      await container.wait({ signal: given.signal }).catch(() => undefined);
      const { exitCode } = await container.exec(["true"]);
      t.equal(exitCode, 0);
      slowest.exec = Math.max(slowest.exec, performance.now() - began);
      const killed = performance.now();
      await container.kill("SIGKILL");
      t.match(await container.wait(), { signal: 9, killedBy: "kill" });
      await container.delete();
      slowest.kill = Math.max(slowest.kill, performance.now() - killed);
    }
    const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
    t.comment(
      `wait, abort and exec ${slowest.exec.toFixed(0)} ms, kill, wait and delete ${slowest.kill.toFixed(0)} ms at most; statistics ${least} to ${most}`,
    );
    t.ok(slowest.exec < 5000 && slowest.kill < 5000);
    const leaving = performance.now();
    left.abort();
    await Promise.all(loops);
    t.ok(performance.now() - leaving < 5000, "all loops end");
    await Promise.all(containers.slice(5).map((container) => container.delete({ force: true })));
  },
  { skip, timeout: 180_000 },
);
