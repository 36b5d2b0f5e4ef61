// SPDX-License-Identifier: Apache-2.0
/** The text of `--version`. */

import { libseccompVersion } from "../seccomp/features.ts";
import { programName } from "../sys/program_name.ts";

/** Release of the OCI runtime specification that runt implements. */
const SPEC_VERSION = "1.3.0";

/**
 * Facts on lines of their own. Programs read them: dockerd takes name and version from the last line that has the word
 * "version" in it, and the commit from a line "commit:", so no other line may have that word; go-runc reads nothing at all
 * unless the first line starts with "runc version ", and takes that for no error. Only a caller that uses the name `runc` gets
 * that name, with the version of runt.
 */
export function versionText(): string {
  const lines = [`${programName()} version ${process.env["RUNT_VERSION"] ?? "unbuilt"}`];
  const commit = process.env["RUNT_COMMIT"] ?? "";
  if (commit !== "" && commit !== "unknown") lines.push(`commit: ${commit}`);
  lines.push(`spec: ${SPEC_VERSION}`);
  for (const engine of ["quickjs", "bun", "node"]) {
    const version = process.versions[engine];
    // Bun also gives the version of Node.js that it replaces.
    if (version === undefined) continue;
    lines.push(`${engine}: ${version}`);
    break;
  }
  const libseccomp = linkedLibseccomp();
  if (libseccomp !== undefined) lines.push(`libseccomp: ${libseccomp}`);
  return `${lines.join("\n")}\n`;
}

/** A build without libseccomp has none; its version is no reason for `--version` to fail. */
function linkedLibseccomp(): string | undefined {
  try {
    return libseccompVersion();
  } catch {
    return undefined;
  }
}
