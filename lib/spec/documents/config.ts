// SPDX-License-Identifier: Apache-2.0
import { type Problem, RuntimeError, SHOWN_PROBLEMS } from "../../errors.ts";
import { validateConfig } from "../schema/generated/validate_config.ts";
import { parseJson } from "../json/json.ts";
import { type Json, lineCounter, parseExact } from "../json/exact.ts";
import { pointerStep } from "../json/pointer.ts";
import { meaningProblems } from "../rules/rules.ts";
import { normalize } from "./saved_config.ts";
import { type Finding, findings, valueAt } from "../schema/messages.ts";
import { type WithoutWrongValues, takeOut } from "../schema/without_wrong_values.ts";
import type { Config } from "../types.ts";

/** The most of a JSON Pointer, whose names have any length, that a line for a person shows; UTF-16 units. */
const LONGEST_POINTER = 256;

export { warningFindings, warnings } from "../rules/warnings.ts";

/**
 * Parses and validates a config.json: its syntax, its schema, and the rules that a schema cannot hold.
 *
 * As runc does, it takes `null` for an absent property, and 0 for an absent `process.user`, `uid` or `gid`.
 *
 * @param path the file's path, for the error
 * @throws RuntimeError CONFIG_INVALID with every problem in `facts.problems` and in the message
 */
export function parseConfig(text: string, path: string): Config {
  const { config, problems } = inspectConfig(text);
  if (problems.length > 0) throw configError(path, problems);
  // Without problems nothing has been taken out.
  return config as Config;
}

/** Every problem of a config.json, in the order of the text. */
export function checkConfig(text: string): readonly Problem[] {
  return inspectConfig(text).problems;
}

/** The one error for all problems of a config.json: CONFIG_INVALID. Its message has the first one and the number of others. */
export function configError(path: string, problems: readonly Problem[]): RuntimeError {
  const file = path.slice(path.lastIndexOf("/") + 1);
  const lines = problems.slice(0, SHOWN_PROBLEMS).map((problem) => problemLine(file, problem));
  const rest = problems.length - lines.length;
  if (rest > 0) lines.push(`and ${rest} more, which "check" lists`);
  const message = problems.length === 1 ? lines[0] : `${file}: ${problems.length} problems:\n${lines.join("\n")}`;
  return new RuntimeError("CONFIG_INVALID", message ?? file, { path, problems });
}

/** A problem as a compiler prints it: `config.json:12:5: /process/args: …`. */
export function problemLine(file: string, { pointer, line, column, message }: Problem): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file;
  const at = pointer.length > LONGEST_POINTER ? `${pointer.slice(0, LONGEST_POINTER)}…` : pointer;
  return at === "" ? `${place}: ${message}` : `${place}: ${at}: ${message}`;
}

/** The result of {@link inspectConfig}. */
export interface InspectedConfig {
  /** The document without the values that break the schema; if there are no problems, a {@link Config}. */
  readonly config: WithoutWrongValues<Config>;
  /** In the order of the text. */
  readonly problems: readonly Problem[];
  /** JSON Pointers of the values that cannot be relied on; `""` for the whole document. */
  readonly wrong: readonly string[];
}

/** Finds every problem of a config.json, and keeps the valid values for further checks. */
export function inspectConfig(text: string): InspectedConfig {
  const { value, complete, problems } = parseJson(text);
  if (!complete) return { config: {}, problems, wrong: [""] };
  return inspectDocument(value, text, problems, "");
}

/**
 * The same for a document that contains `text` as a part; the rest is valid.
 *
 * @param problems the findings of the parser
 * @param at JSON Pointer of that part in `value`; pointers of problems count from there, those of `wrong` do not
 */
export function inspectDocument(value: Json, text: string, problems: readonly Problem[], at: string): InspectedConfig {
  normalize(value, text);
  const found: Finding[] = [];
  if (!validateConfig(value)) pushAll(found, findings(value, validateConfig.errors ?? []));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { config: {}, problems: inOrder([...problems, ...placeFindings(text, found)]), wrong: [""] };
  }
  const config = value as unknown as WithoutWrongValues<Config>;
  const wrong: string[] = [];
  // Nearly always there is no problem, and then nothing below is loaded. The engine's `includes` takes ten times as long.
  // oxlint-disable-next-line prefer-includes
  if (found.length === 0 && problems.length === 0 && text.indexOf("\\u0000") < 0) {
    pushAll(found, meaningProblems(config));
    if (found.length === 0) return { config, problems, wrong };
    for (const { pointer } of found) wrong.push(pointer);
    return { config, problems: placeFindings(text, relative(found, at)), wrong };
  }
  // The JSON parser has reported integers with too many digits; the schema need not.
  const told = problems.filter(({ pointer }) => typeof valueAt(value, at + pointer) === "number");
  const nuls: Finding[] = [];
  findNuls(value, "", nuls);
  for (const { pointer } of found) wrong.push(pointer);
  takeOut(value, wrong);
  pushAll(found, meaningProblems(config, wrong));
  pushAll(found, nuls);
  for (let i = wrong.length; i < found.length; i++) wrong.push(found[i]?.pointer ?? "");
  const placed = placeFindings(text, relative(found, at)).filter((one) => !told.some((other) => isSame(one, other)));
  return { config, problems: inOrder([...problems, ...placed]), wrong };
}

/** Not by spreading them: a call of the engine takes 65534 arguments at most. */
function pushAll(found: Finding[], more: Iterable<Finding>): void {
  for (const finding of more) found.push(finding);
}

function relative(found: readonly Finding[], at: string): readonly Finding[] {
  return at === "" ? found : found.map((each) => ({ ...each, pointer: each.pointer.slice(at.length) }));
}

function isSame(one: Problem, other: Problem): boolean {
  return one.pointer === other.pointer && one.line === other.line && one.column === other.column;
}

/** Sorts by place; findings of one place keep their order. */
function inOrder(problems: Problem[]): Problem[] {
  return problems.sort((one, other) => one.line - other.line || one.column - other.column);
}

/** Gives findings their lines; a missing property gets the place of the object that lacks it. */
export function placeFindings(text: string, found: readonly Finding[]): Problem[] {
  const { places } = parseExact(text, true);
  const placed = found.map(({ pointer, message }) => {
    let at = pointer;
    while (at !== "" && !places.has(at)) at = at.slice(0, at.lastIndexOf("/"));
    return { offset: places.get(at) ?? 0, pointer, message };
  });
  placed.sort((one, other) => one.offset - other.offset);
  const place = lineCounter(text);
  return placed.map(({ offset, pointer, message }) => ({ pointer, ...place(offset), message }));
}

/** A string for the kernel ends at its first NUL; the rest would be lost. */
function findNuls(value: Json, pointer: string, found: Finding[]): void {
  if (typeof value === "string") {
    if (value.includes("\0")) found.push({ pointer, message: "the string has a NUL character, which is not allowed" });
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    const at = pointer + pointerStep(name);
    if (at === "/annotations") continue;
    if (name.includes("\0")) found.push({ pointer: at, message: "the name has a NUL character, which is not allowed" });
    findNuls(inner, at, found);
  }
}
