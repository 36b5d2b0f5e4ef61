// Sources that the build compiles in: a file of a Debian source package, by its digest.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./prepare.mjs";
import { ask, run, StepFailed } from "./steps.mjs";

/**
 * Fetches and unpacks a source, unless `directory` has `file` already.
 *
 * @param source.archive name of the archive, which is kept in build/
 * @param source.pool its directory in a Debian mirror
 * @param source.sha256 its digest
 * @param source.directory relative to the checkout
 * @param source.file a file of the source
 * @param change changes the unpacked source before anybody sees it; gets its directory
 * @throws StepFailed
 */
export function fetchSource({ archive, pool, sha256, directory, file }, change = () => {}) {
  if (existsSync(join(ROOT, directory, file))) return;
  mkdirSync(join(ROOT, "build"), { recursive: true });
  const path = join(ROOT, "build", archive);
  const isRight = () => existsSync(path) && createHash("sha256").update(readFileSync(path)).digest("hex") === sha256;
  if (!isRight()) download({ archive, pool, sha256 }, path, isRight);
  const aside = `${directory}.new`;
  rmSync(join(ROOT, aside), { recursive: true, force: true });
  mkdirSync(join(ROOT, aside));
  run("tar", ["-xf", path, "-C", aside, "--strip-components=1"]);
  change(aside);
  rmSync(join(ROOT, directory), { recursive: true, force: true });
  run("mv", [aside, directory]);
}

/** Where this machine gets Debian's packages from; apt knows that of sources whose lists it has only. */
function mirrors() {
  const known = () => {
    const lines = ask("apt-get", ["indextargets", "--format", "$(REPO_URI) $(ORIGIN)", "Created-By: Packages"]).split("\n");
    return new Set(lines.filter((line) => line.endsWith(" Debian")).map((line) => line.split(" ")[0]));
  };
  const found = known();
  if (found.size > 0) return found;
  console.log("build: apt-get update");
  run("apt-get", ["update", "-q"]);
  return known();
}

function download({ archive, pool, sha256 }, path, isRight) {
  const tried = [];
  for (const mirror of mirrors()) {
    try {
      run("/usr/lib/apt/apt-helper", ["download-file", `${mirror}pool/main/${pool}/${archive}`, path, `SHA256:${sha256}`]);
    } catch (error) {
      tried.push(error.message.trim());
    }
    if (isRight()) return;
  }
  throw new StepFailed(`no Debian mirror gave ${archive}: ${tried.join("; ") || "apt knows none"}`);
}
