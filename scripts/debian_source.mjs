// SPDX-License-Identifier: Apache-2.0
// Sources that the build compiles in: an archive of sources.json, unpacked.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./prepare.mjs";
import { fetchArchive, SOURCES } from "./sources.mjs";
import { run } from "./steps.mjs";

/** In the directory of a source: its revision, once it is complete. */
const STAMP = ".revision";

function revisionIn(directory) {
  const stamp = join(ROOT, directory, STAMP);
  return existsSync(stamp) ? readFileSync(stamp, "utf8") : undefined;
}

/**
 * Fetches and unpacks a source, unless `directory` holds this revision of it.
 *
 * @param source.name of sources.json
 * @param source.directory relative to the checkout
 * @param source.revision changes with the archive, and with each change that is made to it
 * @param change changes the unpacked source before anybody sees it; gets its directory, relative to the checkout
 * @throws StepFailed
 */
export function fetchSource({ name, directory, revision = SOURCES[name].sha256 }, change = () => {}) {
  if (revisionIn(directory) === revision) return;
  const archive = fetchArchive(name);
  const aside = `${directory}.new`;
  rmSync(join(ROOT, aside), { recursive: true, force: true });
  mkdirSync(join(ROOT, aside));
  run("tar", ["-xf", archive, "-C", aside, "--strip-components=1"]);
  change(aside);
  writeFileSync(join(ROOT, aside, STAMP), revision);
  rmSync(join(ROOT, directory), { recursive: true, force: true });
  run("mv", [aside, directory]);
}
