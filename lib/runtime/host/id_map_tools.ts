// SPDX-License-Identifier: Apache-2.0
/** newuidmap(1) and newgidmap(1), by which an unprivileged user maps the subordinate ids that he has been given. */
import { RuntimeError } from "../../errors.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import { findProgram, runProgram } from "../../sys/find_program.ts";

/**
 * Writes a map of `pid` by such a tool.
 * @param file `uid_map` or `gid_map`
 * @param text the content of that file
 * @param pointer the property that the map comes from
 * @throws HOST_UNABLE where the tool is missing, STEP_FAILED with its output where it refuses
 */
export async function writeByTool(pid: number, file: "uid_map" | "gid_map", text: string, pointer: string): Promise<void> {
  const name = file === "uid_map" ? "newuidmap" : "newgidmap";
  const property = propertyName(pointer);
  const program = findProgram(name);
  if (program === undefined) {
    const message = `${property}: the kernel lets root only map these ids, and ${name} (package uidmap) is not installed`;
    throw new RuntimeError("HOST_UNABLE", message, { pointer });
  }
  // With an empty environment: a set-user-ID program reads none of the caller's.
  const { good, how, output } = await runProgram(program, [String(pid), ...text.trim().split(/\s+/)], []);
  if (good) return;
  const why = output === "" ? how : output.trim();
  throw new RuntimeError("STEP_FAILED", `${property}: ${why} (see /etc/sub${file.slice(0, 3)})`, { pointer, path: program });
}
