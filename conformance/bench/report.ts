// SPDX-License-Identifier: Apache-2.0
/** Times in milliseconds, by case and by subject. */
export interface Samples {
  add(name: string, subject: string, time: number): void;
  /** Of the cases, in the order in which they came. */
  names(): readonly string[];
  /** Sorted times, empty if there are none. */
  of(name: string, subject: string): readonly number[];
}

export function samplesOf(): Samples {
  const all = new Map<string, number[]>();
  const listOf = (name: string, subject: string): number[] => {
    const key = `${name}\0${subject}`;
    const list = all.get(key) ?? [];
    all.set(key, list);
    return list;
  };
  return {
    names: () => [...new Set([...all.keys()].map((key) => key.split("\0")[0] ?? ""))],
    add: (name, subject, time) => void listOf(name, subject).push(time),
    of: (name, subject) => listOf(name, subject).toSorted((a, b) => a - b),
  };
}

/**
 * The same subjects in a random order. A fixed one is unfair: the first write to a cgroup.procs after some quiet
 * milliseconds waits for an RCU grace period (10 ms and more), which the next caller is then spared.
 */
export function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((value) => ({ value, key: Math.random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ value }) => value);
}

/** The value below which the share `part` (0 to 1) of the sorted `times` lies. */
export function quantile(times: readonly number[], part: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? Number.NaN;
}

const WIDTHS = [28, 7, 9, 9, 9, 12] as const;

function row(cells: readonly string[]): string {
  return cells.map((cell, at) => (at < 2 ? cell.padEnd(WIDTHS[at] ?? 9) : cell.padStart(WIDTHS[at] ?? 9))).join(" ");
}

/**
 * A table with one line a case and a subject: median, least, 90th percentile, and how often the median of the
 * first subject goes into this one's.
 */
export function table(samples: Samples, subjects: readonly string[]): string {
  const first = subjects[0] ?? "";
  const lines = [row(["case", "", "median", "min", "p90", `to ${first}`])];
  for (const name of samples.names()) {
    const base = quantile(samples.of(name, first), 0.5);
    for (const subject of subjects) {
      const times = samples.of(name, subject);
      if (times.length === 0) continue;
      const numbers = [quantile(times, 0.5), quantile(times, 0), quantile(times, 0.9)];
      const ratio = Number.isNaN(base) ? "" : (quantile(times, 0.5) / base).toFixed(2);
      lines.push(row([name, subject, ...numbers.map((each) => each.toFixed(2)), ratio]));
    }
  }
  return lines.join("\n");
}
