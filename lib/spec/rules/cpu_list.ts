// SPDX-License-Identifier: Apache-2.0
/** Lists of CPUs and of NUMA nodes as the kernel writes them (cpuset(7), "List format"): `0-3,7`. */

/** The highest number that is accepted; far above the limit of any kernel. */
const MAX_CPU = 64 * 1024;

/**
 * The mask of a list: bit n (of byte n/8, lowest first) is CPU n, in whole 8 bytes as sched_setaffinity(2) wants it.
 * Spaces around entries and empty entries are allowed, as with runc.
 *
 * @param what the kind of the numbers, for the words of a problem
 * @returns the problem in words, if it is not such a list
 */
export function parseCpuList(text: string, what = "CPU"): Uint8Array | string {
  const ranges: [number, number][] = [];
  let highest = -1;
  for (const part of text.split(",")) {
    const entry = part.trim();
    if (entry === "") continue;
    const dash = entry.indexOf("-");
    const first = parseCpu(dash < 0 ? entry : entry.slice(0, dash));
    const last = dash < 0 ? first : parseCpu(entry.slice(dash + 1));
    if (first === undefined || last === undefined) return `${entry} is no ${what} number or range from 0 to ${MAX_CPU}`;
    if (first > last) return `${entry} is a range that ends before it begins`;
    ranges.push([first, last]);
    highest = Math.max(highest, last);
  }
  if (highest < 0) return `no ${what} is in the list`;
  const mask = new Uint8Array((Math.floor(highest / 64) + 1) * 8);
  for (const [first, last] of ranges) {
    for (let cpu = first; cpu <= last; cpu++) mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  }
  return mask;
}

function parseCpu(text: string): number | undefined {
  if (text === "" || text.length > 9) return undefined;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return undefined;
  }
  const cpu = Number(text);
  return cpu > MAX_CPU ? undefined : cpu;
}
