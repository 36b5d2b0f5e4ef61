// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../errors.ts";
import { show } from "../options/kinds.ts";
import type { Environment } from "./options.ts";

/** `NAME=value` each. @throws USAGE */
export function environmentOf(env: Environment, at = "env"): string[] {
  const all = isList(env)
    ? [...env]
    : Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  for (const entry of all) {
    if (entry.indexOf("=") > 0) continue;
    throw new RuntimeError("USAGE", `${at}: ${show(entry)}: a variable has a name: write { NAME: "value" } or "NAME=value"`);
  }
  return all;
}

/** The variables of all, of each name the last one, in the order of the first. */
export function mergedEnvironment(...lists: readonly (readonly string[])[]): string[] {
  const all = new Map<string, string>();
  for (const entry of lists.flat()) all.set(entry.slice(0, entry.indexOf("=")), entry);
  return [...all.values()];
}

function isList(env: Environment): env is readonly string[] {
  return Array.isArray(env);
}
