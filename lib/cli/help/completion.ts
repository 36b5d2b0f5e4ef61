// SPDX-License-Identifier: Apache-2.0
/** Completion of command lines. The shells' scripts ask for each word; the answer comes from the commands' definitions. Pure. */

import type { Command, CommandTable, OptionRow } from "../command.ts";
import { GLOBAL_OPTIONS, HELP_OPTION, VERSION_OPTION } from "../global_options.ts";

/** A container that may be offered. */
export interface KnownContainer {
  readonly id: string;
  readonly status: string;
}

/** Candidates for the last word. */
export interface Reply {
  /** `files` and `directories`: the shell looks for paths itself, and `words` is empty. */
  readonly kind: "words" | "files" | "directories";
  readonly words: readonly ReplyWord[];
}

/** A whole word, such as `--format=json`, and its description. */
export interface ReplyWord {
  readonly word: string;
  readonly help: string;
}

/** The position of the word to complete. */
interface Place {
  readonly command: Command | undefined;
  /** After `help`. */
  readonly isTopic: boolean;
  /** How many positional arguments of the command are before it. */
  readonly count: number;
  /** The option that takes the word as its value. */
  readonly pending: OptionRow | undefined;
  readonly optionsEnded: boolean;
}

/**
 * Completes the last of `words`.
 *
 * @param words the words after the program's name; the last is to be completed, and may be ""
 * @param containers asked for only where an id is wanted
 */
export function complete(commands: CommandTable, words: readonly string[], containers: () => readonly KnownContainer[]): Reply {
  const current = words.at(-1) ?? "";
  const place = placeAfter(commands, words.slice(0, -1));
  const { command, pending, count } = place;
  if (pending !== undefined) return completeValue(pending, "", current);
  if (!place.optionsEnded && current.startsWith("-")) {
    const options = optionsAt(command);
    const equals = current.indexOf("=");
    if (equals === -1) return startingWith(current, options.flatMap(spellings));
    const option = findOption(options, current.slice(0, equals));
    const prefix = current.slice(0, equals + 1);
    return option === undefined ? NOTHING : completeValue(option, prefix, current.slice(equals + 1));
  }
  if (place.isTopic) return startingWith(current, count === 0 ? commandWords(commands) : []);
  if (command === undefined) {
    return startingWith(current, [...commandWords(commands), { word: "help", help: "show the help of a command" }]);
  }
  const { newId = false, status: wanted, words: own } = command.argumentHint ?? {};
  if (command.takesId !== true) return startingWith(current, count === 0 ? plainWords(own) : []);
  if (count > 0) return startingWith(current, count === 1 ? plainWords(own) : []);
  if (newId) return NOTHING;
  // If the command wants containers of one status, only those are offered.
  const fitting = containers().filter(({ status }) => wanted === undefined || status === wanted);
  return startingWith(
    current,
    fitting.map(({ id, status }) => ({ word: id, help: status })),
  );
}

/** A reply as the scripts read it: its kind, and then a word on each line, with its description behind a tab. */
export function replyText({ kind, words }: Reply): string {
  return [kind, ...words.map(({ word, help }) => `${word}\t${help}`)].join("\n") + "\n";
}

const NOTHING: Reply = { kind: "words", words: [] };

/** Reads `words` as far as the completion must know them, in the way of `readArguments`. */
function placeAfter(commands: CommandTable, words: readonly string[]): Place {
  let command: Command | undefined;
  let isTopic = false;
  let count = 0;
  let pending: OptionRow | undefined;
  let optionsEnded = false;
  for (const word of words) {
    if (pending !== undefined) {
      pending = undefined;
    } else if (!optionsEnded && word === "--") {
      optionsEnded = true;
    } else if (!optionsEnded && word.length > 1 && word.startsWith("-")) {
      const option = word.includes("=") ? undefined : findOption(optionsAt(command), word);
      if (option !== undefined && option.type !== "boolean") pending = option;
    } else if (command === undefined && !isTopic) {
      isTopic = word === "help" || word === "h";
      command = commands.get(word);
    } else {
      count++;
      if (count === command?.stopAfter) optionsEnded = true;
    }
  }
  return { command, isTopic, count, pending, optionsEnded };
}

function optionsAt(command: Command | undefined): readonly OptionRow[] {
  const own: readonly OptionRow[] = command?.options ?? [VERSION_OPTION];
  return [...own, HELP_OPTION, ...GLOBAL_OPTIONS];
}

function findOption(options: readonly OptionRow[], word: string): OptionRow | undefined {
  const name = word.slice(word.startsWith("--") ? 2 : 1);
  return options.find((option) => option.name === name || option.alias === name);
}

function spellings({ name, alias, help, hidden }: OptionRow): readonly ReplyWord[] {
  if (hidden === true) return [];
  const long = { word: `--${name}`, help };
  return alias === undefined ? [long] : [long, { word: `-${alias}`, help }];
}

/** @param prefix the text before the value in the same word, such as `--format=` */
function completeValue(option: OptionRow, prefix: string, value: string): Reply {
  if (option.path !== undefined) return { kind: option.path, words: [] };
  const choices = option.type === "boolean" ? ["true", "false"] : option.choices;
  return startingWith(prefix + value, plainWords(choices?.map((choice) => prefix + choice)));
}

function plainWords(words: readonly string[] | undefined): readonly ReplyWord[] {
  return (words ?? []).map((word) => ({ word, help: "" }));
}

function commandWords(commands: CommandTable): readonly ReplyWord[] {
  return [...commands.values()].map(({ name, summary }) => ({ word: name, help: summary }));
}

function startingWith(start: string, words: readonly ReplyWord[]): Reply {
  // A command's own option hides the global one of the same name.
  const seen = new Set<string>();
  const fitting = words.filter(({ word }) => word.startsWith(start) && !seen.has(word) && seen.add(word));
  return { kind: "words", words: fitting };
}
