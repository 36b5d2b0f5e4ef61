// Containers that wait: each is made before it is needed, so that a request only has to start one.
//
//   node pool.mjs ROOTFS [REQUESTS]
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { Container, newConfig } from "@runt-oci/runt";

const SIZE = 4;
const [rootfs = "rootfs", requests = "20"] = process.argv.slice(2);

class Pool {
  #bundle;
  #waiting = [];

  constructor(bundle) {
    this.#bundle = bundle;
    for (let at = 0; at < SIZE; at++) this.#add();
  }

  #add() {
    const made = Container.create({ bundle: this.#bundle, stdio: ["pipe", "pipe", "inherit"] });
    // Whoever takes it is told of a failure.
    made.catch(() => undefined);
    this.#waiting.push(made);
  }

  /** Gives `input` to the program of a container that has waited, and returns what it prints. */
  async request(input) {
    const taken = this.#waiting.shift();
    this.#add();
    const box = await taken;
    try {
      await box.start();
      box.stdin.end(input);
      return await text(box.stdout);
    } finally {
      await box.delete({ force: true });
    }
  }

  async close() {
    for (const made of this.#waiting) await (await made).delete({ force: true });
  }
}

const bundle = await mkdtemp(join(tmpdir(), "pool-"));
try {
  const config = newConfig();
  const process = { ...config.process, terminal: false, args: ["tr", "a-z", "A-Z"] };
  const root = { path: resolve(rootfs), readonly: true };
  await writeFile(join(bundle, "config.json"), JSON.stringify({ ...config, process, root }));
  const pool = new Pool(bundle);
  const began = performance.now();
  for (let at = 0; at < Number(requests); at++) console.log(await pool.request(`request ${at}`));
  console.error(`${((performance.now() - began) / Number(requests)).toFixed(1)} ms a request`);
  await pool.close();
} finally {
  await rm(bundle, { recursive: true });
}
