// Sources that the build compiles in: an archive of sources.json, unpacked.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./prepare.mjs";
import { fetchArchive } from "./sources.mjs";
import { run } from "./steps.mjs";

/**
 * Fetches and unpacks a source, unless `directory` has `file` already.
 *
 * @param source.name of sources.json
 * @param source.directory relative to the checkout
 * @param source.file a file of the source
 * @param change changes the unpacked source before anybody sees it; gets its directory
 * @throws StepFailed
 */
export function fetchSource({ name, directory, file }, change = () => {}) {
  if (existsSync(join(ROOT, directory, file))) return;
  const archive = fetchArchive(name);
  const aside = `${directory}.new`;
  rmSync(join(ROOT, aside), { recursive: true, force: true });
  mkdirSync(join(ROOT, aside));
  run("tar", ["-xf", archive, "-C", aside, "--strip-components=1"]);
  change(aside);
  rmSync(join(ROOT, directory), { recursive: true, force: true });
  run("mv", [aside, directory]);
}
