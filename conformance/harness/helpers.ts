// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { PROJECT } from "./runtime.ts";

/** What the compiler needs for some of them besides the usual flags. */
const FLAGS: Readonly<Record<string, readonly string[]>> = { escape: ["-pthread"], least: ["-nostdlib"] };

/**
 * Path of the program made from a C file of `conformance/`; compiled when it is missing or older than its source.
 *
 * @param source such as `helpers/measure.c`
 */
export function helper(source: string): string {
  const from = join(PROJECT, "conformance", source);
  const folder = join(PROJECT, "build/helpers");
  const program = join(folder, basename(source, ".c"));
  if (existsSync(program) && statSync(program).mtimeMs >= statSync(from).mtimeMs) return program;
  mkdirSync(folder, { recursive: true });
  // Test files run at the same time: the program appears by a rename.
  const made = `${program}.${process.pid}`;
  const words = [
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-format-truncation",
    "-static",
    ...(FLAGS[basename(source, ".c")] ?? []),
    "-o",
    made,
    from,
  ];
  const done = spawnSync("gcc", words, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`gcc ${source}: ${done.stderr ?? String(done.error)}`);
  renameSync(made, program);
  return program;
}
