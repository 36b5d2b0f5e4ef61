// SPDX-License-Identifier: Apache-2.0
/** Options in columns, for the help. Pure. */

import type { OptionRow, OptionType } from "../command.ts";

/** Columns of the help. */
const WIDTH = 100;
/** Columns before the options, and between them and their help. */
const GAP = "  ";

const TYPE_NAMES: Readonly<Record<OptionType, string>> = {
  boolean: "boolean",
  string: "string",
  integer: "number",
  strings: "string",
  integers: "number",
};

/** A line for each option, or more: its names, its help, and at the right edge the form of its value. */
export function optionList(options: readonly OptionRow[]): string {
  const shown = options.filter(({ hidden }) => hidden !== true);
  const indent = shown.some(({ alias }) => alias !== undefined) ? "    " : "";
  const names = shown.map(({ name, alias }) => `${alias === undefined ? indent : `-${alias}, `}--${name}`);
  const left = Math.max(...names.map((name) => name.length)) + 2 * GAP.length;
  return shown.map((option, index) => entry(`${GAP}${names[index]}`.padEnd(left), option)).join("");
}

function entry(start: string, option: OptionRow): string {
  const lines = wrapped(option.help, WIDTH - start.length).map(
    (text, index) => (index === 0 ? start : " ".repeat(start.length)) + text,
  );
  const form = valueForm(option);
  const last = lines.at(-1) ?? "";
  // It gets a line of its own if there is no room.
  if (last.length + form.length > WIDTH) lines.push(form.padStart(WIDTH));
  else lines.splice(-1, 1, last + form.padStart(WIDTH - last.length));
  return `${lines.join("\n")}\n`;
}

/** `[string] [choices: "text", "json"] [default: text]`. */
function valueForm({ type, choices, default: standard }: OptionRow): string {
  return [
    `[${TYPE_NAMES[type]}]`,
    ...(choices === undefined ? [] : [`[choices: ${choices.map((choice) => JSON.stringify(choice)).join(", ")}]`]),
    ...(standard === undefined ? [] : [`[default: ${standard}]`]),
  ].join(" ");
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line += line === "" ? word : ` ${word}`;
    }
  }
  return [...lines, line];
}
