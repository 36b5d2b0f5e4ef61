/** Help texts, in runc's layout. */

import { programName } from "../sys/program_name.ts";
import {
  type CommandName,
  type CommandRow,
  COMMANDS,
  GLOBAL_OPTIONS,
  HELP_OPTION,
  type OptionRow,
  VERSION_OPTION,
} from "./table.ts";
import { OPTION_LISTS } from "./option_lists.gen.ts";
import { DESCRIPTIONS, PROGRAM } from "./texts.ts";

/** The help of a command, or of the program. */
export function helpText(command: CommandRow | undefined): string {
  if (command === undefined) return programHelp();
  const usage = `${programName()} ${command.name} [options] ${command.arguments}`.trimEnd();
  return (
    section("NAME", `${programName()} ${command.name} - ${command.summary}`) +
    section("USAGE", usage) +
    section("DESCRIPTION", DESCRIPTIONS[command.name as CommandName]) +
    `OPTIONS:\n${optionList(command.name)}\nGLOBAL OPTIONS:\n${optionList("globals")}`
  );
}

/** What to say where there is no command of this name. */
export function unknownTopic(name: string): string {
  return `No help topic for '${name}'${hint(name, Object.keys(COMMANDS), "")}`;
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
    section("USAGE", `${programName()} [global options] command [command options] [arguments...]`) +
    section("DESCRIPTION", PROGRAM.text) +
    section("COMMANDS", commands.join("\n")) +
    `GLOBAL OPTIONS:\n${optionList("program")}`
  );
}

function section(title: string, text: string): string {
  const lines = text.split("\n").map((line) => (line === "" ? "" : `   ${line}`));
  return `${title}:\n${lines.join("\n")}\n\n`;
}

/** The name that is closest to `word`, if one is close. */
function nearest(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  // A third of the word may differ; more, and it is a guess.
  let limit = Math.max(1, Math.ceil(word.length / 3));
  for (const name of names) {
    const distance = editDistance(word, name);
    if (distance > limit || (distance === limit && best !== undefined)) continue;
    best = name;
    limit = distance;
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that make `left` into `right`. */
function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        (last[column - 1] ?? 0) + (same ? 0 : 1),
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
      );
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      }
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length] ?? 0;
}
