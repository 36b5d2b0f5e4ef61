// SPDX-License-Identifier: Apache-2.0
// The source archives that the build links into what it makes: sources.json names each, with its digest. They lie in Debian's
// archive, and are fetched from the mirror that apt knows, or from Debian's public one where it knows none.
//
//   node scripts/sources.mjs [--check]   fetches all of them to build/; --check only says which are missing
//
// RUNT_OFFLINE=1 fetches nothing: the archives have to be in build/, or in the folder that RUNT_SOURCES names, before.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { debianMirrors } from "./mirror.mjs";
import { ROOT } from "./prepare.mjs";
import { filesUnder, run, StepFailed } from "./steps.mjs";

/** Everything that is fetched but the npm packages, which package-lock.json names with their digests. */
export const SOURCES = JSON.parse(readFileSync(join(ROOT, "sources.json"), "utf8"));

export function isOffline() {
  return process.env.RUNT_OFFLINE === "1";
}

/** Path of the archive `name` of sources.json, relative to the checkout. */
export function archiveOf(name) {
  return join("build", SOURCES[name].file);
}

/** The numbered series that changes the source `name`, relative to the checkout; each file gives its reason before its first change. */
export function patchesOf(name) {
  return filesUnder(SOURCES[name].patches, [".patch"]);
}

function hasDigest(path, sha256) {
  return existsSync(path) && createHash("sha256").update(readFileSync(path)).digest("hex") === sha256;
}

/**
 * Sees to it that the archive `name` of sources.json is there, and is the one that was meant.
 * @returns its path, relative to the checkout
 * @throws StepFailed
 */
export function fetchArchive(name) {
  const { file, sha256 } = SOURCES[name];
  const archive = join(ROOT, archiveOf(name));
  if (hasDigest(archive, sha256)) return archiveOf(name);
  mkdirSync(join(ROOT, "build"), { recursive: true });
  const kept = process.env.RUNT_SOURCES ?? "";
  if (kept !== "" && hasDigest(join(kept, file), sha256)) {
    copyFileSync(join(kept, file), archive);
    return archiveOf(name);
  }
  if (isOffline()) {
    throw new StepFailed(`RUNT_OFFLINE=1, and neither build/ nor RUNT_SOURCES has ${file} with the SHA-256 ${sha256}`);
  }
  download(name, archive);
  return archiveOf(name);
}

function download(name, archive) {
  const { file, sha256, pool } = SOURCES[name];
  const tried = [];
  for (const mirror of debianMirrors({ update: true })) {
    try {
      run("/usr/lib/apt/apt-helper", ["download-file", `${mirror}${pool}${file}`, archive, `SHA256:${sha256}`]);
    } catch (error) {
      tried.push(error.message.trim());
    }
    if (hasDigest(archive, sha256)) return;
  }
  throw new StepFailed(`no Debian mirror gave ${file}: ${tried.join("; ")}`);
}

function main() {
  for (const [name, { file, sha256 }] of Object.entries(SOURCES)) {
    if (process.argv.includes("--check")) {
      const isThere = hasDigest(join(ROOT, archiveOf(name)), sha256);
      console.log(`${isThere ? "there  " : "missing"} ${sha256}  ${file}`);
      if (!isThere) process.exitCode = 1;
    } else {
      console.log(`${sha256}  ${fetchArchive(name)}`);
    }
  }
}

if (process.argv[1] === import.meta.filename) main();
