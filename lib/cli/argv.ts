// SPDX-License-Identifier: Apache-2.0
/**
 * Reads argv the way runc 1.5 does (urfave/cli v3): one or two dashes, `--flag=value` or `--flag value`, options
 * before and after the positional arguments, global options anywhere, `--` ends the options. One difference:
 * "help" and "h" after a command that takes an id are ordinary arguments, so that a container may have such a name.
 */

import { programName } from "../sys/program_name.ts";
import { readBoolean } from "./boolean.ts";
import type { Command, CommandTable, FlagValue, OptionRow, OptionType } from "./command.ts";
import { GLOBAL_OPTIONS, HELP_OPTION, VERSION_OPTION, type GlobalFlags } from "./global_options.ts";

/** A command line after it was read. */
export interface Invocation {
  /**
   * - `run`: run `command`
   * - `help`: show the help of `command`, or of the program
   * - `version`: print the version
   * - `unknown`: `topic` names no command
   * - `usage`: the options are wrong, `problem` says how; `topic` is the name of an unknown option, else ""
   * - `arguments`: the number of positional arguments is wrong, `problem` says how
   * - `choice`: the value of the option `topic` is not one of its choices; `problem` is the error
   */
  readonly action: "run" | "help" | "version" | "unknown" | "usage" | "arguments" | "choice";
  readonly command: Command | undefined;
  /** If `action` is `usage`, only the options read so far. */
  readonly globals: GlobalFlags;
  /** The command's own options by name; typed by the command's definition. */
  readonly flags: Readonly<Record<string, FlagValue>>;
  readonly positionals: readonly string[];
  readonly topic: string;
  readonly problem: string;
}

interface Layer {
  readonly options: readonly OptionRow[];
  readonly into: Record<string, FlagValue>;
}

/** An option that was given, and where its value is. */
interface Given {
  readonly option: OptionRow;
  readonly into: Record<string, FlagValue>;
}

interface Flags {
  positionals: string[];
  problem: string;
  /** The unknown option name, if that is the problem. */
  unknown: string;
}

/** Reads the arguments after the program's name. Never throws. */
export function readArguments(args: readonly string[], commands: CommandTable): Invocation {
  const given: Given[] = [];
  const invocation = readWords(args, commands, given);
  if (given.length === 0) return invocation;
  const wrong = settleChoices(given);
  return wrong === undefined || invocation.action !== "run" ? invocation : { ...invocation, action: "choice", ...wrong };
}

/** @param given gets the options with choices */
function readWords(args: readonly string[], commands: CommandTable, given: Given[]): Invocation {
  const globals: Record<string, FlagValue> = {};
  const own: Record<string, FlagValue> = {};
  const invocation = {
    action: "run" as Invocation["action"],
    command: undefined as Command | undefined,
    globals: globals as GlobalFlags,
    flags: {},
    positionals: [] as readonly string[],
    topic: "",
    problem: "",
  };
  const persistent = { options: GLOBAL_OPTIONS, into: globals };
  const first = readFlags(
    args,
    [persistent, { options: [HELP_OPTION, VERSION_OPTION], into: own }],
    -1,
    (word) => word === "help" || word === "h" || commands.has(word),
    given,
  );
  const name = first.positionals[0];
  if (first.problem !== "") {
    if (own["help"] === true) return { ...invocation, action: "help" };
    return { ...invocation, action: "usage", problem: first.problem, topic: first.unknown };
  }
  if (own["help"] === true) return helpOn(invocation, commands, name);
  if (own["version"] === true) return { ...invocation, action: "version" };
  if (name === undefined) return { ...invocation, action: "help" };

  if (name === "help" || name === "h") {
    const layers = [persistent, { options: [HELP_OPTION], into: own }];
    const topics = readFlags(first.positionals.slice(1), layers, -1, noCommandName, given);
    if (topics.problem !== "") {
      return { ...invocation, action: "usage", problem: topics.problem, topic: topics.unknown };
    }
    return helpOn(invocation, commands, topics.positionals[0]);
  }

  const command = commands.get(name);
  if (command === undefined) return helpOn(invocation, commands, name);
  return readCommand(invocation, command, first.positionals.slice(1), persistent, given);
}

function readCommand(
  invocation: Invocation,
  command: Command,
  args: readonly string[],
  persistent: Layer,
  given: Given[],
): Invocation {
  const flags: Record<string, FlagValue> = {};
  const help: Record<string, FlagValue> = {};
  const read = readFlags(
    args,
    // The command's own options win: `spec --rootless` is not the global one.
    [{ options: command.options, into: flags }, { options: [HELP_OPTION], into: help }, persistent],
    command.stopAfter ?? -1,
    noCommandName,
    given,
  );
  const { positionals } = read;
  const result = { ...invocation, command, flags, positionals };
  if (help["help"] === true) return { ...result, action: "help" };
  if (read.problem !== "") {
    return { ...result, action: "usage", problem: read.problem, topic: read.unknown };
  }
  const [word = ""] = positionals;
  if (command.takesId !== true && (word === "help" || word === "h")) return { ...result, action: "help" };
  const problem = countProblem(command, positionals.length);
  if (problem !== "") return { ...result, action: "arguments", problem };
  return result;
}

function helpOn(invocation: Invocation, commands: CommandTable, topic: string | undefined): Invocation {
  if (topic === undefined || topic === "") return { ...invocation, action: "help" };
  const command = commands.get(topic);
  if (command !== undefined) return { ...invocation, action: "help", command };
  if (topic === "help" || topic === "h") return { ...invocation, action: "help" };
  return { ...invocation, action: "unknown", topic };
}

function noCommandName(): boolean {
  return false;
}

/**
 * Splits `args` into options, which go to the first layer that knows them, and positional arguments.
 *
 * @param stopAfter how many positional arguments end the options; -1: none do
 * @param endsAt whether a word is a command, which gets everything behind it unread
 * @param given gets the options with choices
 */
function readFlags(
  args: readonly string[],
  layers: readonly Layer[],
  stopAfter: number,
  endsAt: (word: string) => boolean,
  given: Given[],
): Flags {
  const result: Flags = { positionals: [], problem: "", unknown: "" };
  const { positionals } = result;
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? "";
    if (word === "--") {
      pushFrom(positionals, args, index + 1);
      return result;
    }
    if (positionals.length === stopAfter) {
      pushFrom(positionals, args, index);
      return result;
    }
    if (word.length < 2 || !word.startsWith("-")) {
      if (endsAt(word)) {
        pushFrom(positionals, args, index);
        return result;
      }
      positionals.push(word);
      continue;
    }
    const dashes = word.startsWith("--") ? 2 : 1;
    if (dashes === 1 && !isLetter(word.charCodeAt(1))) {
      // "-1" is not an option, and neither are the words after it.
      pushFrom(positionals, args, index);
      return result;
    }

    const equals = word.indexOf("=", dashes);
    const name = word.slice(dashes, equals === -1 ? undefined : equals);
    let value = equals === -1 ? "" : word.slice(equals + 1);
    const found = findOption(layers, name);
    if (found === undefined) {
      result.problem = `flag provided but not defined: -${name}`;
      result.unknown = name;
      return result;
    }
    const { option, into } = found;
    if (option.type !== "boolean" && equals === -1) {
      index++;
      const next = args[index];
      if (next === undefined) {
        result.problem = `flag needs an argument: ${word}`;
        return result;
      }
      value = next;
    }
    const parsed = readValue(option.type, value);
    if ("problem" in parsed) {
      result.problem = `invalid value ${JSON.stringify(value)} for flag -${name}: ${parsed.problem}`;
      return result;
    }
    if (option.choices !== undefined) given.push(found);
    into[option.name] = option.type.endsWith("s") ? append(into[option.name], parsed.value) : parsed.value;
  }
  return result;
}

/**
 * Replaces each value that is another spelling of a choice, and takes out a wrong one.
 *
 * @returns the first option that has a wrong value, and the error; an option without effect has no wrong value
 */
function settleChoices(given: readonly Given[]): { readonly topic: string; readonly problem: string } | undefined {
  let wrong: { readonly topic: string; readonly problem: string } | undefined;
  for (const { option, into } of given) {
    const { name, choices = [], ignoredWith = "" } = option;
    const found = into[name];
    for (const value of Array.isArray(found) ? (found as readonly string[]) : found === undefined ? [] : [String(found)]) {
      if (choices.includes(value)) continue;
      const meant = option.otherSpelling?.(value);
      if (meant !== undefined) {
        into[name] = meant;
        continue;
      }
      delete into[name];
      if (into[ignoredWith] === true) break;
      wrong ??= {
        topic: name,
        problem: option.wrongChoice?.(value) ?? `invalid --${name}: ${value}: it is ${alternatives(choices)}`,
      };
    }
  }
  return wrong;
}

/** `a, b or c`. */
function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function findOption(layers: readonly Layer[], name: string): Given | undefined {
  for (const { options, into } of layers) {
    for (const option of options) {
      if (option.name === name || option.alias === name) return { option, into };
    }
  }
  return undefined;
}

/** Appends `args` from `start` on. Not by spreading them: a call of the engine takes 65534 arguments at most. */
function pushFrom(positionals: string[], args: readonly string[], start: number): void {
  for (let index = start; index < args.length; index++) positionals.push(args[index] ?? "");
}

/** `values` with `value` at the end: a list that {@link readFlags} has made, so that it may grow. */
function append(values: FlagValue | undefined, value: boolean | string | number): FlagValue {
  const list = Array.isArray(values) ? (values as FlagValue[]) : [];
  list.push(value);
  return list as FlagValue;
}

function readValue(type: OptionType, text: string): { value: boolean | string | number } | { problem: string } {
  switch (type) {
    case "string":
    case "strings":
      return { value: text };
    case "boolean": {
      const value = text === "" ? true : readBoolean(text);
      return value === undefined ? { problem: "parse error" } : { value };
    }
    case "integer":
    case "integers": {
      const value = readInteger(text);
      if (value === undefined) return { problem: "invalid syntax" };
      return Number.isSafeInteger(value) ? { value } : { problem: "value out of range" };
    }
  }
}

/** An integer, decimal or with 0x, 0o, 0b or a plain leading 0 (octal); `undefined` for another text. */
function readInteger(text: string): number | undefined {
  const sign = text.startsWith("-") ? -1 : 1;
  const digits = text.startsWith("-") || text.startsWith("+") ? text.slice(1) : text;
  const octal = digits.length > 1 && digits.startsWith("0") && isDigit(digits.charCodeAt(1));
  const literal = octal ? `0o${digits.slice(1)}` : digits;
  // Number() takes spaces, "", fractions and exponents, too; an integer of Go starts with a digit and has none.
  if (!isDigit(literal.charCodeAt(0)) || literal.includes(".") || literal.includes(" ")) {
    return undefined;
  }
  if (!literal.startsWith("0x") && !literal.startsWith("0X") && literal.toLowerCase().includes("e")) {
    return undefined;
  }
  const value = Number(literal);
  return Number.isNaN(value) ? undefined : sign * value;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isLetter(code: number): boolean {
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code > 127;
}

/** runc's words for a wrong number of positional arguments; "" if the number is right. */
function countProblem(command: Command, count: number): string {
  const { min, max, name } = command;
  const who = `${programName()}: "${name}" requires`;
  if (min === max) return count === min ? "" : `${who} exactly ${min} argument(s)`;
  if (count < min) return `${who} a minimum of ${min} argument(s)`;
  if (count > max) return `${who} a maximum of ${max} argument(s)`;
  return "";
}
