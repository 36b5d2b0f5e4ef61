// SPDX-License-Identifier: Apache-2.0
// npm run properties: every property of config.json with runt, runc and crun, as the scenarios of conformance/ find it; what this
// host lacks is tried in the virtual machine of `npm run test:v2`, and then on hosts of `npm run hosts` that may have it.
// The table goes into conformance/PROPERTIES.md.
//
//   npm run properties -- WORD...          only the files whose path contains one of the words; the table stays
//   npm run properties -- --open           only what the table has as skipped, on the other hosts; RUNTIMES=runt with one runtime
//   npm run properties -- --doubt [WORD...]  each scenario with runt once more for each property that it proves, without that
//                                          property in config.json: it has to fail, or it proves nothing
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HOSTS } from "../conformance/vm/hosts.mjs";
import { machine, Unbuildable } from "../conformance/vm/machine.mjs";
import { machineRuns, missingForMachine, runInMachine } from "./machine_runs.mjs";
import { ensureNpmPackages, PACKAGES, prepare, ROOT } from "./prepare.mjs";
import { partOf, replacePart, tapOf, titleOf } from "./scenarios.mjs";
import { amendedTable, fullTable, onHost, proofs, skippedIn } from "./properties_table.mjs";

const TABLE = join(ROOT, "conformance/PROPERTIES.md");
const LOGS = join(ROOT, "build/test-logs");
const FILE_TIMEOUT_MS = 600_000;
const JOBS = 2;
/** Runs by itself: it mounts cgroup hierarchies, which others would see. */
const ALONE = /resources\.test\.ts$/;
const RUNT = "dist/bin/runt";
/** crun 1.8 refuses the hybrid layout of cgroups, so it gets a host without the v2 mount. */
const WRAPS = { crun: ["conformance/bench/hide_unified.sh"] };

/** Test files whose scenarios name properties; and the unit tests that prove what no scenario can. */
function filesWithProofs() {
  const found = ["cases", "security"].flatMap((folder) =>
    readdirSync(join(ROOT, "conformance", folder)).map((name) => `conformance/${folder}/${name}`),
  );
  return found.filter((file) => file.endsWith(".test.ts") && readFileSync(join(ROOT, file), "utf8").includes("proves")).sort();
}

/** `work` of each item, some at a time; results in the order of the items. */
async function eachOf(items, jobs, work) {
  const results = [];
  const waiting = items.map((item, index) => [index, item]);
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) results[next[0]] = await work(next[1]);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return results;
}

async function runAll(Parser, files, runtime) {
  const began = Date.now();
  const name = titleOf(runtime);
  const resultsOf = async (file) => {
    const { out } = await tapOf(file, { runtime, timeoutMs: FILE_TIMEOUT_MS, wrap: WRAPS[name] ?? [] });
    writeFileSync(join(LOGS, `properties-${name}-${file.replaceAll("/", "-")}.tap`), out);
    return proofs(Parser.parse(out), file);
  };
  const together = await eachOf(
    files.filter((file) => !ALONE.test(file)),
    JOBS,
    resultsOf,
  );
  const all = [
    ...together,
    ...(await eachOf(
      files.filter((file) => ALONE.test(file)),
      1,
      resultsOf,
    )),
  ].flat();
  const count = (verdict) => all.filter((each) => each.verdict === verdict).length;
  const seconds = ((Date.now() - began) / 1000).toFixed(0);
  console.log(`${name}: ${count("ok")} scenarios passed, ${count("failed")} failed, ${count("skipped")} skipped (${seconds} s)`);
  for (const { file, scenario, verdict } of all) if (verdict === "failed") console.log(`    not ok ${file} > ${scenario}`);
  return all;
}

/** What further hosts are asked, in this order, for what cannot be tried on this one. */
const PLACES = [
  {
    where: "in the virtual machine with cgroup v2 and systemd: this host cannot have it",
    machine: () => machine(),
    options: {},
  },
  ...HOSTS.filter(({ proves }) => proves !== undefined).map((host) => ({
    where: onHost(host.name),
    machine: host.machine,
    packages: host.packages,
    files: host.proves.map((name) => `conformance/${name}.test.ts`),
    options: { kernelWords: host.words, before: host.before, wrap: host.wrap, slowness: host.slowness },
  })),
];

/** The parts of a place's machine; `undefined`, with a word about it, where there can be none. */
function built({ where, machine: make, packages = [] }) {
  const why = missingForMachine() ?? prepare({ packages })[0];
  try {
    if (why === undefined) return make();
    console.log(`not tried ${where}: ${why}`);
  } catch (error) {
    if (!(error instanceof Unbuildable)) throw error;
    console.log(`not tried ${where}: it cannot be built: ${error.message}`);
  }
  return undefined;
}

/**
 * What other hosts say of properties that cannot be tried with runt on this one: the files that skip them, with each runtime.
 *
 * @param open names of properties; those that a host has tried are not tried on the next one
 * @param skipping files that skip them here
 * @returns proofs by the runtime's name; none where there can be no machine
 */
async function runInstead(Parser, open, skipping, names) {
  const found = new Map(names.map((name) => [name, []]));
  for (const place of PLACES) {
    const runs = machineRuns(
      names,
      skipping.filter((file) => place.files === undefined || place.files.includes(file)),
    );
    if (runs.length === 0 || open.size === 0) continue;
    const parts = built(place);
    if (parts === undefined) continue;
    const tried = new Set();
    const report = ({ runtime, file, name: run }, { out }) => {
      writeFileSync(join(LOGS, `properties-${parts.version ?? "machine"}-${run}.tap`), out);
      for (const proof of proofs(Parser.parse(out), file)) {
        const about = Object.entries(proof.properties).filter(([name]) => open.has(name));
        if (about.length === 0) continue;
        found.get(titleOf(runtime)).push({ ...proof, properties: Object.fromEntries(about), where: place.where });
        if (proof.verdict !== "skipped" && runtime === RUNT) for (const [name] of about) tried.add(name);
      }
    };
    const { left, why: ended } = await runInMachine(parts, runs, FILE_TIMEOUT_MS / 1000, report, place.options);
    if (left.length > 0) throw new Error(`the virtual machine has ended: ${ended ?? "without a word"}`);
    for (const name of tried) open.delete(name);
  }
  return found;
}

/** The properties that the table has as skipped, on the other hosts; the rest of the table stays. */
async function tryOpen(Parser) {
  const table = partOf(TABLE, "properties");
  const open = new Set(skippedIn(table));
  console.log(`skipped so far: ${[...open].join(" ")}`);
  const names = (process.env.RUNTIMES ?? "runt,runc,crun").split(",");
  const found = await runInstead(Parser, open, filesWithProofs(), names);
  const columns = ["runt", "runc", "crun"].map((title) => ({ title, proofs: found.get(title) ?? [] }));
  replacePart(TABLE, "properties", amendedTable(table, columns));
  for (const { file, scenario, verdict } of columns[0].proofs)
    if (verdict === "failed") console.log(`    not ok ${file} > ${scenario}`);
}

/** @returns whether every scenario fails without what it proves */
async function doubt(Parser, files) {
  const whole = await runAll(Parser, files, RUNT);
  const pairs = new Map();
  for (const { file, properties, verdict } of whole) {
    if (verdict === "ok") for (const name of Object.keys(properties)) pairs.set(`${file} ${name}`, { file, name });
  }
  const passed = new Set(whole.filter(({ verdict }) => verdict === "ok").map(({ file, scenario }) => `${file} ${scenario}`));
  let tried = 0;
  let believed = 0;
  await eachOf([...pairs.values()], JOBS, async ({ file, name }) => {
    const env = { RUNT_TEST_WITHOUT: name };
    const { out } = await tapOf(file, { runtime: RUNT, timeoutMs: FILE_TIMEOUT_MS, env });
    for (const { scenario, properties, verdict } of proofs(Parser.parse(out), file)) {
      if (!Object.hasOwn(properties, name) || !passed.has(`${file} ${scenario}`)) continue;
      tried += 1;
      if (verdict === "failed") continue;
      believed += 1;
      console.log(`    ${file} > ${scenario}: passes without ${name}`);
    }
  });
  console.log(`doubted ${tried} proofs: ${tried - believed} fail without the property, ${believed} do not notice`);
  return tried > 0 && believed === 0;
}

async function main() {
  const doubting = process.argv.includes("--doubt");
  const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
  if (process.getuid?.() !== 0) throw new Error("the scenarios need root: sudo npm run properties");
  mkdirSync(LOGS, { recursive: true });
  for (const name of prepare({ packages: [...new Set([...PACKAGES.build, ...PACKAGES.test])] })) {
    console.log(`missing: the Debian package ${name}`);
  }
  if (!ensureNpmPackages()) throw new Error("npm ci failed");
  const built = spawnSync(process.execPath, [join(ROOT, "scripts/build.mjs")], { cwd: ROOT, stdio: "inherit" });
  if (built.status !== 0) throw new Error("the build failed");
  const { Parser } = await import("tap-parser");
  const all = filesWithProofs();
  const files = words.length === 0 ? all : all.filter((file) => words.some((word) => file.includes(word)));
  if (process.argv.includes("--open")) {
    await tryOpen(Parser);
    return;
  }
  if (doubting) {
    if (!(await doubt(Parser, files))) process.exitCode = 1;
    return;
  }
  const { PROPERTIES } = await import(join(ROOT, "build/js/conformance/harness/properties.js"));
  const runtimes = [RUNT, "runc", "crun"];
  const columns = [];
  for (const runtime of runtimes) columns.push({ title: titleOf(runtime), proofs: await runAll(Parser, files, runtime) });
  if (words.length === 0) {
    const ours = columns[0].proofs;
    const tried = new Set(ours.filter(({ verdict }) => verdict !== "skipped").flatMap((each) => Object.keys(each.properties)));
    const open = new Set(PROPERTIES.map(({ name }) => name).filter((name) => !tried.has(name)));
    const skipping = ours.filter((each) => Object.keys(each.properties).some((name) => open.has(name))).map(({ file }) => file);
    const titles = columns.map(({ title }) => title);
    const elsewhere = await runInstead(Parser, open, [...new Set(skipping)], titles);
    for (const column of columns) column.proofs = [...column.proofs, ...elsewhere.get(column.title)];
    replacePart(TABLE, "properties", fullTable(PROPERTIES, columns));
  }
  const failed = columns[0].proofs.filter(({ verdict }) => verdict === "failed");
  const proven = new Set(columns[0].proofs.flatMap(({ properties }) => Object.keys(properties)));
  const untested = words.length === 0 ? PROPERTIES.filter(({ name }) => !proven.has(name)) : [];
  for (const { name } of untested) console.log(`    untested: ${name}`);
  if (failed.length > 0 || untested.length > 0) process.exitCode = 1;
}

await main();
