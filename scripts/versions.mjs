// SPDX-License-Identifier: Apache-2.0
// npm run versions: each thing that runt is made of, with the version that is pinned and the newest that the registries know.
//
//   npm run versions [-- --json] [--offline]
//
// npm packages of package.json, the archives of sources.json, libseccomp where Debian's is linked, and the actions of the workflow
// files. dependencies.json says what an npm package is for, and whether something of it, or made by it, reaches users. Exit status 1 if
// one is not named there; one that is old is no error.
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { debianMirrors } from "./mirror.mjs";
import { ROOT } from "./prepare.mjs";
import { SOURCES } from "./sources.mjs";
import { ask } from "./steps.mjs";

const runFile = promisify(execFile);
const isOffline = process.argv.includes("--offline") || process.env.RUNT_OFFLINE === "1";
const read = (file) => JSON.parse(readFileSync(join(ROOT, file), "utf8"));

const byVersion = (one, other) => one.localeCompare(other, "en", { numeric: true });

/** The newest version on npm that fits `range`, or the newest of all; "?" where npm does not tell. */
async function newestOnNpm(name, range) {
  if (isOffline) return "?";
  try {
    const { stdout } = await runFile("npm", ["view", range === undefined ? name : `${name}@${range}`, "version", "--json"]);
    return [JSON.parse(stdout)].flat().sort(byVersion).at(-1) ?? "?";
  } catch {
    return "?";
  }
}

function npmPackages() {
  const { devDependencies = {}, dependencies = {}, optionalDependencies = {} } = read("package.json");
  const purposes = read("dependencies.json");
  return Object.entries({ ...devDependencies, ...dependencies, ...optionalDependencies }).map(async ([name, pinned]) => {
    const purpose = purposes[name];
    if (purpose === undefined) {
      console.error(`versions: ${name} is not in dependencies.json: what is it for?`);
      process.exitCode = 1;
    }
    const { for: what = "?", reachesUsers = false, stays } = purpose ?? {};
    const newest = await newestOnNpm(name, stays);
    return { kind: "npm", name, pinned, newest, reachesUsers, for: stays === undefined ? what : `${what} (stays at ${stays})` };
  });
}

/**
 * What Debian's development suite has of a source, asked with an apt state of its own below build/: this machine's apt knows the
 * suite that it runs alone.
 */
function newestInDebian(names) {
  if (isOffline) return new Map();
  const state = join(ROOT, "build/apt-sid");
  mkdirSync(join(state, "lists/partial"), { recursive: true });
  const [uri] = debianMirrors();
  writeFileSync(
    join(state, "sources.list"),
    `deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${uri} sid main\n`,
  );
  const options = [
    ["Dir::Etc::SourceList", `${state}/sources.list`],
    ["Dir::Etc::SourceParts", "/dev/null"],
    ["Dir::State::Lists", `${state}/lists`],
    ["Dir::Cache", state],
    ["APT::Sandbox::User", "root"],
  ].flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  ask("apt-get", [...options, "update", "-q"]);
  const text = ask("apt-cache", [...options, "showsrc", ...names]);
  // "Package: quickjs" and, in the same paragraph, "Version: 2025.09.13-1"; the upstream part of the newest.
  const found = new Map();
  for (const paragraph of text.split("\n\n")) {
    const name = /^Package: (\S+)$/m.exec(paragraph)?.[1];
    const version = /^Version: (?:\d+:)?(\S+?)(?:-[^-\s]+)?$/m.exec(paragraph)?.[1];
    if (name === undefined || version === undefined) continue;
    found.set(name, [found.get(name) ?? "0", version].sort(byVersion).at(-1));
  }
  return found;
}

function sources() {
  const newest = newestInDebian(Object.keys(SOURCES));
  return Object.entries(SOURCES).map(([name, { version, for: what }]) => ({
    kind: "source",
    name,
    pinned: version,
    newest: newest.get(name) ?? "?",
    reachesUsers: true,
    for: what,
  }));
}

/** What the compiler's machine brings: Debian's own archives, which nobody pins. */
function system() {
  const parts = {
    "libc6-dev": "the C library of the program",
    "g++": "the compiler, and libstdc++ in the program and the addons",
  };
  if (SOURCES.libseccomp === undefined) parts["libseccomp-dev"] = "seccomp filters, in the program and seccomp.node";
  return Object.entries(parts).map(([name, what]) => ({
    kind: "debian",
    name,
    pinned: ask("dpkg-query", ["-W", "-f", "${Version}", name]) || "-",
    newest: /Candidate: (\S+)/.exec(ask("apt-cache", ["policy", name]))?.[1] ?? "?",
    reachesUsers: true,
    for: what,
  }));
}

/** Actions are named with their major version, and cannot be asked for from here. */
function actions() {
  const folder = ".github/workflows";
  const used = readdirSync(join(ROOT, folder)).flatMap((file) => [
    ...readFileSync(join(ROOT, folder, file), "utf8").matchAll(/uses: (\S+)@(\S+)/g),
  ]);
  return [...new Map(used.map(([, name, pinned]) => [name, pinned]))].map(([name, pinned]) => ({
    kind: "action",
    name,
    pinned,
    newest: "?",
    reachesUsers: false,
    for: "the workflow file",
  }));
}

const rows = [...(await Promise.all(npmPackages())), ...sources(), ...system(), ...actions()];
if (process.argv.includes("--json")) {
  console.log(JSON.stringify(rows, null, 2));
} else {
  const table = rows.map(({ kind, name, pinned, newest, reachesUsers, for: what }) => [
    kind,
    name,
    pinned,
    newest === pinned ? "=" : newest,
    reachesUsers ? "users" : "-",
    what,
  ]);
  const head = ["kind", "name", "pinned", "newest", "reaches", "for"];
  const widths = head.map((_, column) => Math.max(...[head, ...table].map((row) => row[column].length)));
  for (const row of [head, ...table])
    console.log(row.map((text, column) => (column === row.length - 1 ? text : text.padEnd(widths[column]))).join("  "));
}
