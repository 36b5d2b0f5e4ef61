/** Help texts, in runc's layout. */

import { nearest } from "../../spec/rules/nearest.ts";
import { programName } from "../../sys/program_name.ts";
import { type CommandName, type CommandRow, COMMANDS, GLOBAL_OPTIONS, HELP_OPTION, type OptionRow, VERSION_OPTION } from "../table.ts";
import { foreignCommand } from "./foreign.ts";
import { OPTION_LISTS } from "./option_lists.gen.ts";
import { DESCRIPTIONS, PROGRAM } from "./texts.ts";

/** The help of a command, or of the program. */
export function helpText(command: CommandRow | undefined): string {
  if (command === undefined) return programHelp();
  return (
    section("NAME", `${programName()} ${command.name} - ${command.summary}`) +
    section("USAGE", usageLine(command)) +
    section("DESCRIPTION", DESCRIPTIONS[command.name as CommandName]) +
    `OPTIONS:\n${optionList(command.name)}\nGLOBAL OPTIONS:\n${optionList("globals")}`
  );
}

/** How a command, or the program, is used, and where to read more: what an error about its use begins with. */
export function usageText(command: CommandRow | undefined): string {
  const help = `${programName()} help${command === undefined ? "" : ` ${command.name}`}`;
  return `usage: ${usageLine(command)}   (more: ${help})\n`;
}

function usageLine(command: CommandRow | undefined): string {
  if (command === undefined) return `${programName()} [global options] command [command options] [arguments...]`;
  return `${programName()} ${command.name} [options] ${command.arguments}`.trimEnd();
}

/** What to say where there is no command of this name. */
export function unknownTopic(name: string): string {
  const foreign = foreignCommand(name);
  const more = foreign === undefined ? hint(name, Object.keys(COMMANDS), "") : `. ${foreign}`;
  return `No help topic for '${name}'${more}`;
}

/**
 * What to say where a command, or the program, has no option of this name.
 *
 * @param problem the reader's words for it, which are runc's and begin the message
 */
export function unknownOption(name: string, command: CommandRow | undefined, problem: string): string {
  const own: readonly OptionRow[] = command?.options ?? [VERSION_OPTION];
  const rows = [...own, ...GLOBAL_OPTIONS, HELP_OPTION].filter((row: OptionRow) => row.hidden !== true);
  return problem + hint(name, rows.map((row) => row.name), "--");
}

function hint(word: string, names: readonly string[], dashes: string): string {
  const similar = nearest(word, names);
  return similar === undefined ? "" : `. Did you mean "${dashes}${similar}"?`;
}

/** What `npm run generate` has made of rows of the table. */
function optionList(name: string): string {
  return OPTION_LISTS[name] ?? "";
}

function programHelp(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length)) + 3;
  const commands = Object.values(COMMANDS).map(
    ({ name, summary }) => `${name.padEnd(width)}${summary}`,
  );
  commands.push(`${"help, h".padEnd(width)}show this help, or that of one command`);
  return (
    section("NAME", `${programName()} - ${PROGRAM.title}`) +
    section("USAGE", usageLine(undefined)) +
    section("DESCRIPTION", PROGRAM.text) +
    section("COMMANDS", commands.join("\n")) +
    `GLOBAL OPTIONS:\n${optionList("program")}`
  );
}

function section(title: string, text: string): string {
  const lines = text.split("\n").map((line) => (line === "" ? "" : `   ${line}`));
  return `${title}:\n${lines.join("\n")}\n\n`;
}
