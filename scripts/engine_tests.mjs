// SPDX-License-Identifier: Apache-2.0
// The pure unit tests as a program like dist/bin/runt: one module, bytecode, a snapshot. It shows that lib does in QuickJS what
// it does in Node.js. A test file that needs Node.js (its modules, fast-check, a directory of its own, init) is left out.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ROOT } from "./prepare.mjs";
import { BUN, makeSnapshot } from "./program.mjs";
import { run } from "./steps.mjs";
import { testFiles } from "./tap.mjs";

const FOLDER = "build/engine-tests";
const NEEDS_NODE = /"node:|"fast-check"|import\.meta|t\.testdir|\bBuffer\b|\bperformance\.|"\.\/process\.ts"/;

/** The unit tests that can run in the engine. */
export function pureTests() {
  return testFiles("lib").filter((file) => !NEEDS_NODE.test(readFileSync(join(ROOT, file), "utf8")));
}

/** The block of the snapshot is as large as the program needs it, so the tests are several programs. */
const PARTS = 6;

/** Builds the programs. @param options as those of makeSnapshot. @returns their paths */
export function buildEngineTests(options = {}) {
  mkdirSync(join(ROOT, FOLDER), { recursive: true });
  // The bundler looks for tap here first.
  writeFileSync(
    join(ROOT, FOLDER, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { baseUrl: ".", paths: { tap: [relative(FOLDER, "conformance/engine/tap.ts")] } } }),
  );
  const tests = pureTests();
  return Array.from({ length: PARTS }, (_, part) =>
    build(
      part,
      tests.filter((_, index) => index % PARTS === part),
      options,
    ),
  );
}

function build(part, tests, options) {
  const from = (file) => JSON.stringify(relative(FOLDER, file));
  const entry = join(FOLDER, `entry${part}.ts`);
  const imports = tests.map((file) => `import ${from(file)};\n`);
  writeFileSync(join(ROOT, entry), `${imports.join("")}export { main } from ${from("conformance/engine/main.ts")};\n`);
  const module = join(FOLDER, `tests${part}.js`);
  run(join(ROOT, BUN), [
    "build",
    "--target=node",
    "--format=esm",
    "--minify-syntax",
    `--tsconfig-override=${join(FOLDER, "tsconfig.json")}`,
    "--define",
    'process.env.RUNT_COMPILED="1"',
    entry,
    "--outfile",
    module,
  ]);
  const output = join(FOLDER, `tests${part}${options.isSanitized === true ? "-sanitized" : ""}`);
  makeSnapshot(module, output, options);
  return join(ROOT, output);
}
