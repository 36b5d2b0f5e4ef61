// SPDX-License-Identifier: Apache-2.0
/**
 * The name under which this program was called. Some engines (BuildKit) find a runtime by a link with the name `runc`, and
 * callers of `runc` look for that name in its messages.
 */

/** `runc` if the program was called by that name, else `runt`. */
export function programName(): "runc" | "runt" {
  // argv[0] of the executable. Under Node.js it is another text, not a name.
  const { title } = process;
  return title === "runc" || title.endsWith("/runc") ? "runc" : "runt";
}
