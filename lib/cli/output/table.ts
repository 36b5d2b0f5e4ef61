// SPDX-License-Identifier: Apache-2.0
/** Tables for people, in runc's layout. Pure. */

/** A column: its title, and the text of its cell in a row. */
export type Column<Row> = readonly [title: string, cell: (row: Row) => string];

const MIN_WIDTH = 12;
const PADDING = 3;

/** A table with a line of titles; columns are at least 12 wide and 3 apart. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
  const last = columns.length - 1;
  const lengths = lines.map((cells) => cells.map((cell, column) => (column === last ? 0 : length(cell))));
  const widths = columns.map((_, column) => Math.max(MIN_WIDTH, ...lengths.map((line) => (line[column] ?? 0) + PADDING)));
  const padded = lines.map((cells, line) =>
    cells
      .map((cell, column) => (column === last ? cell : cell + " ".repeat((widths[column] ?? 0) - (lengths[line]?.[column] ?? 0))))
      .join(""),
  );
  return `${padded.join("\n")}\n`;
}

/** In characters, not UTF-16 units. */
function length(text: string): number {
  return SURROGATE.test(text) ? [...text].length : text.length;
}

const SURROGATE = /[\ud800-\udfff]/;
