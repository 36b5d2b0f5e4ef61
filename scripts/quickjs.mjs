// SPDX-License-Identifier: Apache-2.0
// The sources of QuickJS, the engine of dist/bin/runt: Debian's source package, by the digest in sources.json, with the patches of
// native/engine/patches. docs/engine.md tells how to take a newer release.
import { fetchSource } from "./debian_source.mjs";
import { SOURCES } from "./sources.mjs";

export const QUICKJS_VERSION = SOURCES.quickjs.version;

/** The directory, relative to the checkout, that {@link fetchQuickjs} unpacks the sources into. */
export const QUICKJS = "build/quickjs-source";

/** Fetches, unpacks and patches the sources, unless they are there. @throws StepFailed */
export function fetchQuickjs() {
  fetchSource({ name: "quickjs", directory: QUICKJS });
}
