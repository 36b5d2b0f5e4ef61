// SPDX-License-Identifier: Apache-2.0
/** `linux.resources` as a caller gives it; the names are those of the specification. */
import { asRuntimeError, RuntimeError } from "../../errors.ts";
import { parseResources } from "../../spec/documents/resources_file.ts";
import { resourcesText } from "../../spec/documents/merged_resources.ts";
import { CONFIG_NAMES } from "../../spec/schema/generated/property_names.ts";
import type { KnownNames } from "../../spec/schema/known_names.ts";
import type { LinuxResources } from "../../spec/types.ts";
import { expect, object, show } from "./kinds.ts";
import { nearest } from "../../spec/rules/nearest.ts";

/**
 * @returns the resources, with numbers as the runtime has them
 * @throws USAGE for a name that the specification does not know, CONFIG_INVALID for a value
 */
export function resourcesOf(where: string, given: LinuxResources): LinuxResources {
  expect(where, given, object);
  const names = CONFIG_NAMES.names?.["linux"];
  const known = names === undefined || names === 0 ? undefined : names.names?.["resources"];
  if (known !== undefined && known !== 0) visit(where, given, known, "");
  try {
    return parseResources(resourcesText(given), where);
  } catch (error) {
    const { code, message, facts } = asRuntimeError(error);
    // A generated text has no meaningful places.
    const named = message.split("\n").map((line) => (line.startsWith(`${where}:`) ? line.replace(/:\d+:\d+: /, ": ") : line));
    throw new RuntimeError(code, named.join("\n"), facts, error);
  }
}

function visit(where: string, value: unknown, { names, each }: KnownNames, at: string): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    const here = at === "" ? name : `${at}.${name}`;
    const below = names !== undefined && Object.hasOwn(names, name) ? names[name] : each;
    if (below !== undefined && below !== 0) visit(where, inner, below, here);
    if (below !== undefined || names === undefined) continue;
    const meant = nearest(name, Object.keys(names));
    const hint = meant === undefined ? `; known are ${Object.keys(names).sort().join(", ")}` : `: did you mean ${show(meant)}?`;
    throw new RuntimeError("USAGE", `${where}: unknown property ${show(here)}${hint}`);
  }
}
