// SPDX-License-Identifier: Apache-2.0
/** Commands as template literals. No shell reads them: a value is one argument, whatever is in it. */
import { RuntimeError } from "../errors.ts";
import { show } from "./options/kinds.ts";

type Argument = string | number;

/** A value in a command template: an argument, or several of them. */
export type TemplateValue = Argument | readonly Argument[];

/**
 * The arguments of a command. Spaces of the template part them, a backslash keeps a space or another backslash; a value is a
 * part of
 * the argument that it stands in, and a list by itself is so many arguments.
 * @throws USAGE
 */
export function argumentsOf(template: TemplateStringsArray, values: readonly TemplateValue[]): string[] {
  const all: string[] = [];
  let current: string | undefined;
  template.raw.forEach((text, at) => {
    for (let index = 0; index < text.length; index++) {
      const letter = text[index] ?? "";
      if (letter === "\\" && index + 1 < text.length) current = (current ?? "") + (text[++index] ?? "");
      else if (!/\s/.test(letter)) current = (current ?? "") + letter;
      else if (current !== undefined) {
        all.push(current);
        current = undefined;
      }
    }
    if (at >= values.length) return;
    const [first = "", ...others] = wordsOf(values[at], at);
    const isNothing = Array.isArray(values[at]) && (values[at] as readonly Argument[]).length === 0;
    if (!isNothing) current = (current ?? "") + first;
    for (const other of others) {
      if (current !== undefined) all.push(current);
      current = other;
    }
  });
  if (current !== undefined) all.push(current);
  if (all.length === 0)
    throw new RuntimeError("USAGE", "$: the command is empty: write the program first, such as $`ls ${directory}`");
  return all;
}

function wordsOf(value: TemplateValue | undefined, at: number): string[] {
  const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  return list.map((each) => {
    if (typeof each === "string" || (typeof each === "number" && Number.isFinite(each))) return String(each);
    throw new RuntimeError(
      "USAGE",
      `$: value ${at + 1} of the command: found ${show(each)}, it must be a string, a number or a list of those`,
    );
  });
}
