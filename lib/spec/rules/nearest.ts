// SPDX-License-Identifier: Apache-2.0
/** The correct word for a mistyped one. Pure. */

/** The name that is closest to `word`, if one is close. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  // A third of the word may differ; with more, the result would be a guess.
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
      let cost = Math.min((last[column - 1] ?? 0) + (same ? 0 : 1), (last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
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
