// SPDX-License-Identifier: Apache-2.0
// Sources that the build compiles in: an archive of sources.json, unpacked, with a series of patches.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./prepare.mjs";
import { fetchArchive, patchesOf, SOURCES } from "./sources.mjs";
import { run, StepFailed } from "./steps.mjs";

/** In the directory of a source: its revision, once it is complete. */
const STAMP = ".revision";

function revisionIn(directory) {
  const stamp = join(ROOT, directory, STAMP);
  return existsSync(stamp) ? readFileSync(stamp, "utf8") : undefined;
}

/** Changes with the archive and with each patch. */
function revision(name) {
  const hash = createHash("sha256").update(SOURCES[name].sha256);
  for (const patch of patchesOf(name)) hash.update(readFileSync(join(ROOT, patch)));
  return hash.digest("hex");
}

/**
 * Fetches, unpacks and patches a source, unless `directory` holds this very one.
 *
 * @param source.name of sources.json
 * @param source.directory relative to the checkout
 * @throws StepFailed
 */
export function fetchSource({ name, directory }) {
  const wanted = revision(name);
  if (revisionIn(directory) === wanted) return;
  const archive = fetchArchive(name);
  const aside = `${directory}.new`;
  rmSync(join(ROOT, aside), { recursive: true, force: true });
  mkdirSync(join(ROOT, aside));
  run("tar", ["-xf", archive, "-C", aside, "--strip-components=1"]);
  for (const patch of patchesOf(name)) apply(patch, aside, `${name} ${SOURCES[name].version}`);
  writeFileSync(join(ROOT, aside, STAMP), wanted);
  rmSync(join(ROOT, directory), { recursive: true, force: true });
  run("mv", [aside, directory]);
}

function apply(patch, directory, title) {
  // No fuzz: a patch that fits only roughly has to be looked at by a person.
  const words = ["--directory", directory, "--strip=1", "--fuzz=0", "--batch", "--no-backup-if-mismatch"];
  try {
    run("patch", [...words, "--input", join(ROOT, patch)]);
  } catch (error) {
    throw new StepFailed(`${patch} does not fit ${title}\n${error.message}`);
  }
}
