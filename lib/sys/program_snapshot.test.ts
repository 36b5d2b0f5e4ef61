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

/** A program of the engine with the module `source`, its pieces in the `order` of a file. */
function make(name: string, source: string, order?: string): string {
  const path = (ending: string): string => join(root, `${name}${ending}`);
  writeFileSync(path(".js"), source);
  for (const [command, args] of [
    [COMPILE, [path(".bin"), path(".js")]],
    [PROGRAM, [path(".bin"), path(""), ...(order === undefined ? [] : [order])]],
  ] as const) {
    const done = spawnSync(command, args, { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`${command}: ${done.stdout}${done.stderr}`);
  }
  return path("");
}

/** The smallest room of a piece, its head included; bytes. */
const SMALLEST = 16;

/** A file with the order of a rehearsal. */
function orderOf(text: string): string {
  const path = join(root, "order");
  writeFileSync(path, text);
  return path;
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

t.test("the order is that of the installed program's build", { skip }, async (t) => {
  const order = fileURLToPath(new URL("../../../snapshot-order", import.meta.url));
  const lines = readFileSync(order, "utf8").trim().split("\n").slice(1);
  const read = lines.filter((line) => line.startsWith("r ")).length;
  t.ok(read > 1000, `commands read ${read} pieces`);
  t.ok(lines.length - read > 5, `and write to ${lines.length - read}`);
  t.ok(lines.length < 10_000, "most pieces are not used");
});

t.test("an order of another program, or none at all, is refused", { skip }, async (t) => {
  for (const [text, said] of [
    ["pieces 3 written 0 read 0 by-chance 0\n", /is the order of another program/],
    [
      `pieces 1 written ${SMALLEST} read 0 by-chance 0\nw 0\n`,
      /the order is that of another snapshot|is the order of another program/,
    ],
    ["pieces 3 written 0 read 0 by-chance 0\nr 3\n", /is no order of a rehearsal/],
    ["pieces 3 written 0 read 0 by-chance 0\nx 1\n", /is no order of a rehearsal/],
    ["", /is no order of a rehearsal/],
  ] as const) {
    t.throws(() => make("other", SOURCE, orderOf(text)), { message: said }, JSON.stringify(text));
  }
  t.throws(() => make("other", SOURCE, join(root, "missing")), { message: /is no order of a rehearsal/ });
});
