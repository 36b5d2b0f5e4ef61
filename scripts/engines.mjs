// SPDX-License-Identifier: Apache-2.0
// npm run engines [-- WORD...]: the scenarios of conformance/engines with runc, crun and runt, and the tables of
// conformance/ENGINES.md. With words only the files whose path contains one of them run.
//
//   npm run engines -- --release forky   the engines of another release of Debian than the host's, in a root of its packages
//   npm run engines -- --v2              the scenarios of conformance/engines/v2, in the machine with cgroup v2 and systemd
//   npm run engines -- --scenario REGEX  those alone whose title matches; the cells of others stay as they are
//   RUNTIMES=runc,runt npm run engines   with these runtimes; the columns of others stay as they are
//   RUNTIME=runc npm run engines         with one runtime, and no table
//   RUNTIMES=shim npm run engines        runt as containerd's shim: the scenarios of docker, ctr and CRI, and tables of their own
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { ENGINE_RELEASES, engineRoot } from "../conformance/vm/engines.mjs";
import { machine } from "../conformance/vm/machine.mjs";
import { merged, readTables, tables } from "./engine_tables.mjs";
import { machineRuns, missingForMachine, runInMachine } from "./machine_runs.mjs";
import { ensureNpmPackages, missingPackages, PACKAGES, prepare, ROOT } from "./prepare.mjs";
import { replacePart, tapOf, titleOf } from "./scenarios.mjs";

const PAGE = join(ROOT, "conformance/ENGINES.md");
const LOGS = join(ROOT, "build/test-logs");
const FILE_TIMEOUT_MS = 600_000;
/** What is beneath containerd. */
const SHIM_FILES = /\/(docker|ctr|cri)[a-z_]*\.test\.ts$/;
/** A file of the machine, with some forty scenarios: more than these give themselves, so that they say what hangs. */
const MACHINE_FILE_SECONDS = 2700;
const MACHINE_MEMORY_MIB = 4096;
/** Where the machine sees the root with the engines. */
const ROOT_IN_MACHINE = "/run/engines";

/** `[engine, scenario, verdict]` for each scenario in parsed TAP. @param some whether only some of the scenarios ran */
function verdicts(events, some) {
  const rows = [];
  const of = ({ ok, skip }) => (skip ? `skipped: ${skip === true ? "" : skip}` : ok ? "ok" : "FAILED");
  let child = [];
  for (const [kind, value] of events) {
    if (kind === "child") child = value;
    if (kind !== "assert") continue;
    const scenarios = child.filter(([inner], index) => inner === "assert" && child[index - 1]?.[0] === "child");
    // What is no scenario, such as the check for leftovers, counts as one if it failed.
    const others = child.filter(([inner, each], index) => inner === "assert" && !each.ok && child[index - 1]?.[0] !== "child");
    for (const [, each] of [...scenarios, ...others]) rows.push([value.name, each.name, of(each)]);
    if (scenarios.length === 0 && others.length === 0 && !some) rows.push([value.name, "(all of it)", of(value)]);
    child = [];
  }
  return rows;
}

/** What failed first in each scenario that failed, for a person. */
function reasons(events) {
  const found = [];
  const walk = (list, path) => {
    let child;
    for (const [kind, value] of list) {
      if (kind === "child") child = value;
      if (kind !== "assert") continue;
      if (!value.ok && child !== undefined) walk(child, [...path, value.name]);
      else if (!value.ok) found.push({ path, name: value.name, diag: value.diag });
      child = undefined;
    }
  };
  walk(events, []);
  return found;
}

/** Says how a file went, and keeps what it printed; @returns the rows */
function told(Parser, { runtime, file, log, out, status, seconds, scenario }) {
  const path = join(LOGS, log);
  writeFileSync(path, out);
  const events = Parser.parse(out);
  const rows = verdicts(events, scenario !== "");
  const failed = rows.filter(([, , verdict]) => verdict === "FAILED");
  const skipped = rows.filter(([, , verdict]) => verdict.startsWith("skipped"));
  const good = String(status) === "0" && failed.length === 0 && (rows.length > 0 || scenario !== "");
  const passed = rows.length - failed.length - skipped.length;
  console.log(
    `${good ? "ok    " : "FAILED"} ${titleOf(runtime)} ${file}: ${passed} passed, ${failed.length} failed, ${skipped.length} skipped${seconds === undefined ? "" : ` (${seconds} s)`}`,
  );
  for (const { path: names, name, diag } of reasons(events)) {
    console.log(`    not ok ${[...names, name].join(" > ")}`);
    const text = diag?.diff ?? JSON.stringify({ ...diag, stack: undefined, source: undefined, at: undefined });
    for (const line of String(text).split("\n").slice(0, 12)) console.log(`        ${line.slice(0, 300)}`);
  }
  if (!good) console.log(`    ended with ${status}; all of it: ${relative(ROOT, path)}`);
  return { rows, good };
}

function filesFor(runtime, files) {
  return runtime === "shim" ? files.filter((file) => SHIM_FILES.test(file)) : files;
}

function rowsOf(found, rows) {
  for (const [engine, scenario, verdict] of rows) found.set(`${engine}\n${scenario}`, verdict);
}

/** Runs files on this host, with one runtime. */
async function runHere(Parser, files, runtime, { release, root, scenario }) {
  const found = new Map();
  let well = true;
  const isShim = runtime === "shim";
  const env = {
    RUNT_SCENARIOS: scenario,
    ...(root !== undefined && { RUNT_ENGINES_ROOT: root }),
    ...(isShim && { RUNT_SHIM: "1" }),
  };
  const place = { runtime: isShim ? "dist/bin/runt" : runtime, timeoutMs: FILE_TIMEOUT_MS, env };
  for (const file of filesFor(runtime, files)) {
    const began = Date.now();
    const { out, status } = await tapOf(file, place);
    const log = `engines-${release}-${titleOf(runtime)}-${file.split("/").at(-1)}.tap`;
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    const { rows, good } = told(Parser, { runtime, file, log, out, status, seconds, scenario });
    rowsOf(found, rows);
    well &&= good;
  }
  return { found, well };
}

/** Runs files in the machine, with all the runtimes; @returns a result a runtime */
async function runThere(Parser, files, runtimes, { release, root, scenario }) {
  const results = runtimes.map(() => ({ found: new Map(), well: true }));
  const runs = runtimes.flatMap((runtime) => machineRuns([runtime], filesFor(runtime, files)));
  const of = ({ runtime }) => results[runtimes.indexOf(runtime === "dist/bin/runt" ? "runt" : runtime)];
  const before = [`mkdir -p ${ROOT_IN_MACHINE}`, `mount -t hostfs -o ro,${root} none ${ROOT_IN_MACHINE} || exit`];
  before.push(`export RUNT_ENGINES_ROOT=${ROOT_IN_MACHINE} RUNT_SCENARIOS='${scenario.replaceAll("'", `'\\''`)}'`);
  const report = (run, { out, err, status }) => {
    const log = `engines-v2-${release}-${run.name}.tap`;
    const { rows, good } = told(Parser, {
      ...run,
      scenario,
      log,
      out: `${out}\n# stderr:\n${err.replaceAll(/^/gm, "# ")}`,
      status,
    });
    rowsOf(of(run).found, rows);
    of(run).well &&= good;
  };
  const options = { before: before.join("\n"), memory: MACHINE_MEMORY_MIB };
  const { left, why } = await runInMachine(machine(), runs, MACHINE_FILE_SECONDS, report, options);
  for (const run of left) {
    console.log(`FAILED ${titleOf(run.runtime)} ${run.file}: did not run`);
    of(run).well = false;
  }
  if (why !== undefined) console.log(why);
  return results;
}

/** The release of Debian that this host is. */
function ownRelease() {
  return /^VERSION_CODENAME=(\S+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "host";
}

/** What the arguments ask for. */
function wanted() {
  const { values, positionals } = parseArgs({
    options: { release: { type: "string" }, v2: { type: "boolean", default: false }, scenario: { type: "string", default: "" } },
    allowPositionals: true,
  });
  if (values.release !== undefined && !ENGINE_RELEASES.includes(values.release))
    throw new Error(`--release ${values.release}: there are ${ENGINE_RELEASES.join(", ")}`);
  return { ...values, words: positionals };
}

/** Installs or names what is missing; @returns why nothing can run */
function missing({ v2, release }) {
  const engines = v2 || release !== undefined ? ["mmdebstrap"] : PACKAGES.engines;
  const packages = [...PACKAGES.build, ...PACKAGES.test, ...engines];
  for (const name of prepare({ packages: [...new Set(packages)] })) console.log(`missing: the Debian package ${name}`);
  if (!ensureNpmPackages()) throw new Error("npm ci failed");
  if (v2) return missingForMachine();
  return release !== undefined && missingPackages(["mmdebstrap"]).length > 0
    ? "what needs the Debian package mmdebstrap"
    : undefined;
}

function filesOf(folder, words) {
  const all = readdirSync(join(ROOT, folder))
    // The playground's own test has nothing to do with a runtime.
    .filter((name) => name.endsWith(".test.ts") && name !== "playground.test.ts")
    .map((name) => `${folder}/${name}`)
    .sort();
  return words.length === 0 ? all : all.filter((file) => words.some((word) => file.includes(word)));
}

async function main() {
  const asked = wanted();
  if (process.getuid?.() !== 0) throw new Error("engines need root: sudo npm run engines");
  mkdirSync(LOGS, { recursive: true });
  const why = missing(asked);
  if (why !== undefined) {
    console.log(`skip   the engines: ${why}`);
    return;
  }
  const built = spawnSync(process.execPath, [join(ROOT, "scripts/build.mjs")], { cwd: ROOT, stdio: "inherit" });
  if (built.status !== 0) throw new Error("the build failed");
  const { Parser } = await import("tap-parser");
  const release = asked.release ?? ownRelease();
  const { scenario } = asked;
  const place = { release, scenario, root: asked.v2 || asked.release !== undefined ? engineRoot(release) : undefined };
  const files = filesOf(asked.v2 ? "conformance/engines/v2" : "conformance/engines", asked.words);
  const one = process.env.RUNTIME === "dist/bin/runt" ? "runt" : process.env.RUNTIME;
  // Each run is told its own; what is loaded here to prepare them needs none.
  delete process.env.RUNTIME;
  const runtimes = one === undefined ? (process.env.RUNTIMES ?? "runc,crun,runt").split(",") : [one];
  let results = [];
  if (asked.v2) results = await runThere(Parser, files, runtimes, place);
  else for (const name of runtimes) results.push(await runHere(Parser, files, name === "runt" ? "dist/bin/runt" : name, place));
  if (one === undefined) {
    const extent = scenario !== "" ? "scenarios" : asked.words.length > 0 ? "engines" : "all";
    const all = runtimes.map((name, index) => ({
      runtime: name,
      name: `${release}: ${titleOf(name)}`,
      found: results[index].found,
    }));
    for (const kind of ["", "-shim"]) {
      const part = `${asked.v2 ? "v2" : "v1"}${kind}`;
      const columns = all.filter(({ runtime }) => (runtime === "shim") === (kind === "-shim"));
      if (columns.length > 0) replacePart(PAGE, part, tables(merged(readTables(PAGE, part), columns, extent)));
    }
  }
  if (!results.every(({ well }) => well)) process.exitCode = 1;
}

await main();
