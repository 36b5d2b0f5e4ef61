/**
 * Lists of options for the help, which yargs formats. They are made when the table changes, by `npm run generate`, and
 * not when somebody asks: the program has no yargs in it.
 */
import yargs, { type Options } from "yargs";
import { COMMANDS, GLOBAL_OPTIONS, HELP_OPTION, type OptionRow, VERSION_OPTION } from "../../lib/cli/table.ts";

/** Columns of the help. */
const WIDTH = 100;
const TITLE = "OPTIONS:";

/** The text of option_lists.gen.ts. */
export async function optionListsModule(): Promise<string> {
  const lists: Record<string, string> = {
    program: await optionList([...GLOBAL_OPTIONS, HELP_OPTION, VERSION_OPTION]),
    globals: await optionList(GLOBAL_OPTIONS),
  };
  for (const { name, options } of Object.values(COMMANDS)) lists[name] = await optionList([...options, HELP_OPTION]);
  const entries = Object.entries(lists).map(([name, text]) => `  ${JSON.stringify(name)}: [\n${lines(text)}  ].join("\\n"),\n`);
  return (
    "// Made by `npm run generate` from table.ts. Do not change it by hand.\n\n" +
    "/** The options of each command, of the program itself, and those that all commands have, as the help shows them. */\n" +
    `export const OPTION_LISTS: Readonly<Record<string, string>> = {\n${entries.join("")}};\n`
  );
}

function lines(text: string): string {
  return text.split("\n").map((line) => `    ${JSON.stringify(line)},\n`).join("");
}

async function optionList(rows: readonly OptionRow[]): Promise<string> {
  let parser = yargs([])
    // Both are rows of the table already.
    .help(false)
    .version(false)
    // Else yargs looks for a translation of its own words.
    .locale("en")
    .wrap(WIDTH)
    .updateStrings({ "Options:": TITLE });
  for (const row of rows) parser = parser.option(row.name, yargsOption(row));
  const text = (await parser.getHelp()).trim();
  // The help has titles of its own.
  return `${text.slice(text.indexOf("\n") + 1)}\n`;
}

const YARGS_TYPE = {
  boolean: "boolean",
  string: "string",
  integer: "number",
  strings: "string",
  integers: "number",
} as const;

function yargsOption(row: OptionRow): Options {
  return {
    describe: row.help,
    ...(row.alias === undefined ? {} : { alias: row.alias }),
    ...(row.choices === undefined ? {} : { choices: row.choices }),
    ...(row.default === undefined ? {} : { default: row.default, defaultDescription: row.default }),
    type: YARGS_TYPE[row.type],
    hidden: row.hidden ?? false,
  };
}
