import { type Problem, RuntimeError } from "../errors.ts";
import { validateConfig } from "./generated/validate_config.ts";
import { parseJson } from "./json.ts";
import { type Json, lineAndColumn, parseExact, pointerStep } from "./json_exact.ts";
import { meaningProblems } from "./meaning.ts";
import { type Finding, findings } from "./schema_messages.ts";
import type { Config } from "./types.ts";

export { warningFindings, warnings } from "./warnings.ts";

type MutableObject = Record<string, unknown>;

/**
 * Parses and validates a config.json: its syntax, its schema, and what the schema cannot say.
 *
 * As runc does, it takes `null` for an absent property, and 0 for an absent `process.user`, `uid` or `gid`.
 *
 * @param path the file's path, for the error
 * @throws RuntimeError CONFIG_INVALID with every problem in `facts.problems` and in the message
 */
export function parseConfig(text: string, path: string): Config {
  const { config, problems } = check(text);
  if (problems.length === 0) return config;
  const file = path.slice(path.lastIndexOf("/") + 1);
  const lines = problems.map((problem) => problemLine(file, problem));
  const message = lines.length === 1 ? lines[0] : `${file}: ${lines.length} problems:\n${lines.join("\n")}`;
  throw new RuntimeError("CONFIG_INVALID", message ?? file, { path, problems });
}

/** Every problem of a config.json, in the order of the text. */
export function checkConfig(text: string): readonly Problem[] {
  return check(text).problems;
}

/** A problem as a compiler prints it: `config.json:12:5: /process/args: …`. */
export function problemLine(file: string, { pointer, line, column, message }: Problem): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file;
  return pointer === "" ? `${place}: ${message}` : `${place}: ${pointer}: ${message}`;
}

function check(text: string): { readonly config: Config; readonly problems: readonly Problem[] } {
  const { value, problems } = parseJson(text);
  const config = value as unknown as Config;
  if (problems.length > 0) return { config, problems };
  if (text.includes("null")) dropNulls(value);
  fillInUser(value);
  const found: Finding[] = [];
  if (!validateConfig(value)) found.push(...findings(value, validateConfig.errors ?? []));
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const wrong: string[] = [];
    for (const { pointer } of found) wrong.push(pointer);
    for (const problem of meaningProblems(config, wrong)) found.push(problem);
    if (text.includes("\\u0000")) findNuls(value, "", found);
  }
  return { config, problems: found.length === 0 ? [] : placeFindings(text, found) };
}

/** Gives findings their lines; something that is missing gets the place of what it is missing from. */
export function placeFindings(text: string, found: readonly Finding[]): Problem[] {
  const { places } = parseExact(text, true);
  const placed = found.map(({ pointer, message }) => {
    let at = pointer;
    while (at !== "" && !places.has(at)) at = at.slice(0, at.lastIndexOf("/"));
    return { offset: places.get(at) ?? 0, pointer, message };
  });
  placed.sort((one, other) => one.offset - other.offset);
  return placed.map(({ offset, pointer, message }) => ({ pointer, ...lineAndColumn(text, offset), message }));
}

/** Takes out members that are `null`: to the programs that write config.json this is "not set". */
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
  return typeof found === "object" && found !== null && !Array.isArray(found)
    ? (found as MutableObject)
    : undefined;
}

/** A string for the kernel ends at its first NUL; what comes after would be lost. */
function findNuls(value: Json, pointer: string, found: Finding[]): void {
  if (typeof value === "string") {
    if (value.includes("\0"))
      found.push({ pointer, message: "the string has a NUL character, which is not allowed" });
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    const at = pointer + pointerStep(name);
    if (at === "/annotations") continue;
    if (name.includes("\0"))
      found.push({ pointer: at, message: "the name has a NUL character, which is not allowed" });
    findNuls(inner, at, found);
  }
}
