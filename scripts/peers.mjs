// SPDX-License-Identifier: Apache-2.0
// npm run peers -- crun|runc|podman|buildah|critest|containerd [PATH] [WORD...]: the suite of a peer, read from a clone that is there, with runt
// and with the peer's own runtime, and a table of both. It fetches nothing. With words only the files whose name contains one of
// them run.
//
//   PEER=/path      another runtime beside runt; PEER= is none
//   RUNT=/path      another runt
//   COLUMN=shim     these columns of the table alone; "shim" is runt as containerd's shim, for suites that run beneath containerd
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative, resolve } from "node:path";
import * as buildah from "../conformance/peers/buildah.mjs";
import * as containerd from "../conformance/peers/containerd.mjs";
import * as critest from "../conformance/peers/critest.mjs";
import * as crun from "../conformance/peers/crun.mjs";
import * as podman from "../conformance/peers/podman.mjs";
import { firstLine, logOf, runFile, sh } from "../conformance/peers/run.mjs";
import * as runc from "../conformance/peers/runc.mjs";
import { ROOT } from "./prepare.mjs";

const SUITES = { crun, runc, podman, buildah, critest, containerd };
const LOGS = join(ROOT, "build/test-logs");

/** Where people keep clones: beside this checkout, by name or by owner, and as Go's tools have it. */
function usualPlaces({ repository }) {
  const name = repository.split("/")[1];
  return [
    ...[join(ROOT, "build/peers", name), join(ROOT, "..", name), join(homedir(), name), join(homedir(), "src", name)],
    ...[join(ROOT, "../..", repository), join(homedir(), "go/src/github.com", repository)],
  ];
}

/** The clone, and the words that choose files. */
function argumentsOf(suite, words) {
  const isClone = (path) => existsSync(join(path, suite.mark));
  const [first, ...rest] = words;
  if (first !== undefined && (first.includes("/") || isClone(first))) {
    if (!isClone(first)) throw new Error(`${first} is no clone of ${suite.repository}: it has no ${suite.mark}`);
    return { clone: resolve(first), chosen: rest };
  }
  const places = usualPlaces(suite);
  const clone = places.find(isClone);
  if (clone === undefined)
    throw new Error(`no clone of ${suite.repository} is there; name its path. Looked in ${places.join(", ")}`);
  return { clone: resolve(clone), chosen: words };
}

/** Path of the peer's own runtime, or undefined. */
function peerOf(suite) {
  const wanted = process.env.PEER ?? suite.peer;
  if (wanted === "") return undefined;
  const found = firstLine(sh(`command -v '${wanted}'`).stdout);
  if (found === "") console.log(`${wanted} is not installed: the table has runt's column alone`);
  return found === "" ? undefined : found;
}

/** A link to a runtime under the name that the suite expects in messages. */
function linkOf(name, path, work, column) {
  if (name === undefined) return path;
  const folder = join(work, `bin-${column}`);
  mkdirSync(folder);
  const link = join(folder, name);
  symlinkSync(path, link);
  return link;
}

/** Runs all files with one runtime; @returns verdicts by file and name */
async function runAll(name, suite, { clone, work, files, column, runtime }) {
  const found = new Map();
  for (const file of files) {
    const began = Date.now();
    const directory = join(work, column, file);
    const { rows, out } = await runFile(suite, { clone, work, directory }, file, runtime);
    writeFileSync(logOf(LOGS, name, column, file), out);
    const of = (verdict) => rows.filter((row) => row.verdict === verdict).length;
    const seconds = ((Date.now() - began) / 1000).toFixed(0);
    console.error(
      `${column} ${file}: ${of("ok")} ok, ${of("FAILED") + of("hangs")} failed, ${of("skipped")} skipped (${seconds} s)`,
    );
    for (const row of rows) found.set(`${file}\n${row.name}`, row);
  }
  return found;
}

function shown(row) {
  if (row === undefined) return "-";
  return row.detail === "" || row.verdict === "FAILED" ? row.verdict : `${row.verdict}: ${row.detail}`;
}

function printTable(columns) {
  const keys = [...new Set(columns.flatMap(({ found }) => [...found.keys()]))];
  const lines = keys.map((key) => [...key.split("\n"), ...columns.map(({ found }) => shown(found.get(key)))]);
  console.log(`| file | test | ${columns.map(({ column }) => column).join(" | ")} |`);
  console.log(`|---|---|${columns.map(() => "---|").join("")}`);
  for (const line of lines) console.log(`| ${line.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`);
  const sums = columns.map(({ column, found }) => {
    const of = (verdict) => [...found.values()].filter((row) => row.verdict === verdict).length;
    return `${column} ${of("ok")} of ${found.size} ok, ${of("FAILED")} failed, ${of("hangs")} hang, ${of("skipped")} skipped`;
  });
  console.log(`\n${sums.join("; ")}. The output of each file: ${relative(process.cwd(), LOGS)}/peers-*`);
}

async function main([name, ...words]) {
  const suite = Object.hasOwn(SUITES, name ?? "") ? SUITES[name] : undefined;
  if (suite === undefined)
    throw new Error(`usage: npm run peers -- ${Object.keys(SUITES).join("|")} [PATH of a clone] [WORD...]`);
  const { clone, chosen } = argumentsOf(suite, words);
  const reason = process.getuid() === 0 ? suite.missing(clone) : "it needs root";
  if (reason !== undefined) throw new Error(`${name}'s suite cannot run: ${reason}`);
  const runt = process.env.RUNT ?? join(ROOT, "dist/bin/runt");
  if (!existsSync(runt)) throw new Error(`${runt} is not there; npm run build makes it`);
  const files = suite.files(clone).filter((file) => chosen.length === 0 || chosen.some((word) => file.includes(word)));
  if (files.length === 0) throw new Error(`no file of the suite contains ${chosen.join(" or ")}`);
  // Not below /tmp: runc's tests mount there, and crun's need a path that other users may search.
  const work = mkdtempSync(statSync("/dev/shm", { throwIfNoEntry: false }) === undefined ? "/var/tmp/peers-" : "/dev/shm/peers-");
  try {
    sh(`chmod 755 '${work}'`);
    for (const note of suite.prepare(clone, work) ?? []) console.log(note);
    const columns = [];
    const isWanted = (column) => (process.env.COLUMN ?? column).split(",").includes(column);
    // A suite that runs beneath containerd has a column for runt as its shim.
    for (const [column, path, linkName] of [
      ...(suite.shimName === undefined ? [] : [["shim", runt, suite.shimName]]),
      ["runt", runt, suite.linkName],
      [suite.peer, peerOf(suite), suite.linkName],
    ]) {
      if (path === undefined || !isWanted(column)) continue;
      const runtime = linkOf(linkName, path, work, column);
      columns.push({ column, found: await runAll(name, suite, { clone, work, files, column, runtime }) });
    }
    printTable(columns);
    return columns[0].found;
  } finally {
    suite.cleanUp?.();
    rmSync(work, { recursive: true, force: true });
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
