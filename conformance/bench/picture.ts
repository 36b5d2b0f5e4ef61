// SPDX-License-Identifier: Apache-2.0
/** The bars of results.svg. Pure. */

/** Times of one runtime in one case; milliseconds. */
export interface Bar {
  readonly name: string;
  readonly runtime: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Pixels. */
const LABELS = { case: 190, runtime: 80 } as const;
const PLOT = 480;
const ROW = 18;
const GAP = 12;
const BOTTOM = 44;
const MARGIN = 10;
const COLOURS = ["#4c78a8", "#f58518", "#e45756", "#72b7b2", "#54a24b", "#b279a2"];
/** The axis has about so many ticks. */
const TICKS = 6;

/**
 * A group of bars for each case, all on one scale, with a line from the 10th to the 90th percentile.
 *
 * @param runtimes their order, and that of their colours
 * @param label room for their names; pixels
 */
export function barChart(
  bars: readonly Bar[],
  cases: readonly string[],
  runtimes: readonly string[],
  label: number = LABELS.runtime,
): string {
  const left = MARGIN + LABELS.case + label;
  const step = tickStep(Math.max(...bars.map(({ high }) => high), 1));
  const last = Math.ceil(Math.max(...bars.map(({ high }) => high), 1) / step) * step;
  const x = (milliseconds: number): number => left + (milliseconds / last) * PLOT;
  const shapes: string[] = [];
  let y = MARGIN;
  for (const name of cases) {
    const group = runtimes.flatMap((runtime) => bars.filter((bar) => bar.name === name && bar.runtime === runtime));
    if (group.length === 0) continue;
    shapes.push(text(MARGIN, y + (group.length * ROW) / 2 + 4, "start", name));
    for (const { runtime, median, low, high } of group) {
      const middle = y + ROW / 2;
      const colour = COLOURS[runtimes.indexOf(runtime) % COLOURS.length];
      shapes.push(text(left - 6, middle + 4, "end", runtime));
      shapes.push(`<rect x="${left}" y="${y + 2}" width="${round(x(median) - left)}" height="${ROW - 4}" fill="${colour}"/>`);
      shapes.push(`<path d="M${round(x(low))} ${middle}H${round(x(high))}" stroke="black"/>`);
      y += ROW;
    }
    y += GAP;
  }
  const ticks = Array.from({ length: Math.round(last / step) + 1 }, (_, index) => index * step);
  const lines = ticks.map((tick) => `<path d="M${round(x(tick))} ${MARGIN}V${y}" stroke="#ddd"/>`);
  const numbers = ticks.map((tick) => text(x(tick), y + 14, "middle", String(round(tick))));
  const title = text(left + PLOT / 2, y + 34, "middle", "milliseconds (median; line: 10th to 90th percentile)");
  const [width, height] = [left + PLOT + 2 * MARGIN, y + BOTTOM];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"` +
      ' font-family="sans-serif" font-size="12">',
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...lines,
    ...shapes,
    ...numbers,
    title,
    "</svg>",
  ].join("\n");
}

/** 1, 2 or 5 times a power of ten. */
function tickStep(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / TICKS));
  return power * ([1, 2, 5].find((each) => each * power * TICKS >= most) ?? 10);
}

function text(x: number, y: number, anchor: "start" | "middle" | "end", content: string): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
