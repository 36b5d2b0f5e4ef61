// SPDX-License-Identifier: Apache-2.0
// The sources of QuickJS, the engine of dist/bin/runt: Debian's source package, by the digest in sources.json, with the patches of
// native/engine/patches. docs/engine.md tells how to take a newer release.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fetchSource } from "./debian_source.mjs";
import { ROOT } from "./prepare.mjs";
import { SOURCES } from "./sources.mjs";
import { run, StepFailed } from "./steps.mjs";

export const QUICKJS_VERSION = SOURCES.quickjs.version;

/** The directory, relative to the checkout, that {@link fetchQuickjs} unpacks the sources into. */
export const QUICKJS = "build/quickjs-source";

/** The numbered series. Each file gives its reason before its first change. */
const PATCHES = "native/engine/patches";

function patches() {
  return readdirSync(join(ROOT, PATCHES))
    .filter((name) => name.endsWith(".patch"))
    .sort();
}

/** Changes with the release and with each patch. */
function revision() {
  const hash = createHash("sha256").update(SOURCES.quickjs.sha256);
  for (const name of patches()) hash.update(readFileSync(join(ROOT, PATCHES, name)));
  return hash.digest("hex");
}

/** Fetches, unpacks and patches the sources, unless they are there. @throws StepFailed */
export function fetchQuickjs() {
  fetchSource({ name: "quickjs", directory: QUICKJS, revision: revision() }, applyPatches);
}

function applyPatches(directory) {
  for (const name of patches()) {
    // No fuzz: a patch that fits only roughly has to be looked at by a person.
    const words = ["--directory", directory, "--strip=1", "--fuzz=0", "--batch", "--no-backup-if-mismatch"];
    try {
      run("patch", [...words, "--input", join(ROOT, PATCHES, name)]);
    } catch (error) {
      throw new StepFailed(`${PATCHES}/${name} does not fit QuickJS ${QUICKJS_VERSION}\n${error.message}`);
    }
  }
}
