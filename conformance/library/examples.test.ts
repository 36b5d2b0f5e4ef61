// SPDX-License-Identifier: Apache-2.0
// The programs of the guide, with Node and with Bun.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import t from "tap";
import { Container } from "../../lib/index.ts";
import { type Box, scenario } from "../harness/box.ts";
import { KIND, RUNTIME } from "../harness/runtime.ts";
import { makeRootfs } from "../harness/rootfs.ts";
import { layout } from "./images.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const BUN = `${ROOT}node_modules/bun/bin/bun.exe`;
const TSC = `${ROOT}node_modules/typescript/bin/tsc`;
const ENGINES = [process.execPath, ...(existsSync(BUN) ? [BUN] : [])];
const skip = KIND === "runt" ? false : "the library is runt's";

t.before(() => {
  if (skip !== false) return;
  // Strict, and with the declarations of the library checked too.
  const done = spawnSync(process.execPath, [TSC, "-p", "examples"], { cwd: ROOT, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`the examples: ${done.stdout}`);
});

function rootfsOf(box: Box): string {
  const rootfs = box.folder("rootfs");
  makeRootfs(rootfs);
  return rootfs;
}

/** Starts an example: what tsc has made of it with Node, its source with Bun. */
function start(box: Box, engine: string, name: string, ...args: readonly string[]): ChildProcess {
  box.atClose(() => deleteThoseOf(box));
  const file = engine === BUN ? `${ROOT}examples/${name}.ts` : `${ROOT}build/examples/${name}.js`;
  const child = spawn(engine, [file, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  box.atClose(() => void child.kill("SIGKILL"));
  return child;
}

interface Done {
  readonly status: number | null;
  readonly stdout: string;
}

async function finished(child: ChildProcess): Promise<Done> {
  let stdout = "";
  child.stdout?.on("data", (chunk) => (stdout += String(chunk)));
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { status, stdout };
}

/** What an example that was killed has left; it keeps its containers where the program does. */
function deleteThoseOf(box: Box): void {
  const listed = spawnSync(RUNTIME, ["list", "--format", "json"], { encoding: "utf8" }).stdout;
  for (const { id, bundle } of (JSON.parse(listed) ?? []) as readonly { readonly id: string; readonly bundle: string }[]) {
    if (bundle.startsWith(`${box.dir}/`)) spawnSync(RUNTIME, ["delete", "--force", id]);
  }
}

for (const engine of ENGINES) {
  const name = engine === BUN ? "Bun" : "Node";

  scenario(
    `${name}: a sandbox over HTTP, with limits a request`,
    async (t, box) => {
      const server = start(box, engine, "sandbox", rootfsOf(box), "0");
      const url = await new Promise<string>((resolve) => server.stdout?.once("data", (line) => resolve(String(line).trim())));
      const ask = async (body: string): Promise<unknown> => (await fetch(url, { method: "POST", body })).json();
      t.match(await ask("id -u; exit 2"), { exitCode: 2, stdout: "65534\n", stderr: "", timedOut: false, oomKilled: false });
      t.match(await ask("exec tail /dev/zero"), { exitCode: 137, signal: 9, oomKilled: true });
      t.match(await ask("cat /dev/zero"), { truncated: true });
      t.match(await ask("ls /sys/class/net; touch /tmp/file && echo written"), { stdout: "lo\nwritten\n" });
      const all = await Promise.all([
        ask("sleep 100"),
        ...Array.from({ length: 30 }, (_, at) => ask(`echo ${at} > /tmp/mine; cat /tmp/mine`)),
      ]);
      t.match(all[0], { timedOut: true, signal: 9 });
      t.same(
        all.slice(1).map((each) => (each as Done).stdout),
        Array.from({ length: 30 }, (_, at) => `${at}\n`),
      );
      const gone = new AbortController();
      const left = fetch(url, { method: "POST", body: "sleep 100", signal: gone.signal }).catch(() => undefined);
      await sleep(300);
      gone.abort();
      await left;
      for (let tries = 0; tries < 50 && (await Container.states()).some(({ bundle }) => bundle.startsWith(box.dir)); tries++)
        await sleep(20);
      t.same(
        (await Container.states()).filter(({ bundle }) => bundle.startsWith(box.dir)),
        [],
        "who leaves takes the container along",
      );
      server.kill("SIGTERM");
      t.equal((await finished(server)).status, 0);
    },
    { skip },
  );

  scenario(
    `${name}: a CI runner with live logs and a terminal`,
    async (t, box) => {
      const [rootfs, directory] = [rootfsOf(box), box.folder("job")];
      writeFileSync(join(directory, "source"), "text");
      const good = await finished(
        start(
          box,
          engine,
          "ci",
          rootfs,
          directory,
          "cat source; echo; test -t 1 && stty size",
          "echo made > result; echo $CI $STEP",
        ),
      );
      const logs = good.stdout.replace(/^ *\d+\.\d /gm, "");
      t.equal(logs, "step 1 | text\nstep 1 | 40 120\nstep 2 | true 2\n2 steps are done\n");
      t.equal(good.status, 0);
      t.equal(readFileSync(join(directory, "result"), "utf8"), "made\n");
      const bad = await finished(start(box, engine, "ci", rootfs, directory, "false; echo not reached", "echo nor this"));
      t.equal(bad.stdout, "step 1 has failed: exit status 1\n");
      t.equal(bad.status, 1);
    },
    { skip },
  );

  scenario(
    `${name}: a pool of containers that wait`,
    async (t, box) => {
      const { status, stdout } = await finished(start(box, engine, "pool", rootfsOf(box), "6"));
      t.equal(stdout, "012345".replace(/./g, "REQUEST $&\n"));
      t.equal(status, 0);
    },
    { skip },
  );

  scenario(
    `${name}: a supervisor that is killed, and comes back`,
    async (t, box) => {
      const root = join(box.dir, `${box.marker}-workers`);
      box.atClose(() => {
        for (const id of spawnSync(RUNTIME, ["--root", root, "list", "--quiet"], { encoding: "utf8" }).stdout.split("\n")) {
          if (id !== "") spawnSync(RUNTIME, ["--root", root, "delete", "--force", id]);
        }
      });
      const rootfs = rootfsOf(box);
      const lines: string[] = [];
      const supervise = (): ChildProcess => {
        const child = start(box, engine, "supervisor", rootfs, root, "3");
        if (child.stdout !== null) createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
        return child;
      };
      const until = async (pattern: RegExp, count: number): Promise<void> => {
        for (let tries = 0; tries < 500 && lines.filter((line) => pattern.test(line)).length < count; tries++) await sleep(20);
        t.equal(lines.filter((line) => pattern.test(line)).length, count, `${pattern}`);
      };
      const first = supervise();
      await until(/: started/, 3);
      const before = (await Container.states({ root })).map(({ id, pid }) => `${id}: found, pid ${pid}`);
      first.kill("SIGKILL");
      await new Promise((resolve) => first.once("close", resolve));
      const [victim] = await Container.list({ root });
      lines.length = 0;
      const second = supervise();
      await until(/: found/, 3);
      t.same(lines.filter((line) => line.includes("found")).sort(), before);
      lines.length = 0;
      await victim?.kill("SIGKILL");
      await until(/: ended/, 1);
      await until(/: started/, 1);
      second.kill("SIGKILL");
      await new Promise((resolve) => second.once("close", resolve));
      const [last] = await Container.list({ root });
      await last?.kill("SIGKILL");
      lines.length = 0;
      const third = supervise();
      await until(/: has ended meanwhile: signal 9/, 1);
      await until(/: found/, 2);
      await until(/: started/, 1);
      third.kill("SIGINT");
      await new Promise((resolve) => third.once("close", resolve));
      t.same(await Container.states({ root }), []);
    },
    { skip },
  );

  scenario(
    `${name}: an overlay farm on one image`,
    async (t, box) => {
      const rootfs = rootfsOf(box);
      const layer = spawnSync("tar", ["-C", rootfs, "-cf", "-", "."], { maxBuffer: 1 << 28 }).stdout;
      const image = layout(box.folder("image"), { layers: [layer] });
      const store = box.path("store");
      t.equal((await finished(start(box, engine, "farm", image, "40", store))).stdout, "40 containers wrote 40 numbers\n");
      t.equal(readdirSync(store).length, 1);
      t.equal((await finished(start(box, engine, "farm", rootfs, "10"))).stdout, "10 containers wrote 10 numbers\n");
    },
    { skip, timeout: 90_000 },
  );
}
