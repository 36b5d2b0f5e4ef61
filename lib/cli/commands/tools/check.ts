// SPDX-License-Identifier: Apache-2.0
import type { RuntimeContext } from "../../../runtime/options.ts";
import { checkBundle, type HostProblem } from "../../../runtime/check/check.ts";
import { problemLine } from "../../../spec/documents/config.ts";
import { bundlePaths } from "../../bundle_paths.ts";
import { defineCommand } from "../../command.ts";
import { BUNDLE, CONFIG, FORMAT_TEXT, NO_ARGUMENTS } from "../../shared_options.ts";

export const CHECK = defineCommand({
  name: "check",
  summary: "check a bundle, and whether this host can run it",
  ...NO_ARGUMENTS,
  options: [BUNDLE, CONFIG, FORMAT_TEXT],
  description: `Reads config.json of the bundle and tells every problem at once: what breaks the OCI
runtime specification, what this version of runt cannot do yet, and what this host lacks (a
root file system, a kind of namespace, a cgroup controller, a file system). Nothing is
changed. The exit status is 0 without problems and 1 with some.

Warnings are no problems: a program that is not in the root file system, a property that the
specification does not know (with the one that was meant, perhaps), no terminal, ids and devices
that this user may not have, and what is ignored.`,
  examples: ["# runt check --bundle /bundles/web --format json"],
  exitStatus: "0 where the bundle has no problem and this host can run it, 1 where there is a problem.",
  seeAlso: ["runt-plan(8)", "runt-spec(8)"],
  run(context, flags) {
    const report = check({ ...bundlePaths(flags), format: flags.format ?? "text", context });
    return { output: report.text, exitCode: report.exitCode };
  },
});

/** Options of `check`. */
export interface CheckOptions {
  /** Path of the bundle's directory. */
  readonly bundle: string;
  /** A file to read instead of its config.json. */
  readonly configFile?: string;
  readonly format: "text" | "json";
  /** With the cgroup manager to be used. Default: cgroupfs. */
  readonly context?: RuntimeContext;
}

/** The findings of `check`. */
export interface CheckReport {
  readonly problems: readonly HostProblem[];
  /** For stdout: one line for each finding, or a JSON array; ends in a newline. */
  readonly text: string;
  /** 1 if a problem keeps the container from being made; warnings do not count. */
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
