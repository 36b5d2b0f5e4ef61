// SPDX-License-Identifier: Apache-2.0
/**
 * A command as data. One file defines one command; argv, the help, the manual pages, the completion and the types of the
 * parsed flags all come from that definition. Names, aliases and defaults are those of runc, whose callers send them.
 */

import { RuntimeError } from "../errors.ts";
import type { RuntimeContext } from "../runtime/options.ts";
import type { CommandResult } from "./result.ts";
import type { Root } from "./root.ts";

/**
 * The form of an option's value. `integer` takes what Go's ParseInt with base 0 takes. The plurals collect the values
 * of an option that may be given several times; a comma does not separate, as with runc 1.5.
 */
export type OptionType = "boolean" | "string" | "integer" | "strings" | "integers";

/** One option. */
export interface OptionRow {
  /** Long name, without dashes. */
  readonly name: string;
  /** One letter. */
  readonly alias?: string;
  readonly type: OptionType;
  /** Name of the value in the manual page. Default: the choices, else `N` or `VALUE`. */
  readonly value?: string;
  /** The value is a path: the completion offers paths. */
  readonly path?: "files" | "directories";
  /** For the help and the manual page only; the command applies it. */
  readonly default?: string;
  /** The only values that the option takes; the reader of argv refuses any other. */
  readonly choices?: readonly string[];
  /** The choice that another spelling means; `undefined` if it means no choice. */
  readonly otherSpelling?: (value: string) => string | undefined;
  /** The error for a value that is not one of the choices. Default: runt's own words. */
  readonly wrongChoice?: (value: string) => string;
  /** Name of an option that disables this one. */
  readonly ignoredWith?: string;
  readonly help: string;
  /** Accepted, but not in the help. */
  readonly hidden?: boolean;
}

/** Values of the first positional argument, for the completion. */
export interface ArgumentHint {
  /** The id is that of a new container. */
  readonly newId?: boolean;
  /** Only containers of this status make sense. */
  readonly status?: "created" | "running" | "paused";
  /** Words for the argument after the id, or for the first one if the command takes no id. */
  readonly words?: readonly string[];
}

/** The positional arguments; the first is "" if there are none. */
export type Positionals = readonly [first: string, ...others: string[]];

/** The context of a command: that of the runtime, and facts about the command line. */
export interface CommandContext extends RuntimeContext {
  /** The reason for {@link RuntimeContext.root}. */
  readonly rootFrom: Root["from"];
  /** All commands, for one that reads command lines itself. */
  readonly commands: CommandTable;
}

/** One command. */
export interface Command<Options extends readonly OptionRow[] = readonly OptionRow[]> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The positional arguments as the usage line shows them. Two spaces around a bar separate two forms. */
  readonly arguments: string;
  /** Fewest and most positional arguments. */
  readonly min: number;
  readonly max: number;
  /** After so many positional arguments no word is read as an option any more. Default: never. */
  readonly stopAfter?: number;
  /** The positional arguments begin with a container id. */
  readonly takesId?: boolean;
  readonly argumentHint?: ArgumentHint;
  readonly options: Options;
  /** Paragraphs for the help and the manual page. */
  readonly description: string;
  /** Lines for a shell, with the prompt: `#` for root, `$` for anybody. */
  readonly examples: readonly string[];
  /** The paragraph of the manual page. Default: 0 and 1, success and error. */
  readonly exitStatus?: string;
  /** Other manual pages, such as `runt-start(8)`. */
  readonly seeAlso?: readonly string[];
  /** An error's message begins with `runt NAME failed: `. */
  readonly prefixed?: boolean;
  /** The prefix of an error's message, and the exit status. Default: no prefix, and 1. */
  readonly failure?: { readonly prefix: string; readonly status: number };
  /** Executes the command. @throws RuntimeError */
  run(context: CommandContext, flags: Flags<Options>, positionals: Positionals): CommandResult | Promise<CommandResult>;
}

/** The commands by name, in the order of the help. */
export type CommandTable = ReadonlyMap<string, Command>;

/** Types `run` by the options of the same definition. */
export function defineCommand<const Options extends readonly OptionRow[]>(definition: Command<Options>): Command<Options> {
  return definition;
}

/** The table of a list of commands. */
export function commandTable(commands: readonly Command[]): CommandTable {
  return new Map(commands.map((command) => [command.name, command]));
}

/**
 * Runs a command.
 *
 * @throws RuntimeError `INVALID_ID`, and every error of the command
 */
export function runCommand(
  command: Command,
  context: CommandContext,
  flags: Readonly<Record<string, FlagValue>>,
  positionals: readonly string[],
): CommandResult | Promise<CommandResult> {
  const [first = ""] = positionals;
  if (command.takesId === true && first === "") throw new RuntimeError("INVALID_ID", "container id cannot be empty");
  return command.run(context, flags, positionals.length === 0 ? NO_POSITIONALS : (positionals as Positionals));
}

const NO_POSITIONALS: Positionals = [""];

/** A value as the reader of argv hands it over. */
export type FlagValue = boolean | string | number | readonly string[] | readonly number[];

type Value<Row extends OptionRow> = Row extends { readonly type: "string"; readonly choices: readonly (infer Choice)[] }
  ? Choice
  : {
      boolean: boolean;
      string: string;
      integer: number;
      strings: Row extends { readonly choices: readonly (infer Choice)[] } ? readonly Choice[] : readonly string[];
      integers: readonly number[];
    }[Row["type"]];

/** The options that were given, by name; an option that was not given is absent. */
export type Flags<Rows extends readonly OptionRow[]> = {
  readonly [Row in Rows[number] as Row["name"]]?: Value<Row>;
};
