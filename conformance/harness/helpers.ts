import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { PROJECT } from "./runtime.ts";

/**
 * Path of the program made from a C file of `conformance/`; compiled when it is missing or older than its source.
 *
 * @param source such as `helpers/measure.c`
 * @param flags such as `-static`, for a program that shall run in a container
 */
export function helper(source: string, ...flags: string[]): string {
  const from = join(PROJECT, "conformance", source);
  const folder = join(PROJECT, "build/helpers");
  const program = join(folder, basename(source, ".c"));
  if (existsSync(program) && statSync(program).mtimeMs >= statSync(from).mtimeMs) return program;
  mkdirSync(folder, { recursive: true });
  // Test files run at the same time: the program appears by a rename.
  const made = `${program}.${process.pid}`;
  const words = ["-O2", "-Wall", "-Wextra", "-Werror", "-Wno-format-truncation", "-static", ...flags, "-o", made, from];
  const done = spawnSync("gcc", words, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`gcc ${source}: ${done.stderr ?? String(done.error)}`);
  renameSync(made, program);
  return program;
}
