// SPDX-License-Identifier: Apache-2.0
// npm test: installs what is missing (--setup), builds, and runs lint, the C++ tests, the unit tests and the conformance cases.
// Everything runs even if a part fails; the last line is "N passed, N failed, N skipped".
//
//   npm test [-- WORD...]   only the test files whose path contains one of the words
//   npm test -- vm          the files that run in the virtual machine with cgroup v2 as well; npm run test:v2 has more
//   npm test -- hosts       one file on each host of npm run hosts whose machine is up in seconds
//   npm test -- sanitized   the engine under sanitizers, with a collector that runs at every allocation
//   npm test -- arm64       cross-builds for arm64, and tries it in an emulated machine, as npm run test:arm64 does
//   npm test -- release     two builds are the same, the release before and this one get on, and the files of a release install
//   RUNTIME=/path npm test  the conformance cases with another runtime
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ensureNpmPackages, environment, PACKAGES, prepare, ROOT } from "./prepare.mjs";
import { buildEngineTests } from "./engine_tests.mjs";
import { makeSnapshot, MODULE } from "./program.mjs";
import { dropForeignBuild } from "./steps.mjs";
import { count, describe, testFiles } from "./tap.mjs";

const LOGS = join(ROOT, "build/test-logs");
const JOBS = 2;
const FILE_TIMEOUT_MS = 300_000;
/** What runs one file at a time, after all others: it measures, loads the machine, or mounts cgroup hierarchies. */
const ALONE = [
  "conformance/stress/",
  "conformance/security/",
  "conformance/engines/",
  "conformance/shim/",
  "conformance/library/",
  "conformance/cases/resources",
];
/** Folders whose files run only if a word asks for them, but for one file an engine; `npm run engines` runs all. */
const ASKED_FOR = ["conformance/engines/"];
const QUICK = ["playground", "docker_lifecycle", "ctr", "podman_lifecycle", "buildah", "cri", "rootless"].map(
  (name) => `conformance/engines/${name}.test.ts`,
);

/** Files that are tried in the virtual machine with cgroup v2 as well, and how long that may take, its making included. */
const IN_MACHINE = ["cases/cgroups_v2", "cases/systemd"];
const MACHINE_TIMEOUT_MS = 600_000;
const RELEASE_TIMEOUT_MS = 1_200_000;

const total = { passed: 0, failed: 0, skipped: 0 };
const words = process.argv.slice(2).filter((word) => word !== "--setup");
/** What V8 notes about the unit tests of lib, where all of them run. */
const COVERAGE = join(ROOT, "build/coverage");
const covers = words.length === 0 || words.includes("lib/");
const began = Date.now();

function add(counts) {
  for (const key of Object.keys(total)) total[key] += counts[key];
}

function say(text) {
  const seconds = String(Math.round((Date.now() - began) / 1000)).padStart(4);
  console.log(`[${seconds} s] ${text}`);
}

/** Runs a program that prints TAP, counts, and prints one line. */
async function runTap(Parser, name, command, args, extra = {}) {
  const start = Date.now();
  const child = spawn(command, args, {
    cwd: ROOT,
    // tap's own limit of a whole file is 30 s, which slow machines need; each test has its own.
    env: { ...environment(), TAP: "1", TAP_TIMEOUT: String(FILE_TIMEOUT_MS / 1000), ...extra },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, FILE_TIMEOUT_MS);
  const status = await new Promise((settle) => {
    child.on("error", (error) => settle(error.message));
    child.on("close", (code, signal) => settle(code ?? signal));
  });
  clearTimeout(timer);
  const log = join(LOGS, `${name.replaceAll("/", "-")}.tap`);
  writeFileSync(log, `${out}\n# stderr:\n${err}`);
  const problems = [];
  const counts = count(Parser.parse(out), [], problems);
  if (late || (status !== 0 && counts.failed === 0)) {
    counts.failed += 1;
    const why = late ? `killed after ${FILE_TIMEOUT_MS / 1000} s` : `ended with ${status}`;
    problems.push({ name: `${why}: ${err.trim().split("\n").slice(0, 12).join("\n      ")}` });
  }
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  const skips = counts.skipped === 0 ? "" : `, ${counts.skipped} skipped`;
  say(
    `${counts.failed === 0 ? "ok    " : "FAILED"} ${name}: ${counts.passed} passed, ${counts.failed} failed${skips} (${seconds} s)`,
  );
  for (const problem of problems) console.log(describe(problem));
  if (problems.length > 0) console.log(`    all of it: ${relative(ROOT, log)}`);
  add(counts);
}

/** One thing that is no test of a file, such as what could not be tried at all. */
function note(kind, text) {
  total[kind] += 1;
  say(`${{ passed: "ok    ", failed: "FAILED", skipped: "skip  " }[kind]} ${text}`);
}

function build() {
  say("building");
  const done = spawnSync(process.execPath, ["scripts/build.mjs", "--keep-going"], {
    cwd: ROOT,
    env: process.env,
    stdio: "inherit",
  });
  if (done.status !== 0) note("failed", `npm run build ended with ${done.status ?? done.signal}`);
}

/** Path of the program with the C++ tests, built with sanitizers in a build directory of its own. */
function buildNativeTest() {
  say("building native/test");
  dropForeignBuild("build/native-test");
  const cmake = join(ROOT, "node_modules/cmake-js/bin/cmake-js");
  const words = [cmake, "build", "--out", "build/native-test", "--CDRUNT_TESTS=ON", "--target", "native_test"];
  const done = spawnSync(process.execPath, [...words, "--parallel", String(JOBS)], {
    cwd: ROOT,
    env: environment(),
    encoding: "utf8",
  });
  const program = join(ROOT, "build/native-test/native/native_test");
  if (done.status === 0 && existsSync(program)) return program;
  console.log(`${done.stdout}${done.stderr}`.trim().split("\n").slice(-30).join("\n"));
  note("failed", "native/test does not build");
  return undefined;
}

/** Whether lib uses of its engine only what native/engine/engine.d.ts declares. */
function checkEngineTypes() {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const done = spawnSync(process.execPath, [tsc, "-p", "tsconfig.engine.json"], { cwd: ROOT, encoding: "utf8" });
  if (done.status !== 0) console.log(done.stdout.trim().split("\n").slice(0, 30).join("\n"));
  note(done.status === 0 ? "passed" : "failed", "types of lib against those of the program's engine");
}

/** Paths of the programs with the unit tests that the engine runs. */
function buildEngine(options = {}) {
  say("building the unit tests for the engine");
  try {
    return buildEngineTests(options);
  } catch (error) {
    console.log(error.message.trim().split("\n").slice(-30).join("\n"));
    note("failed", "the unit tests for the engine do not build");
    return [];
  }
}

/** Files of cases that the sanitized program is tried with as well. */
const SANITIZED_CASES = ["lifecycle", "bad_input", "update"].map((name) => `conformance/cases/${name}.test.ts`);
const SANITIZED = "build/program.sanitized";

/**
 * The engine under the sanitizers, with a collector that runs at every allocation: nothing of the snapshot is ever freed, and no value
 * is held without a reference.
 */
async function runSanitized(Parser) {
  const programs = buildEngine({ isSanitized: true });
  if (programs.length === 0) return;
  makeSnapshot(MODULE, SANITIZED, { isSanitized: true });
  // The unit tests make millions of objects, each of which would have the collector look at all others.
  // The program ends without freeing anything: the kernel takes it all at once.
  const extra = { RUNT_COLLECT_EVERY: "1", ASAN_OPTIONS: "detect_leaks=0", RUNTIME: join(ROOT, SANITIZED) };
  for (const [part, program] of programs.entries())
    await runTap(Parser, `unit tests in the engine, sanitized, part ${part + 1}`, program, [], {
      ...extra,
      RUNT_COLLECT_EVERY: "97",
    });
  if (process.getuid?.() !== 0) return;
  for (const file of SANITIZED_CASES) {
    await runTap(
      Parser,
      `${file}, sanitized`,
      process.execPath,
      ["--enable-source-maps", join(ROOT, "build/js", file.replace(/\.ts$/, ".js"))],
      extra,
    );
  }
}

async function runAll(files, jobs, Parser) {
  const waiting = [...files];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const compiled = join(ROOT, "build/js", file.replace(/\.ts$/, ".js"));
      if (!existsSync(compiled)) note("failed", `${file}: not compiled`);
      else {
        const extra = covers && file.startsWith("lib/") ? { NODE_V8_COVERAGE: join(COVERAGE, "v8") } : {};
        await runTap(Parser, file, process.execPath, ["--enable-source-maps", compiled], extra);
      }
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

/** Runs a script of this folder beside whatever else runs. @returns what `spawnSync` would */
function script(args, { env = {}, timeout = RELEASE_TIMEOUT_MS } = {}) {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...environment(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout,
  });
  const done = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => (done[name] += text));
  return new Promise((settle, fail) => {
    child.on("error", fail);
    child.on("close", (status, signal) => settle({ ...done, status, signal }));
  });
}

/** Shows the output of a script, and adds the counts that are its last line. */
function addScript(name, { status, signal, stdout, stderr }) {
  const lines = stdout.trim().split("\n");
  const [, passed, failed, skipped] = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(lines.pop() ?? "") ?? [];
  for (const line of [...lines, ...stderr.split("\n")]) if (line !== "") console.log(`    ${line}`);
  if (passed === undefined) note("failed", `${name} ended with ${status ?? signal}`);
  else add({ passed: Number(passed), failed: Number(failed), skipped: Number(skipped) });
}

async function runLint() {
  say("lint");
  addScript("scripts/lint.mjs", await script(["scripts/lint.mjs"]));
}

/** Lines of lib that the unit tests run, in percent; a file that none of them loads counts with all its lines. */
function coverage() {
  if (!covers || !existsSync(join(COVERAGE, "v8"))) return;
  const c8 = join(ROOT, "node_modules/c8/bin/c8.js");
  const folders = ["--temp-directory", join(COVERAGE, "v8"), "--reports-dir", COVERAGE, "--src", "build/js/lib"];
  const choice = ["--all", "--include", "build/js/lib/**/*.js", "--exclude", "**/*.test.js", "--exclude", "**/generated/**"];
  const done = spawnSync(process.execPath, [c8, "report", ...folders, ...choice, "--reporter", "json-summary"], {
    cwd: ROOT,
    env: environment(),
    encoding: "utf8",
  });
  // Hundreds of megabytes.
  rmSync(join(COVERAGE, "v8"), { recursive: true, force: true });
  const summary = join(COVERAGE, "coverage-summary.json");
  if (done.status !== 0 || !existsSync(summary))
    return note("failed", `c8 ended with ${done.status ?? done.signal}: ${done.stderr.trim()}`);
  return console.log(`coverage of lib by unit tests: ${JSON.parse(readFileSync(summary, "utf8")).total.lines.pct} %`);
}

/** The tests that have programs of their own. */
async function runNative(Parser, wanted) {
  if (wanted("native/test")) {
    const nativeTest = buildNativeTest();
    if (nativeTest !== undefined) await runTap(Parser, "native/test", nativeTest, []);
  }
  if (wanted("lib/engine.test.ts")) {
    checkEngineTypes();
    for (const [part, program] of buildEngine().entries())
      await runTap(Parser, `unit tests in the engine, part ${part + 1}`, program, []);
  }
  if (words.length === 0 || words.includes("sanitized")) await runSanitized(Parser);
}

async function main() {
  mkdirSync(LOGS, { recursive: true });
  rmSync(COVERAGE, { recursive: true, force: true });
  const engines =
    words.length === 0 || words.some((word) => testFiles("conformance/engines").some((file) => file.includes(word)))
      ? PACKAGES.engines
      : [];
  const oci = words.length === 0 || words.some((word) => "conformance/oci/validation.test.ts".includes(word)) ? PACKAGES.oci : [];
  const wanted = (file) =>
    words.length === 0
      ? QUICK.includes(file) || !ASKED_FOR.some((folder) => file.startsWith(folder))
      : words.some((word) => file.includes(word));
  const cases = testFiles("conformance").filter(wanted);
  const recorded = cases.some((file) => file.endsWith("record_seccomp.test.ts")) ? PACKAGES.webServer : [];
  const tests = cases.length === 0 ? [] : [...PACKAGES.test, ...recorded];
  const lint = process.env.CI === "true" && wanted("lint") ? PACKAGES.lint : [];
  const missing = prepare({ packages: [...new Set([...PACKAGES.build, ...tests, ...lint, ...engines, ...oci])] });
  for (const name of missing) note("skipped", `what needs the Debian package ${name}`);
  if (!ensureNpmPackages()) {
    note("failed", "the npm packages");
    return;
  }
  build();
  const { Parser } = await import("tap-parser");
  // Each of the two has one processor busy for most of its time.
  await Promise.all([wanted("lint") && runLint(), runNative(Parser, wanted)]);

  await runAll(["lib", "bin", "tools"].flatMap(testFiles).filter(wanted), JOBS, Parser);

  if (process.getuid?.() !== 0) {
    for (const file of cases) note("skipped", `${file}: needs root`);
    return;
  }
  const alone = (file) => ALONE.some((folder) => file.startsWith(folder));
  await runAll(
    cases.filter((file) => !alone(file)),
    JOBS,
    Parser,
  );
  await runAll(cases.filter(alone), 1, Parser);
  // A machine, and a build for the most part, have one processor busy each.
  await Promise.all([runMachines(), words.length === 0 || words.includes("release") ? runRelease() : undefined]);
}

async function runMachines() {
  if (words.length === 0 || words.includes("vm")) await runInMachine();
  if (words.length === 0 || words.includes("hosts")) await runHosts();
  if (words.includes("arm64")) await runScripts([["scripts/test_arm64.mjs"]]);
}

/** What a release promises: the same bytes twice, the way from and to the one before, and files that install on fresh systems. */
async function runRelease() {
  await runScripts([
    ["scripts/reproduce.mjs"],
    ["scripts/test_upgrade.mjs"],
    ["scripts/release.mjs", "--dirty", "--no-build"],
    ["scripts/test_release.mjs"],
  ]);
}

/** Scripts whose last line sums up what they have tried. */
async function runScripts(scripts) {
  for (const words of scripts) {
    const [name] = words;
    say(name);
    const done = await script(words);
    const lines = `${done.stdout}${done.stderr}`.trim().split("\n");
    const counts = lines
      .map((line) => /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(line))
      .find((found) => found !== null);
    say(`${name}: ${counts?.[0] ?? `ended with ${done.status ?? done.signal}`}`);
    for (const line of lines) if (/^(FAILED|skip|not the same|\w+: )/.test(line)) console.log(`    ${line}`);
    if (counts !== undefined) add({ passed: Number(counts[1]), failed: Number(counts[2]), skipped: Number(counts[3] ?? 0) });
    else if (done.status !== 0) note("failed", `${name} ended with ${done.status ?? done.signal}`);
  }
}

/** The cases of cgroup v2 in its virtual machine (scripts/test_v2.mjs, which prints as this file does). */
async function runInMachine() {
  say("cgroup v2 with systemd, in a virtual machine");
  const env = { RUNTIMES: process.env.RUNTIME ?? "runt" };
  addScript("scripts/test_v2.mjs", await script(["scripts/test_v2.mjs", ...IN_MACHINE], { env, timeout: MACHINE_TIMEOUT_MS }));
}

/** One file on each host whose machine is up in seconds (scripts/hosts.mjs). */
async function runHosts() {
  say("other kernels");
  addScript("scripts/hosts.mjs", await script(["scripts/hosts.mjs", "--smoke"], { timeout: MACHINE_TIMEOUT_MS }));
}

await main();
coverage();
if (total.failed > 0) process.exitCode = 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
