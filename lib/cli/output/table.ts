// SPDX-License-Identifier: Apache-2.0
/** Tables for people, in runc's layout. Pure. */

/** A column: its title, the text of its cell in a row, and whether all of its texts are ASCII. */
export type Column<Row> = readonly [title: string, cell: (row: Row) => string, plain?: "ascii"];

const MIN_WIDTH = 12;
const PADDING = 3;
const SURROGATE = /[\ud800-\udfff]/;

/**
 * A table with a line of titles; columns are at least 12 wide and 3 apart.
 *
 * `list` makes one of thousands of rows, so nothing in here makes an iterator or a function for each of them.
 */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const last = columns.length - 1;
  const widths = columns.map(([title]) => Math.max(MIN_WIDTH, title.length + PADDING));
  const lines: string[][] = [columns.map(([title]) => title)];
  for (let line = 0; line < rows.length; line++) {
    const cells: string[] = [];
    for (let index = 0; index <= last; index++) {
      const cell = (columns[index] as Column<Row>)[1](rows[line] as Row);
      cells.push(cell);
      if (cell.length + PADDING > (widths[index] as number)) widths[index] = cell.length + PADDING;
    }
    lines.push(cells);
  }
  const isWide = columns.map(([, , plain], index) => plain === undefined && index < last && hasSurrogates(lines, index));
  for (let index = 0; index < last; index++) {
    if (isWide[index] === true) widths[index] = widest(lines, index);
  }
  let text = "";
  for (let line = 0; line < lines.length; line++) {
    const cells = lines[line] as string[];
    for (let index = 0; index < last; index++) {
      const cell = cells[index] as string;
      const units = isWide[index] === true ? cell.length - characters(cell) : 0;
      text += cell.padEnd((widths[index] as number) + units);
    }
    text += `${cells[last] as string}\n`;
  }
  return text;
}

function hasSurrogates(lines: readonly (readonly string[])[], column: number): boolean {
  let all = "";
  for (let line = 0; line < lines.length; line++) all += lines[line]?.[column] ?? "";
  return SURROGATE.test(all);
}

/** The width of a column in which some characters have two UTF-16 units. */
function widest(lines: readonly (readonly string[])[], column: number): number {
  return Math.max(MIN_WIDTH, ...lines.map((cells) => characters(cells[column] ?? "") + PADDING));
}

/** The length in characters, not in UTF-16 units. */
function characters(text: string): number {
  return [...text].length;
}
