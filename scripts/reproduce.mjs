// SPDX-License-Identifier: Apache-2.0
// npm run reproduce: whether two builds of the same sources give the same bytes. What stands in dist/, and the files of a release
// that are made of it, are compared with those of a copy of the sources in another folder, at another time, with another umask, time
// zone, language and order of files. As root that build also has no network and can write to nothing but its folder: what it needs is
// named in sources.json and package-lock.json, and put in place before.
//
//   npm run reproduce                     builds dist/ first; the copy is made in build/reproduce and removed when it is equal
//   npm run reproduce -- --keep           the copy stays
//   npm run reproduce -- --arch aarch64   the builds for another architecture, as scripts/build.mjs makes them
//
// The last line is "N passed, N failed"; each file that differs has a line with the first place at which it does.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DIST, IS_CROSS, TARGET } from "./arch.mjs";
import { environment, ROOT } from "./prepare.mjs";
import { sourceTime } from "./sbom.mjs";
import { ask, filesUnder } from "./steps.mjs";

/** Deeper, and with a longer name, than the checkout: a path that got into a file would move everything behind it. */
const COPY = join(ROOT, "build/reproduce/a folder somewhere else/checkout");
/** What another builder may well have set otherwise. */
const OTHER_WAYS = { TZ: "Pacific/Kiritimati", LC_ALL: "C", LANG: "tr_TR.UTF-8", RUNT_OFFLINE: "1", CCACHE_DISABLE: "1" };

/** Files of the checkout that are not ignored: what a commit of all of it would have. */
function sources() {
  const listed = ask("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  if (listed !== "") return listed.split("\0").filter((file) => file !== "" && existsSync(join(ROOT, file)));
  throw new Error("the checkout has no git");
}

/** The sources last one first, so that the directory of the copy has another order. */
function copySources() {
  rmSync(join(ROOT, "build/reproduce"), { recursive: true, force: true });
  for (const file of sources().reverse()) {
    mkdirSync(dirname(join(COPY, file)), { recursive: true });
    cpSync(join(ROOT, file), join(COPY, file));
  }
  // What is fetched and checked by its digest has not to be fetched again. Hard links: the packages are many.
  mkdirSync(join(COPY, "build"), { recursive: true });
  for (const name of readdirSync(join(ROOT, "build"))) {
    if (/\.tar\.\w+$/.test(name)) cpSync(join(ROOT, "build", name), join(COPY, "build", name));
  }
  const linked = spawnSync("cp", ["-al", join(ROOT, "node_modules"), join(COPY, "node_modules")], { encoding: "utf8" });
  if (linked.status !== 0) throw new Error(linked.stderr);
}

/** The build alone in its folder: all else is read-only, and there is no network. */
const ALONE = `set -e
  mount --make-rprivate /
  mount --bind "$PWD" "$PWD"
  awk '{ print $5 }' /proc/self/mountinfo | while read -r place; do
    place="$(printf %b "$place")"
    case "$place" in "$PWD"|/proc|/proc/*|/sys|/sys/*|/dev|/dev/*) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;; esac
  done
  cd "$PWD"
  if touch "$HOME/.runt-reproduce" /tmp/.runt-reproduce 2>/dev/null; then echo "the copy's build is not alone"; exit 1; fi
`;

/** The files of a release but the sources, which take git; relative to the folder of the build. */
const RELEASE = "build/reproduced-release";

/** Builds, and makes the files of a release. */
function build(folder, umask, extra, alone = false) {
  const release = `scripts/release.mjs --dirty --no-build --only tar,deb,npm --out ${RELEASE}`;
  const command = `${alone ? ALONE : ""} umask ${umask}; "$0" scripts/build.mjs "$@" && "$0" ${release} "$@"`;
  const cross = IS_CROSS ? ["--arch", TARGET.name] : [];
  const words = [...(alone ? ["unshare", "--mount", "--net"] : []), "sh", "-c", command, process.execPath, ...cross];
  const done = spawnSync(words[0], words.slice(1), { cwd: folder, env: { ...environment(), ...extra }, stdio: "inherit" });
  if (done.status !== 0) throw new Error(`the build in ${folder} ended with ${done.status ?? done.signal}`);
}

/** Whether this process may make namespaces: root of a container may not. */
function mayBeAlone() {
  if (process.getuid?.() !== 0) return false;
  if (spawnSync("unshare", ["--mount", "--net", "true"]).status === 0) return true;
  console.log("reproduce: namespaces are refused here: the copy's build has the network, and may write everywhere");
  return false;
}

/** Path of everything below `folder`. */
function contents(folder) {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !lstatSync(join(folder, name)).isDirectory())
    .sort();
}

/** undefined where both are the same, else how they differ. */
function difference(one, other) {
  if (lstatSync(one).isSymbolicLink()) {
    const targets = [one, other].map((file) => (lstatSync(file).isSymbolicLink() ? readlinkSync(file) : "no link"));
    return targets[0] === targets[1] ? undefined : `links to ${targets.join(" and ")}`;
  }
  const executable = [one, other].map((file) => (lstatSync(file).mode & 0o100) !== 0);
  if (executable[0] !== executable[1]) return "only one can be executed";
  const [first, second] = [readFileSync(one), readFileSync(other)];
  if (first.equals(second)) return undefined;
  let count = Math.abs(first.length - second.length);
  let at = -1;
  for (let index = 0; index < Math.min(first.length, second.length); index++) {
    if (first[index] === second[index]) continue;
    if (at < 0) at = index;
    count += 1;
  }
  return `${first.length} and ${second.length} bytes, ${count} differ, the first at ${at}`;
}

function compare(part) {
  const [here, there] = [join(ROOT, part), join(COPY, part)];
  const names = [...new Set([...contents(here), ...contents(there)])];
  const counts = { passed: 0, failed: 0 };
  for (const name of names) {
    const missing = [here, there].find((folder) => lstatSync(join(folder, name), { throwIfNoEntry: false }) === undefined);
    const how = missing === undefined ? difference(join(here, name), join(there, name)) : `is not in ${missing}`;
    counts[how === undefined ? "passed" : "failed"] += 1;
    if (how !== undefined) console.log(`not the same: ${part}/${name}: ${how}`);
  }
  return counts;
}

const start = Date.now();
build(ROOT, "022", {});
const commit = process.env.RUNT_COMMIT ?? ask("git", ["describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"]);
copySources();
// Ignored, so not among the sources; the build makes it.
if (filesUnder("build/reproduce", ["validate_config.ts"]).length > 0) throw new Error("the copy has generated files");
build(COPY, "077", { ...OTHER_WAYS, RUNT_COMMIT: commit, SOURCE_DATE_EPOCH: String(sourceTime()) }, mayBeAlone());
const counts = [DIST, RELEASE].map(compare);
const [passed, failed] = ["passed", "failed"].map((kind) => counts.reduce((sum, each) => sum + each[kind], 0));
rmSync(join(ROOT, RELEASE), { recursive: true });
if (failed > 0) process.exitCode = 1;
else if (!process.argv.includes("--keep")) rmSync(join(ROOT, "build/reproduce"), { recursive: true });
console.log(`reproduce: ${((Date.now() - start) / 1000).toFixed(0)} s`);
console.log(`${passed} passed, ${failed} failed`);
