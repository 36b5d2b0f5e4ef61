// SPDX-License-Identifier: Apache-2.0
// npm run lint: rules for TypeScript (oxlint, with types) and C++ (clang-tidy), the form of both (oxfmt, clang-format), and whether
// package.json names the packages that are imported. The last line is "N passed, N failed, N skipped": one for each of these.
// npm run format: brings all files into that form.
//
// Without clang-format and clang-tidy (npm run setup -- lint) their parts are skipped, but fail with CI=true. clang-tidy reads how
// files are compiled from what `npm run build` has left, and looks only at files that have changed, or a header of which has.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { environment, hasNpmPackages, PACKAGES, prepare, ROOT } from "./prepare.mjs";
import { ask, filesUnder } from "./steps.mjs";

/** Whether the tree has been formatted: from then on `npm run lint` sees to it that it stays so. */
const IS_FORMATTED = true;
const IN_CI = process.env.CI === "true";
const STAMPS = join(ROOT, "build/stamps/tidy");
/** Folders with how their files are compiled; of a file that is in both the first counts. */
const COMPILATIONS = ["build/native", "build/native-engine"];
/** Folders with TypeScript and JavaScript. */
const TYPESCRIPT = ["bin", "lib", "tools", "conformance", "scripts"];
const GENERATED = "native/plan/ops.gen.h";

const total = { passed: 0, failed: 0, skipped: 0 };

function note(kind, part, text = "") {
  total[kind] += 1;
  const start = { passed: "ok    ", failed: "FAILED", skipped: "skip  " }[kind];
  console.log(`${start} ${part}${text === "" ? "" : `: ${text}`}`);
}

function nodeProgram(name, args) {
  const done = spawnSync(process.execPath, [join(ROOT, "node_modules/.bin", name), ...args], {
    cwd: ROOT,
    encoding: "utf8",
    env: environment(),
    maxBuffer: 1 << 26,
  });
  return { good: done.status === 0, text: `${done.stdout}${done.stderr}`.trim() };
}

function report(part, { good, text }) {
  if (!good) console.log(text);
  note(good ? "passed" : "failed", part);
}

/** Whether the program is there; if it is not, that is told. */
function has(program, part) {
  if (ask(program, ["--version"]) !== "") return true;
  note(IN_CI ? "failed" : "skipped", part, `${program} is not installed (npm run setup -- lint)`);
  return false;
}

const cppFiles = () => filesUnder("native", [".cc", ".c", ".h"]).filter((file) => file !== GENERATED);

function clangFormat(...options) {
  const done = spawnSync("clang-format", [...options, ...cppFiles()], { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 26 });
  return { good: done.status === 0, text: `${done.stdout}${done.stderr}`.trim() };
}

function format() {
  report("TypeScript is formatted", nodeProgram("oxfmt", TYPESCRIPT));
  if (has("clang-format", "C++ is formatted")) report("C++ is formatted", clangFormat("-i"));
}

function checkFormat() {
  if (!IS_FORMATTED) return;
  report("the form of TypeScript (npm run format)", nodeProgram("oxfmt", ["--check", ...TYPESCRIPT]));
  const part = "the form of C++ (npm run format)";
  if (has("clang-format", part)) report(part, clangFormat("--dry-run", "--Werror"));
}

/** The files of native/ that the build compiles, by the folder that says how. */
function compiledFiles() {
  const found = new Map();
  for (const folder of COMPILATIONS) {
    const path = join(ROOT, folder, "compile_commands.json");
    if (!existsSync(path)) continue;
    const commands = JSON.parse(readFileSync(path, "utf8"));
    const known = withoutProfiles(folder, commands);
    for (const { file } of commands) {
      const name = relative(ROOT, file);
      if (name.startsWith("native/") && existsSync(file) && !found.has(name)) found.set(name, known);
    }
  }
  return found;
}

/** A folder with the same commands, without GCC's options for profiles, which clang refuses. */
function withoutProfiles(folder, commands) {
  const known = join(STAMPS, folder.replaceAll("/", "-"));
  const clean = commands.map((each) => ({ ...each, command: each.command.replaceAll(/ -fprofile-\S+/g, "") }));
  mkdirSync(known, { recursive: true });
  writeFileSync(join(known, "compile_commands.json"), JSON.stringify(clean));
  return known;
}

/** What clang-tidy's answer about a file depends on, as far as it is in this repository. */
function tidyKey(file, common) {
  return createHash("sha256")
    .update(common)
    .update(readFileSync(join(ROOT, file)))
    .digest("hex");
}

async function tidy(file, folder) {
  const child = spawn("clang-tidy", ["--quiet", "-p", folder, file], { cwd: ROOT, stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part) => (text += part));
  const status = await new Promise((settle) => {
    child.on("error", () => settle(-1));
    child.on("close", (code) => settle(code ?? -1));
  });
  return { good: status === 0, text: text.trim() };
}

async function checkTidy() {
  const part = "clang-tidy";
  if (!has("clang-tidy", part)) return undefined;
  const files = compiledFiles();
  if (files.size === 0) return note(IN_CI ? "failed" : "skipped", part, "npm run build comes before it");
  const common = createHash("sha256")
    .update(ask("clang-tidy", ["--version"]))
    .update(readFileSync(join(ROOT, ".clang-tidy")));
  for (const header of filesUnder("native", [".h"])) common.update(readFileSync(join(ROOT, header)));
  const base = common.digest("hex");
  mkdirSync(STAMPS, { recursive: true });
  const stampOf = (file) => join(STAMPS, file.replaceAll("/", "-"));
  const waiting = [...files].filter(
    ([file]) => !existsSync(stampOf(file)) || readFileSync(stampOf(file), "utf8") !== tidyKey(file, base),
  );
  const count = waiting.length;
  let good = true;
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [file, folder] = next;
      const key = tidyKey(file, base);
      const done = await tidy(file, folder);
      if (done.good) writeFileSync(stampOf(file), key);
      else console.log(`${file}\n${done.text}`);
      good &&= done.good;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return note(good ? "passed" : "failed", part, `${count} of ${files.size} files were looked at`);
}

/** The name of the package that a module specifier begins with. */
const packageOf = (specifier) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

/** Packages that are imported and not declared work only as long as another package happens to bring them. */
function checkPackages() {
  const { name: own, dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const declared = { ...dependencies, ...devDependencies };
  const files = TYPESCRIPT.flatMap((folder) => filesUnder(folder, [".ts", ".mjs"]));
  const wrong = [];
  for (const file of files) {
    const source = readFileSync(join(ROOT, file), "utf8");
    for (const [, fixed, lazy] of source.matchAll(
      /^(?:import|export)\b[^;"]*\bfrom "([^".][^"]*)"|\bimport\("([^".][^"]*)"\)/gm,
    )) {
      const name = packageOf(fixed ?? lazy);
      if (name.startsWith("node:") || name === own || Object.hasOwn(declared, name)) continue;
      wrong.push(`${file}: the package ${name} is not in package.json`);
    }
  }
  report("imported packages are declared", { good: wrong.length === 0, text: wrong.join("\n") });
}

async function main() {
  prepare({ packages: IN_CI ? PACKAGES.lint : [] });
  if (!hasNpmPackages()) {
    note("failed", "lint", "the npm packages are missing (npm run setup)");
  } else if (process.argv.includes("--format")) {
    format();
  } else {
    report("oxlint", nodeProgram("oxlint", ["--type-aware", "--quiet"]));
    checkPackages();
    checkFormat();
    await checkTidy();
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  if (total.failed > 0) process.exitCode = 1;
}

await main();
