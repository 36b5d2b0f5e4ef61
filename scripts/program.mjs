// SPDX-License-Identifier: Apache-2.0
// dist/bin/runt from build/program/runt.js: its bytecode, QuickJS and the addons in one static file. Used by the
// build, and by an installation on a machine that the package has no program for.
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { buildFolder, CMAKE_WORDS, runnable } from "./arch.mjs";
import { ROOT } from "./prepare.mjs";
import { QUICKJS, QUICKJS_VERSION } from "./quickjs.mjs";
import { dropForeignBuild, install, run } from "./steps.mjs";

/** All of lib as one JavaScript module. */
export const MODULE = "build/program/runt.js";
/** Where CMake makes the engine. */
export const ENGINE_BUILD = buildFolder("native-engine");
/** Where CMake makes the engine with the sanitizers. */
const SANITIZED_BUILD = buildFolder("native-sanitized");
/** The bundler. */
export const BUN = "node_modules/bun/bin/bun.exe";
/** The program with the module loaded. */
export const WITH_SNAPSHOT = buildFolder("program.runt");

/**
 * Makes the program and puts it to `output`. The sources of QuickJS and node_modules/cmake-js have to be there.
 * @throws StepFailed
 */
export function makeProgram(output) {
  makeSnapshot(MODULE, WITH_SNAPSHOT);
  install(WITH_SNAPSHOT, output);
}

/**
 * Makes a program of a JavaScript module that exports `main`; files are relative to the checkout.
 * @param options.isSanitized with the address and undefined behaviour sanitizers, and a collector that runs at every allocation
 *   whose number is a multiple of the environment variable RUNT_COLLECT_EVERY
 * @throws StepFailed
 */
export function makeSnapshot(module, output, { isSanitized = false } = {}) {
  const bytecode = `${module}.bin`;
  dropForeignBuild(ENGINE_BUILD);
  run(...runnable(join(ROOT, cmakeEngine("compile", ENGINE_BUILD)), [bytecode, module]));
  const folder = isSanitized ? SANITIZED_BUILD : ENGINE_BUILD;
  dropForeignBuild(folder);
  const program = cmakeEngine("program", folder, isSanitized ? { RUNT_SANITIZE: "ON" } : {});
  rmSync(join(ROOT, output), { force: true });
  run(...runnable(join(ROOT, program), [bytecode, output]));
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
