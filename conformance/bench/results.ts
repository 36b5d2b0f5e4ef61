/** RESULTS.md and its picture. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { PROJECT } from "../harness/runtime.ts";
import { BUNDLES } from "./bundles.ts";
import { quantile, type Samples } from "./report.ts";
import type { Subject } from "./subjects.ts";

const FOLDER = join(PROJECT, "conformance/bench");
const PICTURE = "results.svg";
/** What the picture shows: what people wait for. */
const SHOWN = [
  "run", "run, docker", "create+start+delete", "create+start+delete, docker", "exec", "exec --process", "state", "kill",
];

function cell(times: readonly number[]): string {
  if (times.length === 0) return "";
  const digits = quantile(times, 0.5) < 1000 ? 1 : 0;
  const at = (part: number): string => quantile(times, part).toFixed(digits);
  return times.length === 1 ? at(0.5) : `${at(0.5)} (${at(0.1)} to ${at(0.9)})`;
}

function markdown(samples: Samples, subjects: readonly Subject[], heading: string): string {
  const names = subjects.map((each) => each.name);
  const others = names.filter((name) => name !== "runt" && name !== "floor");
  const lines = samples.names().map((name) => {
    const ours = quantile(samples.of(name, "runt"), 0.5);
    const ratios = others.map((other) => {
      const theirs = quantile(samples.of(name, other), 0.5);
      return Number.isNaN(theirs) || Number.isNaN(ours) ? "" : (ours / theirs).toFixed(2);
    });
    return `| ${[name, ...names.map((subject) => cell(samples.of(name, subject))), ...ratios].join(" | ")} |`;
  });
  const head = ["", ...names, ...others.map((other) => `runt / ${other}`)];
  return `# What the benchmark has measured

Made by \`npm run bench -- whole\`. Do not change it by hand.

${heading}. Medians in milliseconds, with the 10th and 90th percentile; all runtimes in turn, in an order that changes
from round to round. The last columns have the ratios of the medians.

${subjects.map(({ name, version }) => `- ${name}: ${version}`).join("\n")}

![The same as bars](${PICTURE})

| ${head.join(" | ")} |
|${head.map(() => "---").join("|")}|
${lines.join("\n")}

The bundles: ${Object.entries(BUNDLES).map(([name, text]) => `**${name}**: ${text}`).join("; ")}.
`;
}

async function picture(samples: Samples, subjects: readonly Subject[]): Promise<string> {
  const names = subjects.map((each) => each.name);
  const values = SHOWN.flatMap((name) =>
    names.flatMap((runtime) => {
      const times = samples.of(name, runtime);
      return times.length === 0 ? [] : [{ name, runtime, milliseconds: quantile(times, 0.5), low: quantile(times, 0.1), high: quantile(times, 0.9) }];
    }),
  );
  const bars = { y: { field: "runtime", type: "nominal", sort: names, title: null }, x: { field: "milliseconds", type: "quantitative", title: "milliseconds (median; line: 10th to 90th percentile)" } } as const;
  const spec: TopLevelSpec = {
    data: { values },
    facet: { row: { field: "name", type: "nominal", sort: SHOWN, title: null, header: { labelAngle: 0, labelAlign: "left" } } },
    spec: {
      width: 480,
      layer: [
        { mark: "bar", encoding: { ...bars, color: { field: "runtime", type: "nominal", sort: names, legend: null } } },
        { mark: "rule", encoding: { y: bars.y, x: { field: "low", type: "quantitative" }, x2: { field: "high" } } },
      ],
    },
    background: "white",
  };
  return new vega.View(vega.parse(compile(spec).spec), { renderer: "none" }).toSVG();
}

/** Writes both beside the benchmark. */
export async function writeResults(samples: Samples, subjects: readonly Subject[], heading: string): Promise<void> {
  writeFileSync(join(FOLDER, "RESULTS.md"), markdown(samples, subjects, heading));
  writeFileSync(join(FOLDER, PICTURE), `${await picture(samples, subjects)}\n`);
}
