// SPDX-License-Identifier: Apache-2.0
/** Help texts, in runc's layout. */

import { nearest } from "../../spec/rules/nearest.ts";
import { programName } from "../../sys/program_name.ts";
import type { Command, CommandTable, OptionRow } from "../command.ts";
import { GLOBAL_OPTIONS, HELP_OPTION, VERSION_OPTION } from "../global_options.ts";
import { foreignCommand } from "./foreign.ts";
import { optionList } from "./option_list.ts";
import { PROGRAM } from "./program_text.ts";

/** The help of a command, or of the program. */
export function helpText(commands: CommandTable, command: Command | undefined): string {
  return command === undefined ? programHelp(commands) : commandHelp(command);
}

function commandHelp(command: Command): string {
  const { name, summary, description, examples, options } = command;
  const example = ["EXAMPLE:", ...examples.map((line) => `    ${line}`)].join("\n");
  return (
    section("NAME", `${programName()} ${name} - ${summary}`) +
    section("USAGE", usageLine(command)) +
    section("DESCRIPTION", `${description}\n\n${example}`) +
    `OPTIONS:\n${optionList([...options, HELP_OPTION])}\nGLOBAL OPTIONS:\n${optionList(GLOBAL_OPTIONS)}`
  );
}

/** The usage line of a command, or of the program, and the way to its help: the start of an error about its use. */
export function usageText(command: Command | undefined): string {
  const help = `${programName()} help${command === undefined ? "" : ` ${command.name}`}`;
  return `usage: ${usageLine(command)}   (more: ${help})\n`;
}

function usageLine(command: Command | undefined): string {
  if (command === undefined) return `${programName()} [global options] command [command options] [arguments...]`;
  return `${programName()} ${command.name} [options] ${command.arguments}`.trimEnd();
}

/** The error for a command that does not exist. */
export function unknownTopic(commands: CommandTable, name: string): string {
  const foreign = foreignCommand(name);
  const more = foreign === undefined ? hint(name, [...commands.keys()], "") : `. ${foreign}`;
  return `No help topic for '${name}'${more}`;
}

/**
 * The error for an option that a command, or the program, does not have.
 *
 * @param problem the reader's words for it, which are runc's and begin the message
 */
export function unknownOption(name: string, command: Command | undefined, problem: string): string {
  const own: readonly OptionRow[] = command?.options ?? [VERSION_OPTION];
  const rows = [...own, ...GLOBAL_OPTIONS, HELP_OPTION].filter((row: OptionRow) => row.hidden !== true);
  return (
    problem +
    hint(
      name,
      rows.map((row) => row.name),
      "--",
    )
  );
}

function hint(word: string, names: readonly string[], dashes: string): string {
  const similar = nearest(word, names);
  return similar === undefined ? "" : `. Did you mean "${dashes}${similar}"?`;
}

function programHelp(commands: CommandTable): string {
  const width = Math.max(...[...commands.keys()].map((name) => name.length)) + 3;
  const lines = [...commands.values()].map(({ name, summary }) => `${name.padEnd(width)}${summary}`);
  lines.push(`${"help, h".padEnd(width)}show this help, or that of one command`);
  return (
    section("NAME", `${programName()} - ${PROGRAM.title}`) +
    section("USAGE", usageLine(undefined)) +
    section("DESCRIPTION", PROGRAM.text) +
    section("COMMANDS", lines.join("\n")) +
    `GLOBAL OPTIONS:\n${optionList([...GLOBAL_OPTIONS, HELP_OPTION, VERSION_OPTION])}`
  );
}

function section(title: string, text: string): string {
  const lines = text.split("\n").map((line) => (line === "" ? "" : `   ${line}`));
  return `${title}:\n${lines.join("\n")}\n\n`;
}
