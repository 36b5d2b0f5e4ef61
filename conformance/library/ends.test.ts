// SPDX-License-Identifier: Apache-2.0
// How containers have ended whose program was killed.
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Container } from "../../lib/index.ts";
import { type Box, scenario } from "../harness/box.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { RUNTIME } from "../harness/runtime.ts";
import { options, refused, skip } from "./made.ts";

const LIBRARY = fileURLToPath(new URL("../../lib/index.js", import.meta.url));

/** Makes containers whose programs wait for a file of the host: its name is that of the container. */
const SUPERVISOR = `
  import { Container } from ${JSON.stringify(LIBRARY)};
  const [, root, rootfs, signs] = process.argv;
  const make = (id, script, more) => Container.run({
    id, root, rootfs, stdio: "ignore", mounts: [{ source: signs, destination: "/signs" }],
    args: ["sh", "-c", \`until test -e /signs/\${id}; do sleep 0.02; done; \${script}\`], ...more,
  });
  await Promise.all([
    make("exits", "exit 7"),
    make("signalled", "exec sleep 1000"),
    make("starved", "exec tail /dev/zero", { limits: { memory: "16m" } }),
    make("lives", "exit 3"),
    Container.create({ id: "waits", root, rootfs, stdio: "ignore", args: ["sh", "-c", "exit 4"] }),
  ]);
  console.log("made");
  setInterval(() => {}, 1000);
`;

function keepers(): number {
  const names = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return names.filter((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes("runt:[0:KEEP]") && parentOf(name) === process.pid;
    } catch {
      return false;
    }
  }).length;
}

function parentOf(pid: string): number {
  return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** A state directory whose containers are gone in the end, whatever happens. */
function stateOf(box: Box): string {
  const root = box.folder("state");
  box.atClose(() => {
    for (const id of readdirSync(root)) if (!id.startsWith("@")) spawnSync(RUNTIME, ["--root", root, "delete", "--force", id]);
  });
  return root;
}

scenario(
  "a supervisor is killed: the next one learns how what it has started has ended",
  async (t, box) => {
    const [root, rootfs, signs] = [stateOf(box), box.folder("rootfs"), box.folder("signs")];
    makeRootfs(rootfs);
    const first = spawn(process.execPath, ["--input-type=module", "-e", SUPERVISOR, "--", root, rootfs, signs], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface({ input: first.stdout })) if (line === "made") break;
    first.kill("SIGKILL");
    await new Promise((resolve) => first.once("close", resolve));

    const found = await Container.list({ root });
    t.same(
      found.map(({ id }) => id),
      ["exits", "lives", "signalled", "starved", "waits"],
    );
    const of = (id: string): Container => found.find((each) => each.id === id) as Container;
    const ended = async (id: string): Promise<void> => {
      writeFileSync(join(signs, id), "");
      while ((await of(id).state()).status !== "stopped") await sleep(10);
    };
    for (const id of ["exits", "starved"]) await ended(id);
    spawnSync(RUNTIME, ["--root", root, "kill", "signalled", "KILL"]);
    await ended("signalled");
    t.strictSame(await of("exits").wait(), { exitCode: 7, oomKilled: false });
    t.strictSame(await of("exits").wait(), { exitCode: 7, oomKilled: false }, "and again");
    t.strictSame(
      await (await Container.open("exits", { root })).wait(),
      { exitCode: 7, oomKilled: false },
      "and by another object",
    );
    t.strictSame(await of("signalled").wait(), { exitCode: 137, signal: 9, oomKilled: false });
    t.match(await of("starved").wait(), { exitCode: 137, oomKilled: true, killedBy: "oom" });
    const seen = [];
    for await (const event of of("exits").events()) seen.push(event);
    t.strictSame(seen, [{ type: "exit", id: "exits", exitCode: 7, oomKilled: false }]);

    const living = of("lives").wait();
    await ended("lives");
    t.strictSame(await living, { exitCode: 3, oomKilled: false }, "one that ends now");
    const waiting = of("waits").wait();
    await of("waits").start();
    t.strictSame(await waiting, { exitCode: 4, oomKilled: false }, "one that had not begun");
    await Promise.all(found.map((each) => each.delete()));
    t.same(await Container.states({ root }), []);
  },
  { skip, timeout: 60_000 },
);

scenario(
  "a keeper is reaped with its container, however that ends, and tells the signal where delete was faster",
  async (t, box) => {
    const made = options(box, ["sleep", "1000"], (config) => {
      delete config.linux.cgroupsPath;
    });
    const begin = (): Promise<Container> => Container.run({ ...made, id: box.id(), stdio: "ignore" });
    const all = await Promise.all(Array.from({ length: 8 }, begin));
    t.equal(keepers(), 8);
    const ends = await Promise.all(
      all.map(async (container, at) => {
        const end = container.wait();
        if (at % 2 === 0) await container.kill("SIGKILL");
        await container.delete({ force: true });
        return end;
      }),
    );
    for (const [at, end] of ends.entries())
      t.match(end, { exitCode: 137, signal: 9, oomKilled: false, killedBy: at % 2 === 0 ? "kill" : "delete" });
    t.equal(keepers(), 0);
    const unkept = await Container.run({ ...made, id: box.id(), stdio: "ignore", keepExit: false });
    t.equal(keepers(), 0, "keepExit: false");
    await unkept.kill("SIGKILL");
    t.match(await unkept.wait(), { signal: 9, killedBy: "kill" });
    await unkept.delete();
    const given = new AbortController();
    const making = Container.run({ ...made, id: box.id(), stdio: "ignore", signal: given.signal });
    given.abort();
    t.equal((await refused(making)).code, "ABORTED");
    const short = await Container.run({ ...made, id: box.id(), stdio: "ignore", timeout: 50 });
    t.match(await short.wait(), { signal: 9, killedBy: "timeout" });
    await short.delete();
    t.equal(keepers(), 0);
  },
  { skip },
);
