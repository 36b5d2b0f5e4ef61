// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import type { Box, Container } from "./box.ts";
import type { Process } from "./config.ts";
import type { CallOptions, Result } from "./runtime.ts";

/** `exec` in a container: flags, then the id, then the command. */
export function exec(
  box: Box,
  { id }: Pick<Container, "id">,
  command: readonly string[],
  flags: readonly string[] = [],
  options?: CallOptions,
): Result {
  return box.call(["exec", ...flags, id, ...command], options);
}

/** `exec` of a shell script; its stdout. Throws if the status is not 0. */
export function execSh(box: Box, container: Pick<Container, "id">, script: string, flags: readonly string[] = []): string {
  const done = exec(box, container, ["sh", "-c", script], flags);
  if (done.status !== 0) throw new Error(`exec: status ${done.status}: ${done.output}`);
  return done.stdout;
}

/** A file for `exec --process`: a process with some properties changed, or any text. */
export function processFile(box: Box, changes: Partial<Process> | string): string {
  const path = box.path("process.json");
  const base = { user: { uid: 0, gid: 0 }, args: ["true"], env: ["PATH=/bin"], cwd: "/" };
  const text = typeof changes === "string" ? changes : JSON.stringify({ ...base, ...changes }, null, 2);
  writeFileSync(path, box.document(text, "process"));
  return path;
}
