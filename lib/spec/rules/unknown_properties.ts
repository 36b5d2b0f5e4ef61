// SPDX-License-Identifier: Apache-2.0
/**
 * Properties that the specification does not know. A runtime has to ignore them, so `create` says nothing; but a typo must
 * not loosen a sandbox in silence. Pure.
 */
import type { KnownNames } from "../schema/known_names.ts";
import { CONFIG_NAMES } from "../schema/generated/property_names.ts";
import { pointerStep } from "../json/pointer.ts";
import { nearest } from "./nearest.ts";
import { propertyName } from "../json/property_name.ts";
import { show } from "../schema/messages.ts";
import type { Report } from "../schema/without_wrong_values.ts";
import { OTHER_PLATFORMS } from "./warnings.ts";

/** Properties of the specification that are not for Linux. */
const FOREIGN: readonly string[] = [
  ...OTHER_PLATFORMS.map((name) => `/${name}`),
  "/process/commandLine",
  "/process/user/username",
];

/** Reports every name of a config.json that is not a property. */
export function unknownProperties(config: object, report: Report): void {
  reportUnknown(config, CONFIG_NAMES, "", report);
}

function reportUnknown(value: unknown, known: KnownNames, at: string, report: Report): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    const pointer = at + pointerStep(name);
    const { names, each } = known;
    const below = names !== undefined && Object.hasOwn(names, name) ? names[name] : each;
    if (below !== undefined) {
      if (below !== 0) reportUnknown(inner, below, pointer, report);
    } else if (names !== undefined && !FOREIGN.includes(pointer)) {
      report(pointer, `${show(name)} is not a property of the specification; it is ignored${meant(name, Object.keys(names))}`);
    }
  }
}

/** The property that was meant: one of the same object, or one that has its place elsewhere. */
function meant(name: string, names: readonly string[]): string {
  const lower = name.toLowerCase();
  const sameLetters = names.find((other) => other.toLowerCase() === lower);
  const elsewhere = sameLetters === undefined ? placeOf(name, CONFIG_NAMES, "") : undefined;
  if (elsewhere !== undefined) return `: its place is ${propertyName(elsewhere)}`;
  const similar = sameLetters ?? nearest(name, names);
  return similar === undefined ? "" : `: did you mean ${show(similar)}?`;
}

/** The place at which a name is a property; only inside objects, since a place in a list says little. */
function placeOf(name: string, known: KnownNames, at: string): string | undefined {
  const { names = {} } = known;
  if (at !== "" && Object.hasOwn(names, name)) return at + pointerStep(name);
  for (const [inner, below] of Object.entries(names)) {
    const found = below === 0 ? undefined : placeOf(name, below, at + pointerStep(inner));
    if (found !== undefined) return found;
  }
  return undefined;
}
