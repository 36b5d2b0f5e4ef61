// SPDX-License-Identifier: Apache-2.0
/** Code that the readers of config.json and of process files share, and the reader of a validated config.json. */
import { type Json, parseJson } from "../json/json.ts";
import type { Config } from "../types.ts";

type MutableObject = Record<string, unknown>;

/**
 * The config.json that `create` validated and kept; nothing is checked again. `undefined` if it is not a JSON object.
 */
export function readSavedConfig(text: string): Config | undefined {
  const { value, complete } = parseJson(text);
  if (!complete || typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  normalize(value, text);
  return value as unknown as Config;
}

/** As runc does: `null` is an absent property, and an absent `process.user`, `uid` or `gid` is 0. */
export function normalize(value: Json, text: string): void {
  if (text.includes("null")) dropNulls(value);
  fillInUser(value);
}

/** Removes members that are `null`: programs that write config.json mean "not set" by it. */
function dropNulls(value: Json): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (member !== null) dropNulls(member);
    else if (!Array.isArray(value)) delete (value as MutableObject)[name];
  }
}

function fillInUser(value: Json): void {
  const process = member(value, "process");
  if (process === undefined) return;
  process["user"] ??= {};
  const user = member(process as Json, "user");
  if (user === undefined) return;
  user["uid"] ??= 0;
  user["gid"] ??= 0;
}

/** An object's member that is an object itself. */
function member(value: Json, name: string): MutableObject | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const found = (value as MutableObject)[name];
  return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as MutableObject) : undefined;
}
