// SPDX-License-Identifier: Apache-2.0
// npm run hosts: the end-to-end cases on the hosts that this one is not: other kernels, another layout of cgroups, SELinux, another
// architecture. Each is a machine made of Debian's packages, kept in the cache, and gone when its cases have ended. The table goes into
// conformance/HOSTS.md. The last line is "N passed, N failed, N skipped".
//
// A property of config.json that conformance/PROPERTIES.md has as skipped is told there, if a host has tried it.
//
//   npm run hosts [-- NAME...]       these hosts alone; the rows of the others stay
//   npm run hosts -- --list          names the hosts
//   npm run hosts -- --smoke         one file on each host that is up in under a minute; the table stays as it is
//   npm run hosts -- NAME --only WORD...      only the files whose path contains one of the words; the table stays as it is
//   RUNTIME=runc npm run hosts -- NAME        the same cases with another runtime; the table stays as it is
//   npm run hosts -- NAME --shell COMMAND     one shell command there, as root, in the checkout
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { basename, join, relative } from "node:path";
import { boot } from "../conformance/vm/boot.mjs";
import { HOSTS } from "../conformance/vm/hosts.mjs";
import { Unbuildable } from "../conformance/vm/machine.mjs";
import { machineRuns, missingForMachine, runInMachine } from "./machine_runs.mjs";
import { ensureNpmPackages, environment, prepare, ROOT } from "./prepare.mjs";
import { amendedTable, onHost, proofs } from "./properties_table.mjs";
import { partOf, replacePart, tapOf } from "./scenarios.mjs";
import { count, describe } from "./tap.mjs";

const LOGS = join(ROOT, "build/test-logs");
const TABLE = join(ROOT, "conformance/HOSTS.md");
const PROPERTIES = join(ROOT, "conformance/PROPERTIES.md");
const RUNT = "dist/bin/runt";
const LOCAL_SECONDS = 600;
/** Another runtime is for a look at what it does; the table is runt's. */
const RUNTIME = process.env.RUNTIME ?? "runt";

const total = { passed: 0, failed: 0, skipped: 0 };

/** What one host has said: its kernel, its cgroups, sums, and what failed. */
class Row {
  kernel = "";
  cgroups = "";
  files = 0;
  counts = { passed: 0, failed: 0, skipped: 0 };
  failures = [];
  /** Reasons of what was skipped, with how often. */
  reasons = new Map();
  /** What the scenarios say of properties of config.json. */
  proofs = [];

  constructor(host) {
    this.host = host;
  }

  /** Counts one file's TAP, and prints a line about it. */
  add(Parser, { file, name }, { out, err, status }) {
    const log = join(LOGS, `host-${this.host.name}-${name}.tap`);
    writeFileSync(log, `${out}\n# stderr:\n${err}`);
    const problems = [];
    const events = Parser.parse(out);
    const counts = count(events, [], problems);
    if (String(status) !== "0" && counts.failed === 0) {
      counts.failed += 1;
      problems.push({ name: `ended with ${status}: ${err.trim().split("\n").slice(-6).join("\n      ")}` });
    }
    noteSkips(events, this.reasons);
    const where = this.host.machine === undefined ? {} : { where: onHost(this.host.name) };
    this.proofs.push(...proofs(events, file).map((proof) => ({ ...proof, ...where })));
    this.files += 1;
    for (const key of Object.keys(total)) {
      total[key] += counts[key];
      this.counts[key] += counts[key];
    }
    const word = counts.failed === 0 ? "ok    " : "FAILED";
    console.log(`${word} ${this.host.name} ${file}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    for (const problem of problems) {
      console.log(describe(problem));
      this.failures.push(`${basename(file, ".test.ts")}: ${problem.name}`);
    }
    if (problems.length > 0) console.log(`    all of it: ${relative(ROOT, log)}`);
  }

  fail(text) {
    total.failed += 1;
    this.counts.failed += 1;
    this.failures.push(text);
    console.log(`FAILED ${this.host.name}: ${text}`);
  }
}

function noteSkips(events, reasons) {
  for (const [kind, value] of events) {
    if (kind === "child") noteSkips(value, reasons);
    else if (kind === "assert" && typeof value.skip === "string") reasons.set(value.skip, (reasons.get(value.skip) ?? 0) + 1);
  }
}

/** `cgroup v2`, `cgroup v1` or both, and the controllers, from the text of /proc/self/mountinfo and of the controllers' file. */
function cgroupsOf(mounts, controllers) {
  const v1 = [...mounts.matchAll(/ - cgroup \S+ (\S+)$/gm)]
    .map(([, options]) => options.replace(/^rw,?/, "").replace(/,?(xattr|name=\S+|release_agent=\S+)/g, ""))
    .filter((name) => name !== "");
  const v2 = / - cgroup2 /.test(mounts);
  if (v1.length === 0) return `v2: ${controllers.trim()}`;
  return `${v2 ? "v1 beside v2" : "v1"}: ${v1.join(" ").replaceAll(",", " ")}`;
}

function skip(host, why) {
  total.skipped += 1;
  console.log(`skip   ${host.name}: ${why.split("\n")[0]}`);
}

/** The files of a host, and those of them that the words ask for. */
function filesOf(host, only, isSmoke) {
  const files = (isSmoke ? [host.smoke] : host.files).map((name) => `conformance/${name}.test.ts`);
  return only.length === 0 ? files : files.filter((file) => only.some((word) => file.includes(word)));
}

async function runHere(Parser, row, files) {
  const { host } = row;
  row.kernel = release();
  row.cgroups = cgroupsOf(readFileSync("/proc/self/mountinfo", "utf8"), "");
  const env = host.env === undefined ? {} : await host.env(ROOT);
  for (const file of files) {
    const { out, status } = await tapOf(file, {
      runtime: RUNTIME === "runt" ? RUNT : RUNTIME,
      timeoutMs: LOCAL_SECONDS * 1000,
      env,
    });
    row.add(Parser, { file, name: basename(file, ".test.ts") }, { out, err: "", status });
  }
}

async function runThere(Parser, row, files, parts) {
  const { host } = row;
  const runs = machineRuns([RUNTIME], files);
  const look = (name, text) => {
    if (name === "kernel") row.kernel = text.trim();
    if (name === "mounts") row.mounts = text;
    if (name === "controllers") row.cgroups = cgroupsOf(row.mounts, text);
  };
  const options = { kernelWords: host.words, before: host.before, wrap: host.wrap, slowness: host.slowness, look };
  const { left, why } = await runInMachine(parts, runs, host.seconds, (run, result) => row.add(Parser, run, result), options);
  for (const { file } of left) row.fail(`${file} did not run`);
  if (why !== undefined) console.log(why);
}

/** A host whose cases are a script of their own, with its own machine. */
function runScript(row, isSmoke) {
  const { host } = row;
  const done = spawnSync(process.execPath, [host.script], { cwd: ROOT, env: environment(), encoding: "utf8" });
  const lines = `${done.stdout}${done.stderr}`.trim().split("\n");
  const sum = lines.map((line) => /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(line)).find((found) => found !== null);
  for (const line of lines) if (/^(FAILED|skip|host: |\s+not ok)/.test(line)) console.log(line);
  if (sum === undefined || sum === null) return row.fail(`${host.script} ended with ${done.status ?? done.signal}`);
  for (const [index, key] of ["passed", "failed", "skipped"].entries()) {
    row.counts[key] += Number(sum[index + 1]);
    total[key] += Number(sum[index + 1]);
  }
  row.files = isSmoke ? 0 : 1;
  for (const line of lines) {
    const [, name, value] = /^host: (kernel|cgroups) (.*)$/.exec(line) ?? [];
    if (name !== undefined) row[name] = value;
  }
  return undefined;
}

/** Why a host cannot be had, as far as that shows before it is made. */
function missingFor(host) {
  if (host.machine === undefined) return process.getuid?.() === 0 ? undefined : "the scenarios need root";
  const why = missingForMachine();
  if (why !== undefined) return why;
  const names = prepare({ packages: host.packages ?? [] });
  return names.length === 0 ? undefined : `it needs the Debian package ${names.join(" ")}`;
}

async function tryHost(Parser, host, { only, isSmoke }) {
  const row = new Row(host);
  let began = Date.now();
  if (host.script !== undefined) runScript(row, isSmoke);
  else {
    const why = missingFor(host);
    if (why !== undefined) return skip(host, why);
    const files = filesOf(host, only, isSmoke);
    if (host.machine === undefined) await runHere(Parser, row, files);
    else {
      let parts;
      try {
        parts = host.machine();
      } catch (error) {
        if (!(error instanceof Unbuildable)) throw error;
        return skip(host, `the machine cannot be built: ${error.message}`);
      }
      // It is made once, and the table tells what its cases take.
      began = Date.now();
      await runThere(Parser, row, files, parts);
    }
  }
  row.seconds = Math.round((Date.now() - began) / 1000);
  const { passed, failed, skipped } = row.counts;
  console.log(
    `${host.name}: ${row.kernel}, ${row.cgroups}: ${passed} passed, ${failed} failed, ${skipped} skipped (${row.seconds} s)`,
  );
  return row;
}

const HEAD = ["| host | kernel | cgroups | what ran | passed | failed | skipped |", "|---|---|---|---|---|---|---|"];

/** The rows that the table has, by the name of the host; each with the lines about it below. */
function rowsInTable() {
  const text = readFileSync(TABLE, "utf8");
  const rows = new Map([...text.matchAll(/^\| \*\*(\S+)\*\* .*$/gm)].map(([line, name]) => [name, { line }]));
  for (const [, name, notes] of text.matchAll(/^### (\S+)\n\n([\s\S]*?)(?=\n### |\n<!-- hosts: end)/gm)) {
    const row = rows.get(name);
    if (row !== undefined) row.notes = notes.trimEnd();
  }
  return rows;
}

const escaped = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

function rowOf({ host, kernel, cgroups, files, counts, failures, reasons, seconds }) {
  const ran = host.script === undefined ? `${files} files` : host.what;
  const { passed, failed, skipped } = counts;
  const line = `| **${host.name}** ${host.title} | ${kernel} | ${cgroups} | ${ran}, ${seconds} s | ${passed} | ${failed} | ${skipped} |`;
  const skips = [...reasons]
    .sort((one, other) => other[1] - one[1])
    .map(([why, times]) => `- skipped, ${times}: ${escaped(why)}`);
  const faults = failures.map((each) => `- **failed**: ${escaped(each.split("\n")[0])}`);
  const what = host.script === undefined ? `Files: ${host.files.join(", ")}.` : `${host.script}.`;
  return { line, notes: [what, ...(faults.length + skips.length > 0 ? ["", ...faults, ...skips] : [])].join("\n") };
}

function writeTable(rows) {
  const known = rowsInTable();
  for (const row of rows) known.set(row.host.name, rowOf(row));
  const order = HOSTS.map(({ name }) => name).filter((name) => known.has(name));
  const lines = [...HEAD, ...order.map((name) => known.get(name).line), "", "## What ran, and what did not"];
  for (const name of order) lines.push("", `### ${name}`, "", known.get(name).notes);
  replacePart(TABLE, "hosts", lines.join("\n"));
}

/** Puts what a host says of properties that no other has had so far into conformance/PROPERTIES.md. */
function tellProperties({ proofs: found }) {
  const table = partOf(PROPERTIES, "properties");
  const columns = ["runt", "runc", "crun"].map((title) => ({ title, proofs: title === "runt" ? found : [] }));
  replacePart(PROPERTIES, "properties", amendedTable(table, columns));
}

function build() {
  const done = spawnSync(process.execPath, ["scripts/build.mjs", "--keep-going"], {
    cwd: ROOT,
    env: environment(),
    stdio: "inherit",
  });
  if (done.status === 0) return;
  total.failed += 1;
  console.log(`FAILED npm run build ended with ${done.status ?? done.signal}`);
}

async function shell(host, command) {
  const done = await boot({
    machine: host.machine(),
    project: ROOT,
    script: `${host.before ?? ""}\n${command}`,
    timeout: 900,
    kernelWords: host.words,
    onOutput: (text) => process.stdout.write(text),
  });
  if (done.why !== undefined) console.error(done.why);
  process.exitCode = done.status ?? 125;
}

/** `{ names, only, isSmoke, command }` of the words of the command line. */
function read(words) {
  const after = (flag) => (words.includes(flag) ? words.slice(words.indexOf(flag) + 1) : []);
  const flags = words.findIndex((word) => word.startsWith("--"));
  const names = flags < 0 ? words : words.slice(0, flags);
  return { names, only: after("--only"), isSmoke: words.includes("--smoke"), command: after("--shell").join(" ") };
}

async function main() {
  const { names, only, isSmoke, command } = read(process.argv.slice(2));
  if (process.argv.includes("--list")) {
    for (const { name, title } of HOSTS) console.log(`${name.padEnd(18)} ${title}`);
    return;
  }
  const unknown = names.filter((name) => HOSTS.every((host) => host.name !== name));
  if (unknown.length > 0) throw new Error(`no host has the name ${unknown.join(" or ")}; npm run hosts -- --list names them`);
  const hosts = HOSTS.filter((host) => (names.length === 0 ? !isSmoke || host.smoke !== undefined : names.includes(host.name)));
  if (command !== "") {
    await shell(hosts[0], command);
    return;
  }
  if (!ensureNpmPackages()) throw new Error("npm ci failed");
  build();
  mkdirSync(LOGS, { recursive: true });
  const { Parser } = await import("tap-parser");
  // Machines of one processor each, and the table stays as it is: side by side.
  if (isSmoke) {
    await Promise.all(hosts.map((host) => tryHost(Parser, host, { only, isSmoke })));
    return;
  }
  for (const host of hosts) {
    const row = await tryHost(Parser, host, { only, isSmoke });
    // After each host: a run of all takes long, and what is known stays if it is ended.
    if (row === undefined || RUNTIME !== "runt") continue;
    if (only.length === 0) writeTable([row]);
    if (host.env === undefined) tellProperties(row);
  }
}

try {
  await main();
} catch (error) {
  total.failed += 1;
  console.log(`FAILED ${error.message}`);
}
if (!process.argv.includes("--list") && !process.argv.includes("--shell")) {
  if (total.failed > 0) process.exitCode = 1;
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
}
