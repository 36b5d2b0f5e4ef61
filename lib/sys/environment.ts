// SPDX-License-Identifier: Apache-2.0
/** The environment that the runtime was called with, for programs that it runs in its caller's name. */
import { AT_FDCWD } from "./files.ts";
import { native } from "./native.ts";

/** More than execve(2) takes. */
const LIMIT = 1 << 26;

/** All of it, as `NAME=value`. */
export function callersEnvironment(): string[] {
  // The program itself reads only a few of these (native/engine/environment.h). In a library they may have changed since.
  const whole = process.env["RUNT_COMPILED"] === "1" ? native.readFile(AT_FDCWD, "/proc/self/environ", LIMIT) : 0;
  if (typeof whole === "string") return whole.split("\0").filter((variable) => variable !== "");
  const variables: string[] = [];
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !name.startsWith("RUNT_")) variables.push(`${name}=${value}`);
  }
  return variables;
}
