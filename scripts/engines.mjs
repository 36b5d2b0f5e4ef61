// SPDX-License-Identifier: Apache-2.0
// npm run engines [-- WORD...]: the scenarios of conformance/engines with runc and with runt, and the table of both in
// conformance/README.md. With words only the files whose path contains one of them run, and the table stays.
//
//   RUNTIME=runc npm run engines   the scenarios with one runtime, and no table
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ensureNpmPackages, PACKAGES, prepare, ROOT } from "./prepare.mjs";
import { cell, replacePart, tapOf, titleOf } from "./scenarios.mjs";

const README = join(ROOT, "conformance/README.md");
const LOGS = join(ROOT, "build/test-logs");
const FOLDER = "conformance/engines";
const FILE_TIMEOUT_MS = 600_000;

/** `[engine, scenario, verdict]` for each scenario in parsed TAP. */
function verdicts(events) {
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
    if (scenarios.length === 0 && others.length === 0) rows.push([value.name, "(all of it)", of(value)]);
    child = [];
  }
  return rows;
}

/** Runs every file with one runtime; @returns verdicts by engine and scenario, and whether all is well */
async function runAll(Parser, files, runtime) {
  const found = new Map();
  let well = true;
  for (const file of files) {
    const began = Date.now();
    const { out, status } = await tapOf(`${FOLDER}/${file}`, { runtime, timeoutMs: FILE_TIMEOUT_MS });
    const log = join(LOGS, `engines-${titleOf(runtime)}-${file}.tap`);
    writeFileSync(log, out);
    const rows = verdicts(Parser.parse(out));
    const failed = rows.filter(([, , verdict]) => verdict === "FAILED");
    const skipped = rows.filter(([, , verdict]) => verdict.startsWith("skipped"));
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    const good = status === 0 && failed.length === 0 && rows.length > 0;
    well &&= good;
    const passed = rows.length - failed.length - skipped.length;
    console.log(
      `${good ? "ok    " : "FAILED"} ${runtime} ${file}: ${passed} passed, ${failed.length} failed, ${skipped.length} skipped (${seconds} s)`,
    );
    for (const [engine, scenario] of failed) console.log(`    not ok ${engine} > ${scenario}`);
    if (!good) console.log(`    ended with ${status}; all of it: ${relative(ROOT, log)}`);
    for (const [engine, scenario, verdict] of rows) found.set(`${engine}\n${scenario}`, verdict);
  }
  return { found, well };
}

/** The table, with the number of scenarios that passed and the reasons of those that were skipped. */
function table(runtimes, results) {
  const names = [...new Set(results.flatMap(({ found }) => [...found.keys()]))];
  const titles = runtimes.map(titleOf);
  const lines = [];
  let last;
  for (const name of names) {
    const [engine, scenario] = name.split("\n");
    if (engine !== last)
      lines.push("", `**${engine}**`, "", `| scenario | ${titles.join(" | ")} |`, `|---|${"---|".repeat(titles.length)}`);
    last = engine;
    const cells = results.map(({ found }) => cell(found.get(name) ?? "did not run"));
    lines.push(`| ${cell(scenario)} | ${cells.join(" | ")} |`);
  }
  const sums = results.map(({ found }, index) => {
    const count = [...found.values()].filter((verdict) => verdict === "ok").length;
    return `${titles[index]} ${count} of ${names.length}`;
  });
  return [`Scenarios that passed: ${sums.join(", ")}.`, ...lines].join("\n");
}

async function main() {
  const words = process.argv.slice(2);
  if (process.getuid?.() !== 0) throw new Error("engines need root: sudo npm run engines");
  mkdirSync(LOGS, { recursive: true });
  const packages = [...PACKAGES.build, ...PACKAGES.test, ...PACKAGES.engines];
  for (const name of prepare({ packages: [...new Set(packages)] })) console.log(`missing: the Debian package ${name}`);
  if (!ensureNpmPackages()) throw new Error("npm ci failed");
  const built = spawnSync(process.execPath, [join(ROOT, "scripts/build.mjs")], { cwd: ROOT, stdio: "inherit" });
  if (built.status !== 0) throw new Error("the build failed");
  const { Parser } = await import("tap-parser");
  // The playground's own test has nothing to do with a runtime.
  const all = readdirSync(join(ROOT, FOLDER))
    .filter((name) => name.endsWith(".test.ts") && name !== "playground.test.ts")
    .sort();
  const files = words.length === 0 ? all : all.filter((name) => words.some((word) => `${FOLDER}/${name}`.includes(word)));
  const asked = process.env.RUNTIME;
  const runtimes = asked === undefined ? ["runc", "dist/bin/runt"] : [asked];
  const results = [];
  for (const runtime of runtimes) results.push(await runAll(Parser, files, runtime));
  if (asked === undefined && words.length === 0) {
    replacePart(README, "engines", table(runtimes, results));
  }
  if (!results.every(({ well }) => well)) process.exitCode = 1;
}

await main();
