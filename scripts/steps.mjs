// SPDX-License-Identifier: Apache-2.0
// What scripts/build.mjs is made of: a step that is left out while its inputs are what they were.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { environment, ROOT } from "./prepare.mjs";

const STAMPS = join(ROOT, "build/stamps");

/** A step that failed; what it printed is in the message. */
export class StepFailed extends Error {}

/** Files under `folder` (relative to the checkout) whose name ends with one of `endings`, sorted. */
export function filesUnder(folder, endings) {
  const found = [];
  const walk = (directory) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (endings.some((ending) => entry.name.endsWith(ending))) found.push(relative(ROOT, path));
    }
  };
  if (existsSync(join(ROOT, folder))) walk(join(ROOT, folder));
  return found.sort();
}

/** Names, sizes and times of files; what does not exist counts as such. */
function fingerprint(files, words) {
  const hash = createHash("sha256");
  for (const word of words) hash.update(`${word}\0`);
  for (const file of files) {
    const found = statSync(join(ROOT, file), { throwIfNoEntry: false });
    hash.update(`${file}\0${found?.size}\0${found?.mtimeMs}\0`);
  }
  return hash.digest("hex");
}

/**
 * Runs `action`, unless it has already succeeded with the same inputs and its outputs are still there.
 *
 * @param options.inputs files, relative to the checkout
 * @param options.words other things that the result depends on
 * @param options.outputs files, relative to the checkout
 * @returns whether it was run
 */
export function step(name, { inputs, words = [], outputs, force = false }, action) {
  const stamp = join(STAMPS, name);
  const key = fingerprint([...inputs, "scripts/build.mjs", "package.json", "package-lock.json"], words);
  const isDone =
    existsSync(stamp) && readFileSync(stamp, "utf8") === key && outputs.every((output) => existsSync(join(ROOT, output)));
  if (isDone && !force) return false;
  const start = performance.now();
  rmSync(stamp, { force: true });
  action();
  mkdirSync(STAMPS, { recursive: true });
  writeFileSync(stamp, key);
  console.log(`build: ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return true;
}

/** For the files that a compiler makes on its way: nothing outside the checkout is written to. */
const TEMPORARY = join(ROOT, "build/tmp");

function buildEnvironment() {
  mkdirSync(TEMPORARY, { recursive: true });
  return { ...environment(), TMPDIR: TEMPORARY };
}

/**
 * Runs a program in the checkout. Its output is shown only if it fails.
 * @returns what it printed
 * @throws StepFailed
 */
export function run(command, args) {
  const done = spawnSync(command, args, {
    cwd: ROOT,
    encoding: "utf8",
    env: buildEnvironment(),
    maxBuffer: 1 << 28,
  });
  if (done.status === 0) return done.stdout + done.stderr;
  const reason = done.error?.message ?? `ended with ${done.status ?? done.signal}`;
  throw new StepFailed(`${done.stdout ?? ""}${done.stderr ?? ""}${command}: ${reason}`);
}

/** Output of a program that may be missing or fail; "" then. */
export function ask(command, args) {
  const done = spawnSync(command, args, { cwd: ROOT, encoding: "utf8", env: environment() });
  return done.status === 0 ? done.stdout.trim() : "";
}

/** Copies a file so that nobody sees half of it, and a running program keeps the old one. */
export function install(from, to) {
  const target = join(ROOT, to);
  const aside = `${target}.${process.pid}`;
  mkdirSync(dirname(target), { recursive: true });
  // One write of all of it: the page cache then holds large folios, which a start of the executable maps with fewer page
  // faults (docs/performance.md).
  writeFileSync(aside, readFileSync(join(ROOT, from)), { mode: statSync(join(ROOT, from)).mode });
  renameSync(aside, target);
}

/**
 * Removes a build directory of CMake that was made for another checkout: it remembers where it lay, and CMake goes on
 * building there. A checkout that was copied starts afresh.
 */
export function dropForeignBuild(folder) {
  const cache = join(ROOT, folder, "CMakeCache.txt");
  if (!existsSync(cache)) return;
  if (readFileSync(cache, "utf8").includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${ROOT}\n`)) return;
  rmSync(join(ROOT, folder), { recursive: true });
}
