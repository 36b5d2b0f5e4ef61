/**
 * Reads argv the way runc 1.5 does (urfave/cli v3): one or two dashes, `--flag=value` or `--flag value`, options
 * before and after the positional arguments, global options anywhere, `--` ends the options. One difference:
 * "help" and "h" after a command that takes an id are ordinary arguments, so that a container may have such a name.
 */

import { programName } from "../sys/program_name.ts";
import { type CommandRow, findCommand, GLOBAL_OPTIONS, HELP_OPTION, type OptionRow, type OptionType, VERSION_OPTION, type GlobalFlags } from "./table.ts";

/** What a command line asks for. */
export interface Invocation {
  /**
   * - `run`: run `command`
   * - `help`: show the help of `command`, or of the program
   * - `version`: print the version
   * - `unknown`: `topic` names no command
   * - `usage`: the options are wrong, `problem` says how; `topic` is the name of an option that there is not, else ""
   * - `arguments`: the number of positional arguments is wrong, `problem` says how
   */
  readonly action: "run" | "help" | "version" | "unknown" | "usage" | "arguments";
  readonly command: CommandRow | undefined;
  /** As far as they were read where `action` is `usage`. */
  readonly globals: GlobalFlags;
  /** The command's own options by name; typed by {@link CommandFlags}. */
  readonly flags: Readonly<Record<string, FlagValue>>;
  readonly positionals: readonly string[];
  readonly topic: string;
  readonly problem: string;
}

export type FlagValue = boolean | string | number | readonly string[] | readonly number[];

interface Layer {
  readonly options: readonly OptionRow[];
  readonly into: Record<string, FlagValue>;
}

interface Flags {
  positionals: string[];
  problem: string;
  /** The name that no option has, where that is the problem. */
  unknown: string;
}

/** Reads the arguments after the program's name. Never throws. */
export function readArguments(args: readonly string[]): Invocation {
  const globals: Record<string, FlagValue> = {};
  const own: Record<string, FlagValue> = {};
  const invocation = {
    action: "run" as Invocation["action"],
    command: undefined as CommandRow | undefined,
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
    isCommandName,
  );
  const name = first.positionals[0];
  if (first.problem !== "") {
    if (own["help"] === true) return { ...invocation, action: "help" };
    return { ...invocation, action: "usage", problem: first.problem, topic: first.unknown };
  }
  if (own["help"] === true) return helpOn(invocation, name);
  if (own["version"] === true) return { ...invocation, action: "version" };
  if (name === undefined) return { ...invocation, action: "help" };

  if (name === "help" || name === "h") {
    const layers = [persistent, { options: [HELP_OPTION], into: own }];
    const topics = readFlags(first.positionals.slice(1), layers, -1, noCommandName);
    if (topics.problem !== "") {
      return { ...invocation, action: "usage", problem: topics.problem, topic: topics.unknown };
    }
    return helpOn(invocation, topics.positionals[0]);
  }

  const command = findCommand(name);
  if (command === undefined) return helpOn(invocation, name);
  return readCommand(invocation, command, first.positionals.slice(1), persistent);
}

function readCommand(
  invocation: Invocation,
  command: CommandRow,
  args: readonly string[],
  persistent: Layer,
): Invocation {
  const flags: Record<string, FlagValue> = {};
  const help: Record<string, FlagValue> = {};
  const read = readFlags(
    args,
    // The command's own options win: `spec --rootless` is not the global one.
    [
      { options: command.options, into: flags },
      { options: [HELP_OPTION], into: help },
      persistent,
    ],
    command.stopAfter ?? -1,
    noCommandName,
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

function helpOn(invocation: Invocation, topic: string | undefined): Invocation {
  if (topic === undefined || topic === "") return { ...invocation, action: "help" };
  const command = findCommand(topic);
  if (command !== undefined) return { ...invocation, action: "help", command };
  if (topic === "help" || topic === "h") return { ...invocation, action: "help" };
  return { ...invocation, action: "unknown", topic };
}

function isCommandName(name: string): boolean {
  return name === "help" || name === "h" || findCommand(name) !== undefined;
}

function noCommandName(): boolean {
  return false;
}

/**
 * Splits `args` into options, which go to the first layer that knows them, and positional arguments.
 *
 * @param stopAfter how many positional arguments end the options; -1: none do
 * @param endsAt whether a word is a command, which gets everything behind it unread
 */
function readFlags(
  args: readonly string[],
  layers: readonly Layer[],
  stopAfter: number,
  endsAt: (word: string) => boolean,
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
      // "-1" is not an option, and nothing behind it is.
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
    into[option.name] = option.type.endsWith("s") ? append(into[option.name], parsed.value) : parsed.value;
  }
  return result;
}

function findOption(
  layers: readonly Layer[],
  name: string,
): { option: OptionRow; into: Record<string, FlagValue> } | undefined {
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

function readValue(
  type: OptionType,
  text: string,
): { value: boolean | string | number } | { problem: string } {
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

/** A boolean in one of the spellings that Go's ParseBool takes; `undefined` where it is none. */
export function readBoolean(text: string): boolean | undefined {
  switch (text) {
    case "1":
    case "t":
    case "T":
    case "TRUE":
    case "true":
    case "True":
      return true;
    case "0":
    case "f":
    case "F":
    case "FALSE":
    case "false":
    case "False":
      return false;
    default:
      return undefined;
  }
}

/** An integer, decimal or with 0x, 0o, 0b or a plain leading 0 (octal); `undefined` where it is none. */
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

/** runc's words for a wrong number of positional arguments; "" where the number is right. */
function countProblem(command: CommandRow, count: number): string {
  const { min, max, name } = command;
  const who = `${programName()}: "${name}" requires`;
  if (min === max) return count === min ? "" : `${who} exactly ${min} argument(s)`;
  if (count < min) return `${who} a minimum of ${min} argument(s)`;
  if (count > max) return `${who} a maximum of ${max} argument(s)`;
  return "";
}
