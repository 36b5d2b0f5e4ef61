import { checkBundle, type HostProblem } from "../../runtime/check/check.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { problemLine } from "../../spec/documents/config.ts";

/** Options of `check`. */
export interface CheckOptions {
  /** Path of the bundle's directory. */
  readonly bundle: string;
  /** A file to read in the place of its config.json. */
  readonly configFile?: string;
  readonly format: "text" | "json";
  /** With the cgroup manager to be used. Default: cgroupfs. */
  readonly context?: RuntimeContext;
}

/** What `check` found. */
export interface CheckReport {
  readonly problems: readonly HostProblem[];
  /** For stdout: a line each, or a JSON array; ends in a newline. */
  readonly text: string;
  /** 1 where something keeps the container from being made; warnings do not. */
  readonly exitCode: 0 | 1;
}

const INTRODUCTIONS = {
  config: "",
  host: "not possible on this host: ",
  warning: "warning: ",
} as const satisfies Record<HostProblem["kind"], string>;

/** Says, without making anything, whether a bundle can become a container here. */
export function check({ bundle, configFile = `${bundle}/config.json`, format, context }: CheckOptions): CheckReport {
  const problems = checkBundle(bundle, context, configFile === `${bundle}/config.json` ? undefined : configFile);
  const file = configFile.slice(configFile.lastIndexOf("/") + 1);
  const exitCode = problems.some(({ kind }) => kind !== "warning") ? 1 : 0;
  if (format === "json") return { problems, text: `${JSON.stringify(problems, null, 2)}\n`, exitCode };
  const lines = problems.map((problem) => {
    return problemLine(file, { ...problem, message: INTRODUCTIONS[problem.kind] + problem.message });
  });
  return { problems, text: `${lines.length === 0 ? "no problems" : lines.join("\n")}\n`, exitCode };
}
