// SPDX-License-Identifier: Apache-2.0
// Where Debian's packages and sources come from: this machine's own mirrors, as apt knows them.
import { spawnSync } from "node:child_process";

/** For machines whose apt has no source of Debian's: other distributions. Everybody may use it. */
const PUBLIC = "http://deb.debian.org/debian/";

/** Mirrors of Debian that apt has lists of; those of security updates have not all packages. */
function known() {
  const words = ["indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)", "Created-By: Packages"];
  const asked = spawnSync("apt-get", words, { encoding: "utf8" });
  const lines = (asked.stdout ?? "").split("\n").filter((line) => line.endsWith(" Debian Debian"));
  return [...new Set(lines.map((line) => line.split(" ")[0]))];
}

/**
 * Debian's mirrors, best first; each address ends with "/". Where apt has no lists, on a new machine, it is asked to fetch them.
 * @param options.update whether apt may do that
 */
export function debianMirrors({ update = false } = {}) {
  const found = known();
  if (found.length > 0) return found;
  if (update) {
    console.log("mirror: apt-get update");
    spawnSync("apt-get", ["update", "-q"], { stdio: ["ignore", "ignore", "inherit"] });
  }
  const fetched = update ? known() : [];
  return fetched.length > 0 ? fetched : [PUBLIC];
}
