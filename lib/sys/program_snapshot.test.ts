// SPDX-License-Identifier: Apache-2.0
// The snapshot that the program starts with (native/engine/heap.h): made twice it has the same bytes, and yet each process
// has random numbers of its own.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";

const ENGINE = fileURLToPath(new URL("../../../native-engine/native", import.meta.url));
const [COMPILE, PROGRAM] = [join(ENGINE, "compile"), join(ENGINE, "program")];
const skip = existsSync(COMPILE) && existsSync(PROGRAM) ? false : "the engine has not been built here";

const root = mkdtempSync(join(tmpdir(), "runt-snapshot-"));
t.teardown(() => rmSync(root, { recursive: true }));

/** A program of the engine with the module `source`. */
function make(name: string, source: string): string {
  const path = (ending: string): string => join(root, `${name}${ending}`);
  writeFileSync(path(".js"), source);
  for (const [command, args] of [
    [COMPILE, [path(".bin"), path(".js")]],
    [PROGRAM, [path(".bin"), path("")]],
  ] as const) {
    const done = spawnSync(command, args, { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`${command}: ${done.stdout}${done.stderr}`);
  }
  return path("");
}

const SOURCE = `const table = new Map([["a", {}], ["b", []]]);
export function main() { process.exit(Math.floor(Math.random() * 256) & (table.size === 2 ? 255 : 0)); }\n`;

t.test("the same bytes each time", { skip }, async (t) => {
  // The name of the module is in the bytecode.
  const first = readFileSync(make("same", SOURCE));
  const second = readFileSync(make("same", SOURCE));
  t.ok(first.equals(second));
});

t.test("random numbers are not the same in every start", { skip }, async (t) => {
  const program = make("random", SOURCE);
  const seen = new Set(Array.from({ length: 24 }, () => spawnSync(program).status));
  t.notOk(seen.has(null), "no signal");
  t.ok(seen.size > 8, `${seen.size} different numbers in 24 starts`);
});
