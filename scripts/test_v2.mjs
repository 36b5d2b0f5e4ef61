// SPDX-License-Identifier: Apache-2.0
// npm run test:v2: the end-to-end cases on pure cgroup v2 with systemd, in a virtual machine made of Debian's packages
// (conformance/vm), with runt, runc and crun. The last line is "N passed, N failed, N skipped".
//
//   npm run test:v2 -- WORD...           only the files of conformance/ whose path contains one of the words
//   npm run test:v2 -- --shell COMMAND   one shell command in the machine, as root, in the checkout
//   RUNTIMES=runt,crun npm run test:v2   with these runtimes; each file runs with every one
//   FILE_SECONDS=60 npm run test:v2      how long a file may take; 300 by default
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { boot } from "../conformance/vm/boot.mjs";
import { machine, Unbuildable } from "../conformance/vm/machine.mjs";
import { machineRuns, missingForMachine, runInMachine } from "./machine_runs.mjs";
import { ensureNpmPackages, environment, ROOT } from "./prepare.mjs";
import { count, describe, testFiles } from "./tap.mjs";

const LOGS = join(ROOT, "build/test-logs");
const FILE_SECONDS = Number(process.env.FILE_SECONDS ?? 300);
/** The files that run without words: what touches cgroups, and a life from end to end. */
const CHOSEN = [
  "cgroups",
  "systemd",
  "devices",
  "events",
  "lifecycle",
  "pause",
  "update",
  "namespaces",
  "exec",
  "killed",
  "unprivileged",
  "wait",
  "blkio",
  "rootless",
  "without_cgroups",
];

const total = { passed: 0, failed: 0, skipped: 0 };

/** The runs that the words, or nothing, ask for. */
function wantedRuns(words) {
  const wanted = (file) =>
    words.length === 0
      ? CHOSEN.some((name) => file === `conformance/cases/${name}.test.ts` || file === `conformance/cases/${name}_v2.test.ts`)
      : words.some((word) => file.includes(word));
  const files = testFiles("conformance").filter((file) => !file.includes("/engines/") && wanted(file));
  return machineRuns((process.env.RUNTIMES ?? "runt,runc,crun").split(","), files);
}

function report(Parser, { runtime, file, name }, { out, err, status }) {
  const log = join(LOGS, `v2-${name}.tap`);
  writeFileSync(log, `${out}\n# stderr:\n${err}`);
  const problems = [];
  const counts = count(Parser.parse(out), [], problems);
  if (status !== "0" && counts.failed === 0) {
    counts.failed += 1;
    problems.push({ name: `ended with ${status}: ${err.trim().split("\n").slice(0, 12).join("\n      ")}` });
  }
  for (const key of Object.keys(total)) total[key] += counts[key];
  const skips = counts.skipped === 0 ? "" : `, ${counts.skipped} skipped`;
  console.log(
    `${counts.failed === 0 ? "ok    " : "FAILED"} ${basename(runtime)} ${file}: ${counts.passed} passed, ${counts.failed} failed${skips}`,
  );
  for (const problem of problems) console.log(describe(problem));
  if (problems.length > 0) console.log(`    all of it: ${relative(ROOT, log)}`);
}

function refuse(kind, text) {
  total[kind] += 1;
  console.log(`${kind === "failed" ? "FAILED" : "skip  "} ${text}`);
}

function build() {
  const done = spawnSync(process.execPath, ["scripts/build.mjs", "--keep-going"], {
    cwd: ROOT,
    env: environment(),
    stdio: "inherit",
  });
  if (done.status !== 0) refuse("failed", `npm run build ended with ${done.status ?? done.signal}`);
}

async function main(words) {
  const why = missingForMachine();
  if (why !== undefined) return refuse("skipped", `cgroup v2 in a virtual machine: ${why}`);
  if (!ensureNpmPackages()) return refuse("failed", "npm ci");
  let parts;
  try {
    parts = machine();
  } catch (error) {
    if (!(error instanceof Unbuildable)) throw error;
    return refuse("skipped", `cgroup v2 in a virtual machine: it cannot be built: ${error.message}`);
  }
  if (words[0] === "--shell") {
    const done = await boot({
      machine: parts,
      project: ROOT,
      script: words.slice(1).join(" "),
      timeout: 600,
      onOutput: (text) => process.stdout.write(text),
    });
    if (done.why !== undefined) console.error(done.why);
    process.exitCode = done.status ?? 125;
    return undefined;
  }
  build();
  mkdirSync(LOGS, { recursive: true });
  const { Parser } = await import("tap-parser");
  const runs = wantedRuns(words);
  if (runs.length === 0) return refuse("failed", `no file of conformance/ has ${words.join(" or ")} in its path`);
  const { left, why: ended } = await runInMachine(parts, runs, FILE_SECONDS, (run, result) => report(Parser, run, result));
  for (const { runtime, file } of left) refuse("failed", `${runtime} ${file}: did not run`);
  if (ended !== undefined) console.log(ended);
  return undefined;
}

const words = process.argv.slice(2);
await main(words);
if (words[0] !== "--shell") {
  if (total.failed > 0) process.exitCode = 1;
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
}
