// SPDX-License-Identifier: Apache-2.0
// npm run stage: puts what the build has made below a prefix, as `make install` does elsewhere.
//
//   PREFIX=/usr DESTDIR=/tmp/package npm run stage      PREFIX is /usr/local without it, DESTDIR empty
//
// A file that is there is replaced by a rename, so that a running program keeps the one that it has; nothing is built and nothing
// fetched. `--list` prints what would be written.
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DIST } from "./arch.mjs";
import { ROOT } from "./prepare.mjs";
import { filesUnder } from "./steps.mjs";

/** What belongs to the command line, below dist/; lib/ and the addons are the library's, which npm installs. */
const FOLDERS = ["share"];
const PROGRAMS = ["bin/runt"];
/** The name by which containerd looks for the program, beside it. */
export const SHIM = "containerd-shim-runt-v2";

/** [path below dist/, mode] of everything that is installed. */
export function installedFiles() {
  const programs = PROGRAMS.filter((file) => existsSync(join(ROOT, DIST, file)));
  const texts = FOLDERS.flatMap((folder) => filesUnder(`${DIST}/${folder}`, [""])).map((file) => file.slice(DIST.length + 1));
  return [...programs.map((file) => [file, 0o755]), ...texts.map((file) => [file, 0o644])];
}

/** Writes a file so that nobody sees half of it. Folders that are made can be entered by all, whatever the umask. */
export function put(target, data, mode) {
  makeFolder(dirname(target));
  const aside = `${target}.new-${process.pid}`;
  try {
    writeFileSync(aside, data);
    chmodSync(aside, mode);
    renameSync(aside, target);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

function makeFolder(folder) {
  const first = mkdirSync(folder, { recursive: true });
  for (let made = first === undefined ? "" : folder; made.length >= (first?.length ?? 1); made = dirname(made))
    chmodSync(made, 0o755);
}

/**
 * @param rename what a path below the prefix becomes, for a distribution that wants another place
 * @returns the paths that were written
 */
export function stage(prefix, rename = (file) => file) {
  const files = installedFiles().map(([file, mode]) => {
    const target = join(prefix, rename(file));
    put(target, readFileSync(join(ROOT, DIST, file)), mode);
    return target;
  });
  return [...files, linkShim(dirname(join(prefix, rename("bin/runt"))))];
}

/** @returns the link */
export function linkShim(folder) {
  const link = join(folder, SHIM);
  rmSync(link, { force: true });
  symlinkSync("runt", link);
  return link;
}

function main() {
  const prefix = join(process.env.DESTDIR ?? "", resolve("/", process.env.PREFIX ?? "/usr/local"));
  if (!existsSync(join(ROOT, DIST, "share/doc/runt/sbom.spdx.json"))) {
    console.error('stage: dist/ is not whole: run "npm run build" before');
    process.exitCode = 1;
    return;
  }
  if (process.argv.includes("--list")) {
    for (const [file] of installedFiles()) console.log(join(prefix, file));
    console.log(join(prefix, "bin", SHIM));
    return;
  }
  console.log(stage(resolve(prefix)).join("\n"));
}

if (process.argv[1] === import.meta.filename) main();
