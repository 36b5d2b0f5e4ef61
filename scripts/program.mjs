// SPDX-License-Identifier: Apache-2.0
// dist/bin/runt from build/program/runt.js: its bytecode, QuickJS and the addons in one static file. Used by the
// build, and by an installation on a machine that the package has no program for.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { buildFolder, CMAKE_WORDS, runnable } from "./arch.mjs";
import { ROOT } from "./prepare.mjs";
import { QUICKJS, QUICKJS_VERSION } from "./quickjs.mjs";
import { dropForeignBuild, install, run, StepFailed } from "./steps.mjs";

/** All of lib as one JavaScript module. */
export const MODULE = "build/program/runt.js";
/** Where CMake makes the engine. */
export const ENGINE_BUILD = buildFolder("native-engine");
/** Where CMake makes the engine with the sanitizers. */
const SANITIZED_BUILD = buildFolder("native-sanitized");
/** Where CMake makes the engine that counts. */
const TRAINING_BUILD = buildFolder("native-training");
/** The module that it runs. */
const TRAINING = `${buildFolder("training")}/training.js`;
/** The folder of what it has counted; the engine is compiled by it. */
export const PROFILE = buildFolder("engine-profile");
/** Where CMake makes the engine that tells which pieces of the snapshot it uses. */
const REHEARSAL_BUILD = buildFolder("native-rehearsal");
/** The module that it runs. */
const REHEARSAL = `${buildFolder("rehearsal")}/rehearsal.js`;
/** What it has told: the snapshot is made in that order. */
const ORDER = buildFolder("snapshot-order");
/** The bundler. */
export const BUN = "node_modules/bun/bin/bun.exe";
/** The program with the module loaded. */
export const WITH_SNAPSHOT = buildFolder("program.runt");

/**
 * Makes the program and puts it to `output`. The sources of QuickJS and node_modules/cmake-js have to be there.
 * @throws StepFailed
 */
export function makeProgram(output) {
  makeSnapshot(MODULE, WITH_SNAPSHOT, { order: rehearse(MODULE) });
  install(WITH_SNAPSHOT, output);
}

/**
 * Runs commands with a made-up host in a program of a module. With a compiler that is not GCC no piece counts as used.
 * @returns the file that names the pieces of the snapshot that were used, for {@link makeSnapshot}; `undefined` without one
 */
function rehearse(module) {
  if (!existsSync(join(ROOT, "tools/training"))) return undefined;
  dropForeignBuild(REHEARSAL_BUILD);
  bundleTraining("tools/training/rehearsal.ts", REHEARSAL);
  const bytecode = [module, REHEARSAL].map(compileModule);
  const program = cmakeEngine("program", REHEARSAL_BUILD, { RUNT_REHEARSAL: "ON" });
  run(...runnable(join(ROOT, program), [...bytecode, ORDER]));
  return ORDER;
}

/**
 * Makes a program of a JavaScript module that exports `main`; files are relative to the checkout.
 * @param options.isSanitized with the address and undefined behaviour sanitizers, and a collector that runs at every allocation
 *   whose number is a multiple of the environment variable RUNT_COLLECT_EVERY
 * @param options.order the order of the pieces; else that in which they are made
 * @throws StepFailed
 */
export function makeSnapshot(module, output, { isSanitized = false, order } = {}) {
  const bytecode = compileModule(module);
  const folder = isSanitized ? SANITIZED_BUILD : ENGINE_BUILD;
  dropForeignBuild(folder);
  const program = cmakeEngine("program", folder, isSanitized ? { RUNT_SANITIZE: "ON" } : WITH_PROFILE);
  rmSync(join(ROOT, output), { force: true });
  run(...runnable(join(ROOT, program), [bytecode, output, ...(order === undefined ? [] : [order])]));
}

/** Settings of the engine that is compiled by the profile. */
const WITH_PROFILE = { RUNT_PROFILE: join(ROOT, PROFILE) };

/** @returns the file with the module's bytecode */
function compileModule(module) {
  const bytecode = `${module}.bin`;
  dropForeignBuild(ENGINE_BUILD);
  dropWithoutProfile();
  run(...runnable(join(ROOT, cmakeEngine("compile", ENGINE_BUILD, WITH_PROFILE)), [bytecode, module]));
  return bytecode;
}

/** cmake-js gives CMake its settings once: a build directory from before the profile would go on without it. */
function dropWithoutProfile() {
  const cache = join(ROOT, ENGINE_BUILD, "CMakeCache.txt");
  if (!existsSync(cache) || readFileSync(cache, "utf8").includes(`RUNT_PROFILE:PATH=${join(ROOT, PROFILE)}\n`)) return;
  rmSync(join(ROOT, ENGINE_BUILD), { recursive: true });
}

/** Gives the profile the name under which GCC looks for it: that of the object, which is another one than in the training. */
function nameProfile() {
  const [found, ...others] = existsSync(join(ROOT, PROFILE)) ? readdirSync(join(ROOT, PROFILE)) : [];
  if (others.length > 0) throw new StepFailed(`${PROFILE} has more than one count of quickjs.c`);
  if (found === undefined) return;
  const object = join(ROOT, ENGINE_BUILD, "CMakeFiles/quickjs.dir/native/engine/quickjs.c");
  const name = `${object.replaceAll("/", "#")}.gcda`;
  if (found !== name) renameSync(join(ROOT, PROFILE, found), join(ROOT, PROFILE, name));
}

/** Whether the profile was made by other work than a build from a clean tree would do now: lib has changed since. */
export function isProfileOld() {
  if (!existsSync(join(ROOT, TRAINING))) return false;
  const now = `${TRAINING}.now`;
  bundleTraining("tools/training/training.ts", now);
  const isOld = !readFileSync(join(ROOT, now)).equals(readFileSync(join(ROOT, TRAINING)));
  rmSync(join(ROOT, now));
  return isOld;
}

function bundleTraining(input, output) {
  run(join(ROOT, BUN), [
    ...["build", "--target=node", "--format=esm", "--minify"],
    ...[
      "--define",
      'process.env.RUNT_COMPILED="1"',
      "--define",
      'process.env.RUNT_VERSION="0"',
      "--define",
      'process.env.RUNT_COMMIT="0"',
    ],
    ...[input, "--outfile", output],
  ]);
}

/**
 * Measures which parts of the engine tools/training runs through, for the compiler of the engine: the interpreter is ordered and
 * optimised by it. A compiler that is not GCC goes without.
 * @throws StepFailed
 */
export function trainEngine() {
  const module = TRAINING;
  const counts = join(ROOT, TRAINING_BUILD, "native/profile");
  dropForeignBuild(TRAINING_BUILD);
  bundleTraining("tools/training/training.ts", module);
  run(...runnable(join(ROOT, cmakeEngine("compile", TRAINING_BUILD, { RUNT_TRAINING: "ON" })), [`${module}.bin`, module]));
  const program = cmakeEngine("program", TRAINING_BUILD, { RUNT_TRAINING: "ON" });
  // What the compiler of the bytecode has run through does not count.
  rmSync(counts, { recursive: true, force: true });
  mkdirSync(counts);
  run(...runnable(join(ROOT, program), [`${module}.bin`, `${module}.out`]));
  rmSync(join(ROOT, `${module}.out`));
  const found = readdirSync(counts).filter((name) => name.endsWith("quickjs.c.gcda"));
  rmSync(join(ROOT, PROFILE), { recursive: true, force: true });
  mkdirSync(join(ROOT, PROFILE));
  for (const name of found) renameSync(join(counts, name), join(ROOT, PROFILE, name));
  nameProfile();
}

/** Builds a target of the engine in a build directory. @returns the file that was made */
function cmakeEngine(target, folder, more = {}) {
  const cmake = join(ROOT, "node_modules/cmake-js/bin/cmake-js");
  const settings = {
    RUNT_QUICKJS: join(ROOT, QUICKJS),
    RUNT_QUICKJS_VERSION: QUICKJS_VERSION,
    ...more,
  };
  const options = Object.entries(settings).map(([name, value]) => `--CD${name}=${value}`);
  run(process.execPath, [
    cmake,
    "build",
    "--out",
    folder,
    "--parallel",
    String(availableParallelism()),
    ...options,
    ...CMAKE_WORDS,
    "--target",
    target,
  ]);
  return `${folder}/native/${target}`;
}
