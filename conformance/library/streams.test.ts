// SPDX-License-Identifier: Apache-2.0
// The streams of the library's containers: what they hold, and for how long.
import { readdirSync } from "node:fs";
import { Container, type ContainerProcess } from "../../lib/index.ts";
import { scenario } from "../harness/box.ts";
import { all, options, skip } from "./made.ts";

const LIVES = 10;

function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

scenario(
  "no descriptor stays open for a stream that nobody uses",
  async (t, box) => {
    const made = options(box, ["sh", "-c", "echo out; echo err >&2"], (config) => {
      delete config.linux.cgroupsPath;
    });
    const terminal = options(box, ["echo", "shown"], (config) => {
      delete config.linux.cgroupsPath;
      config.process.terminal = true;
    });
    const live = async (): Promise<void> => {
      for (const each of [made, { ...terminal, terminal: true }]) {
        const container = await Container.run({ ...each, id: box.id() });
        await container.wait();
        await container.delete();
      }
    };
    const keeper = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    const exec = async (): Promise<ContainerProcess> => {
      const process = await keeper.spawn(["echo", "done"]);
      await process.wait();
      return process;
    };
    // The first ones make the threads.
    for (let at = 0; at < 5; at++) await Promise.all([live(), exec()]);
    const before = descriptors();
    for (let at = 0; at < LIVES; at++) await live();
    const processes: ContainerProcess[] = [];
    for (let at = 0; at < LIVES; at++) processes.push(await exec());
    t.ok(descriptors() < before + LIVES, `${before}, then ${descriptors()}`);
    for (const { stdin, stdout } of processes) {
      t.equal(await all(stdout), "done\n", "what was written can be read all the same");
      t.ok(stdin?.destroyed);
    }
    await keeper.delete({ force: true });
  },
  { skip },
);

scenario(
  "what a deleted container has written can be read",
  async (t, box) => {
    const container = await Container.run(options(box, ["sh", "-c", "head -c 60000 /dev/zero; echo end"]));
    await container.wait();
    await container.delete();
    t.equal((await all(container.stdout)).length, 60004);
    t.equal(await all(container.stderr), "");
  },
  { skip },
);

scenario(
  "a process that goes on writes on when the one of exec has ended",
  async (t, box) => {
    const container = await Container.run({ ...options(box, ["sleep", "1000"]), stdio: "ignore" });
    const process = await container.spawn(["sh", "-c", "(sleep 0.5; echo later) & echo first"]);
    const printed = all(process.stdout);
    t.equal((await process.wait()).exitCode, 0);
    t.equal(await printed, "first\nlater\n");
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "a stream that never pauses leaves the event loop to others",
  async (t, box) => {
    const made = { stdio: ["pipe", "pipe", "ignore"] } as const;
    const container = await Container.run({ ...options(box, ["sh", "-c", "cat >/dev/null & exec cat /dev/zero"]), ...made });
    let [inTurn, most, bytes] = [0, 0, 0];
    const turn = (): void => {
      most = Math.max(most, inTurn);
      inTurn = 0;
      again = setImmediate(turn);
    };
    let again = setImmediate(turn);
    container.stdout?.on("data", (chunk: Uint8Array) => {
      inTurn++;
      bytes += chunk.length;
    });
    while (bytes < 32 << 20) await new Promise(setImmediate);
    clearImmediate(again);
    t.ok(most <= 2, `${most} chunks in one turn`);
    await container.delete({ force: true });
  },
  { skip },
);

scenario(
  "a large piece of input goes through in parts",
  async (t, box) => {
    const container = await Container.run(options(box, ["wc", "-c"]));
    container.stdin?.write(new Uint8Array(16 << 20));
    container.stdin?.end("and more");
    t.equal((await all(container.stdout)).trim(), String((16 << 20) + 8));
    await container.wait();
    await container.delete();
  },
  { skip },
);
