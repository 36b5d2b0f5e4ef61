// SPDX-License-Identifier: Apache-2.0
/** What is compared. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { PROJECT } from "../harness/runtime.ts";

export interface Subject {
  readonly name: string;
  readonly path: string;
  readonly version: string;
}

/** The value of `--name` on this program's command line. */
export function option(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? fallback : (process.argv[at + 1] ?? fallback);
}

/** A runtime by the name of its program, or as `NAME=PATH`; `undefined` if it does not run. */
export function find(named: string): Subject | undefined {
  const [name = "", given] = named.split("=");
  let path = given ?? "";
  if (given === undefined && name === "runt") path = join(PROJECT, "dist/bin/runt");
  else if (given === undefined) path = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();
  if (path === "") return undefined;
  const asked = spawnSync(path, ["--version"], { encoding: "utf8" });
  if (asked.status !== 0) return undefined;
  return { name, path, version: asked.stdout.split("\n")[0] ?? "" };
}

/** The floor program, which does the same system calls in C, and those of `names` that are installed. */
export function findAll(names: readonly string[]): Subject[] {
  const subjects: Subject[] = [];
  for (const name of names) {
    const subject = name === "floor" ? { name, path: "", version: "the same kernel work in C" } : find(name);
    if (subject === undefined) console.log(`${name}: not installed, left out`);
    else subjects.push(subject);
  }
  return subjects;
}
