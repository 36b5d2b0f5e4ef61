// SPDX-License-Identifier: Apache-2.0
/** Rows as lines of text, each column as wide as its widest cell; control characters of a cell are shown as `?`. Pure. */
export function columns(rows: readonly (readonly string[])[]): string {
  const shown = rows.map((row) => row.map((cell) => (CONTROL.test(cell) ? cell.replace(CONTROLS, "?") : cell)));
  const widths: number[] = [];
  for (const row of shown) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return shown
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join("   ")
          .trimEnd()}\n`,
    )
    .join("");
}

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const CONTROLS = new RegExp(CONTROL, "g");
