// SPDX-License-Identifier: Apache-2.0
/** Manual pages in man(7), made of the definitions of the commands. `npm run build` writes them; no part of the program. Pure. */

import type { Command, CommandTable, OptionRow } from "../command.ts";
import { GLOBAL_OPTIONS, HELP_OPTION, VERSION_OPTION } from "../global_options.ts";
import { ANY_EXIT_STATUS, ENVIRONMENT, FILES, LOG, MANUAL_DATE, PROGRAM_EXIT_STATUS } from "./manual_texts.ts";
import { PROGRAM } from "./program_text.ts";
import * as Shim from "./shim_texts.ts";

/** Columns of a line of running text, before escapes make it a little longer. */
const WIDTH = 72;

/** All pages: the name of the file, and its text. */
export function manualPages(commands: CommandTable): ReadonlyMap<string, string> {
  const all = [...commands.values()];
  return new Map([
    ["runt.8", programPage(all)],
    ...all.map((command) => [`runt-${command.name}.8`, commandPage(command)] as const),
    [`${Shim.SHIM}.8`, shimPage()],
  ]);
}

function commandPage(command: Command): string {
  const { name, summary, options, description, examples, exitStatus = ANY_EXIT_STATUS, seeAlso = [] } = command;
  return (
    title(`runt-${name}`) +
    section("NAME", `runt\\-${name} \\-\n${filled(summary)}`) +
    section(
      "SYNOPSIS",
      command.arguments
        .split("  |  ")
        .map((form) => synopsis(name, form))
        .join(".br\n"),
    ) +
    section("DESCRIPTION", paragraphs(description)) +
    section("OPTIONS", [...options, HELP_OPTION].map(optionItem).join("") + GLOBAL_NOTE) +
    section("EXIT STATUS", paragraphs(exitStatus)) +
    section("EXAMPLES", example(examples.join("\n"))) +
    section("SEE ALSO", references(["runt(8)", ...seeAlso]))
  );
}

function programPage(all: readonly Command[]): string {
  const options: readonly OptionRow[] = [...GLOBAL_OPTIONS, HELP_OPTION, VERSION_OPTION];
  const commands = all.map(({ name, summary }) => `.TP\n.BR runt\\-${verbatim(name)} (8)\n${filled(summary)}`);
  return (
    title("runt") +
    section("NAME", `runt \\- ${PROGRAM.title}\n`) +
    section("SYNOPSIS", `.B runt\n[global options] command [command options] [arguments...]\n`) +
    section("DESCRIPTION", paragraphs(PROGRAM.text)) +
    section("COMMANDS", commands.join("")) +
    section("GLOBAL OPTIONS", options.map(optionItem).join("")) +
    section("LOG", paragraphs(LOG)) +
    section("EXIT STATUS", paragraphs(PROGRAM_EXIT_STATUS)) +
    section("ENVIRONMENT", ENVIRONMENT.map(item).join("")) +
    section("FILES", FILES.map(item).join("")) +
    section("SEE ALSO", references(all.map(({ name }) => `runt-${name}(8)`)))
  );
}

function shimPage(): string {
  const name = verbatim(Shim.SHIM);
  return (
    title(Shim.SHIM) +
    section("NAME", `${name} \\-\n${filled(Shim.SHIM_SUMMARY)}`) +
    section("SYNOPSIS", Shim.SHIM_FORMS.map((form) => `.B ${name}\n${prose(form)}\n`).join(".br\n")) +
    section("DESCRIPTION", paragraphs(Shim.SHIM_TEXT)) +
    section("COMMANDS", Shim.SHIM_COMMANDS.map(item).join("")) +
    section("OPTIONS", Shim.SHIM_OPTIONS.map(item).join("")) +
    section("EXIT STATUS", paragraphs(Shim.SHIM_EXIT_STATUS)) +
    section("ENVIRONMENT", Shim.SHIM_ENVIRONMENT.map(item).join("")) +
    section("FILES", Shim.SHIM_FILES.map(item).join("")) +
    section("SEE ALSO", references(["runt(8)"]))
  );
}

const GLOBAL_NOTE = ".PP\nGlobal options may stand here, too; they are in\n.BR runt (8).\n";

function title(name: string): string {
  const heading = name.toUpperCase().replaceAll("-", "\\-");
  return [
    `.\\" Made by "npm run build" from lib/cli; changes belong there.`,
    `.TH ${heading} 8 ${MANUAL_DATE} runt "System Administration"`,
    // Names of files and variables must not be cut.
    ".nh\n.ad l\n",
  ].join("\n");
}

function section(name: string, body: string): string {
  return `.SH ${name}\n${body}`;
}

function synopsis(name: string, form: string): string {
  return `.B runt ${name}\n[options] ${prose(form)}`.trimEnd() + "\n";
}

function optionItem(option: OptionRow): string {
  if (option.hidden === true) return "";
  const names = [...(option.alias === undefined ? [] : [`\\-${option.alias}`]), `\\-\\-${verbatim(option.name)}`];
  const value = valueName(option);
  const flags = names.map((name) => `\\fB${name}\\fR`).join(", ");
  const shown = value === "" ? "" : ` \\fI${prose(value)}\\fR`;
  const standard = option.default === undefined ? "" : ` (default: ${option.default})`;
  return `.TP\n${flags}${shown}\n${filled(option.help + standard)}`;
}

/** The value's name; "" for an option without a value. */
function valueName({ type, value, choices }: OptionRow): string {
  if (type === "boolean") return "";
  return choices?.join("|") ?? value ?? (type === "integer" || type === "integers" ? "N" : "VALUE");
}

function item({ term, text }: { readonly term: string; readonly text: string }): string {
  return `.TP\n.B ${prose(term)}\n${filled(text)}`;
}

function references(pages: readonly string[]): string {
  const entries = pages.map((page) => {
    const [name = "", number = ""] = page.split("(");
    return `.BR ${name.replaceAll("-", "\\-")} (${number}`;
  });
  return `${entries.join(",\n")}\n`;
}

/** Paragraphs, which empty lines separate; indented lines are not changed. */
function paragraphs(text: string): string {
  return text
    .split("\n\n")
    .map((part, index) => {
      const body = part.startsWith("    ") ? example(part) : filled(part);
      return index === 0 ? body : `.PP\n${body}`;
    })
    .join("");
}

function example(text: string): string {
  const lines = text.split("\n").map((each) => verbatim(each.replace(/^ {4}/, "")));
  return `.nf\n.RS 4\n${lines.join("\n")}\n.RE\n.fi\n`;
}

/** Running text in lines of its own, which are short as man-pages(7) wants them. */
function filled(text: string): string {
  let result = "";
  let row = "";
  for (const word of text.split(/\s+/)) {
    if (row !== "" && row.length + 1 + word.length > WIDTH) {
      result += `${line(row)}\n`;
      row = "";
    }
    row += row === "" ? word : ` ${word}`;
  }
  return `${result}${line(row)}\n`;
}

/** A line of running text; it may not begin like a request. */
function line(text: string): string {
  const escaped = prose(text);
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** A dash that does not join the parts of a word is one that a reader may copy. */
function prose(text: string): string {
  const dashes = text.replaceAll("\\", "\\e").replace(/(?<![A-Za-z0-9])-/g, "\\-");
  return dashes.replaceAll("^", "\\(ha").replaceAll("~", "\\(ti");
}

function verbatim(text: string): string {
  const escaped = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq").replaceAll("^", "\\(ha");
  return escaped.startsWith(".") ? `\\&${escaped}` : escaped;
}
