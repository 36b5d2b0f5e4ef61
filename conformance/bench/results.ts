// SPDX-License-Identifier: Apache-2.0
/** RESULTS.md and its picture. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "../harness/runtime.ts";
import { BUNDLES } from "./bundles.ts";
import { type Bar, barChart } from "./picture.ts";
import { quantile, type Samples } from "./report.ts";
import type { Subject } from "./subjects.ts";

const FOLDER = join(PROJECT, "conformance/bench");
const PICTURE = "results.svg";
const SHIM_PICTURE = "shim.svg";
/** Room for the names of the shims in the picture; pixels. */
const SHIM_LABEL = 120;
/** What the picture shows: what people wait for. */
const SHOWN = [
  "run",
  "run, docker",
  "create+start+delete",
  "create+start+delete, docker",
  "exec",
  "exec --process",
  "state",
  "kill",
];

function cell(times: readonly number[]): string {
  if (times.length === 0) return "";
  const digits = quantile(times, 0.5) < 1000 ? 1 : 0;
  const at = (part: number): string => quantile(times, part).toFixed(digits);
  return times.length === 1 ? at(0.5) : `${at(0.5)} (${at(0.1)} to ${at(0.9)})`;
}

/** Rows whose ratios are to another row of the other runtimes: they have nothing to set against the library but the command line. */
const COMPARED_WITH: Readonly<Record<string, string>> = { "create+start+delete, library": "create+start+delete" };

/** One line a case: the medians of all subjects with their spread, and runt's ratio to each of the others. */
export function markdownTable(samples: Samples, names: readonly string[]): string {
  const others = names.filter((name) => name !== "runt");
  const lines = samples.names().map((name) => {
    const ours = quantile(samples.of(name, "runt"), 0.5);
    const ratios = others.map((other) => {
      const theirs = quantile(samples.of(COMPARED_WITH[name] ?? name, other), 0.5);
      return Number.isNaN(theirs) || Number.isNaN(ours) ? "" : (ours / theirs).toFixed(2);
    });
    return `| ${[name, ...names.map((subject) => cell(samples.of(name, subject))), ...ratios].join(" | ")} |`;
  });
  const head = ["", ...names, ...others.map((other) => `runt / ${other}`)];
  return [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`, ...lines].join("\n");
}

function markdown(samples: Samples, subjects: readonly Subject[], heading: string): string {
  return `# What the benchmark has measured

Made by \`npm run bench -- whole\`. Do not change it by hand.

${heading}. Medians in milliseconds, with the 10th and 90th percentile; all runtimes in turn, in an order that changes
from round to round. The last columns have the ratios of the medians; those of the library are to the others' command lines.

${subjects.map(({ name, version }) => `- ${name}: ${version}`).join("\n")}

![The same as bars](${PICTURE})

${markdownTable(
  samples,
  subjects.map(({ name }) => name),
)}

The bundles: ${Object.entries(BUNDLES)
    .map(([name, text]) => `**${name}**: ${text}`)
    .join("; ")}.
`;
}

function picture(samples: Samples, subjects: readonly Subject[]): string {
  const names = subjects.map((each) => each.name);
  return barChart(barsOf(samples, SHOWN, names), SHOWN, names);
}

function barsOf(samples: Samples, cases: readonly string[], names: readonly string[]): Bar[] {
  return cases.flatMap((name) =>
    names.flatMap((runtime) => {
      const times = samples.of(name, runtime);
      return times.length === 0
        ? []
        : [{ name, runtime, median: quantile(times, 0.5), low: quantile(times, 0.1), high: quantile(times, 0.9) }];
    }),
  );
}

/** Writes what was measured beneath the engines beside the benchmark. */
export function writeEngineResults(samples: Samples, names: readonly string[], heading: string): void {
  const text = `# What the benchmark has measured beneath engines

Made by \`npm run bench -- engines\`. Do not change it by hand.

${heading}. Medians in milliseconds, with the 10th and 90th percentile; all runtimes in turn, in an order that changes
from round to round, beneath one dockerd and one containerd. Most of each time is the engine's.

${markdownTable(samples, names)}
`;
  writeFileSync(join(FOLDER, "ENGINES.md"), text);
}

/** One figure of {@link writeShimResults}: what was measured by subject, and the share of each other one that is to be reached. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly values: Readonly<Record<string, number>>;
  readonly targets: Readonly<Record<string, number>>;
}

/** What {@link writeShimResults} writes. */
export interface ShimResults {
  readonly figures: readonly Figure[];
  /** The first one is the shim. */
  readonly subjects: readonly string[];
  readonly heading: string;
  /** Sentences below the table. */
  readonly notes: readonly string[];
  readonly samples: Samples;
  /** The cases of `samples` that the picture has. */
  readonly cases: readonly string[];
}

/** Writes what was measured of the shim beside the benchmark. */
export function writeShimResults({ figures, subjects, heading, notes, samples, cases }: ShimResults): void {
  const drawn = barChart(barsOf(samples, cases, subjects), cases, subjects, SHIM_LABEL);
  writeFileSync(join(FOLDER, SHIM_PICTURE), `${drawn}\n`);
  const [first = "", ...others] = subjects;
  const shown = (value: number | undefined): string =>
    value === undefined || Number.isNaN(value) ? "" : value >= 100 ? value.toFixed(0) : value.toFixed(2);
  const head = ["", ...subjects, ...others.flatMap((name) => [`${first} / ${name}`, "wanted"])];
  const rows = figures.map(({ name, unit, values, targets }) => {
    const ratios = others.flatMap((other) => [
      shown((values[first] ?? Number.NaN) / (values[other] ?? Number.NaN)),
      `≤ ${targets[other] ?? ""}`,
    ]);
    return [`${name} (${unit})`, ...subjects.map((subject) => shown(values[subject])), ...ratios];
  });
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  const text = `# What the benchmark has measured of the shim

Made by \`npm run bench -- shim\`. Do not change it by hand.

${heading}.

Medians of all rounds, in an order that changes from round to round, beneath one containerd. "shim" is runt as its own shim
(\`io.containerd.runt.v2\`), the others are containerd's shim with runt and with runc. A container is \`true\` of busybox.

![Times with the shim and with containerd's own](${SHIM_PICTURE})

${[...lines, ...notes.map((each) => `\n${each}`)].join("\n")}

Memory is that of one shim that has had nothing to do for three seconds: the proportional set size (PSS) shares what several have in common among them, so that it depends on how
many there are. "dirty" is what a shim has for itself and cannot share.
`;
  writeFileSync(join(FOLDER, "SHIM.md"), text);
}

/** Writes both beside the benchmark. */
export function writeResults(samples: Samples, subjects: readonly Subject[], heading: string): void {
  writeFileSync(join(FOLDER, "RESULTS.md"), markdown(samples, subjects, heading));
  writeFileSync(join(FOLDER, PICTURE), `${picture(samples, subjects)}\n`);
}
