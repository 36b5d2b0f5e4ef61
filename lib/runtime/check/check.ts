// SPDX-License-Identifier: Apache-2.0
/** The findings of `runt check` before a container is made: faults of config.json and of this host. */
import { asRuntimeError, type Problem, type RuntimeError } from "../../errors.ts";
import { inspectConfig, placeFindings, warningFindings } from "../../spec/documents/config.ts";
import type { Finding } from "../../spec/schema/messages.ts";
import { collect, type Report, type WithoutWrongValues, takeOut } from "../../spec/schema/without_wrong_values.ts";
import type { Config } from "../../spec/types.ts";
import { unknownProperties } from "../../spec/rules/unknown_properties.ts";
import { findRootfs, readConfig } from "../bundle.ts";
import { managerFindings } from "./cgroups.ts";
import { ignoredFindings, kernelFindings } from "./kernel.ts";
import { mountFindings } from "./mounts.ts";
import { namespaceFindings } from "./namespaces.ts";
import { processFindings } from "./process.ts";
import { rightsFindings } from "./rights.ts";
import { seccompFindings } from "./seccomp.ts";
import { howToMakeBundle, whatIsThere, whatItDescribes } from "./not_a_bundle.ts";
import type { RuntimeContext } from "../options.ts";

/** One thing that a person should know about a bundle on this host. */
export interface HostProblem extends Problem {
  /**
   * `config`: the file is wrong; `host`: this host cannot do it;
   * `warning`: the container can be made, but perhaps not as intended.
   */
  readonly kind: "config" | "host" | "warning";
}

/**
 * Checks a bundle as `create` would, and makes nothing. Where values of the file are wrong, the others are compared
 * with the host all the same.
 *
 * @param bundle path of the bundle's directory
 * @param context with the cgroup manager to be used; default: cgroupfs
 * @param configFile a file to read in the place of the bundle's config.json
 */
export function checkBundle(bundle: string, context?: RuntimeContext, configFile?: string): readonly HostProblem[] {
  let text: string;
  try {
    ({ text } = readConfig(bundle, configFile));
  } catch (error) {
    return [noConfig(bundle, asRuntimeError(error), configFile)];
  }
  const image = whatItDescribes(text);
  if (image !== undefined) return [{ kind: "config", pointer: "", line: 0, column: 0, message: image }];
  const { config, problems, wrong } = inspectConfig(text);
  takeOut(config, wrong);
  const list = (kind: HostProblem["kind"], findings: readonly Finding[]): HostProblem[] =>
    placeFindings(text, findings).map((problem) => ({ kind, ...problem }));
  const seccomp = seccompFindings(config, wrong);
  const seccompList = (kind: "config" | "host"): HostProblem[] =>
    list(
      kind,
      seccomp.filter((finding) => finding.kind === kind).map(({ pointer, message }) => ({ pointer, message })),
    );
  return [
    ...problems.map((problem): HostProblem => ({ kind: "config", ...problem })),
    ...seccompList("config"),
    ...list(
      "host",
      collect(wrong, (report) => hostFindings(bundle, config, report)),
    ),
    ...seccompList("host"),
    ...list("host", context === undefined || problems.length > 0 ? [] : managerProblems(context, config as Config)),
    ...list("warning", warningFindings(config, wrong)),
    ...list(
      "warning",
      collect(wrong, (report) => {
        ignoredFindings(config, report);
        unknownProperties(config, report);
        processFindings(rootfsOf(bundle, config), config, report);
        rightsFindings(config, report);
      }),
    ),
  ];
}

function noConfig(bundle: string, { facts, message }: RuntimeError, configFile: string | undefined): HostProblem {
  const more = configFile === undefined && facts.brief !== undefined ? [whatIsThere(bundle), howToMakeBundle()] : [];
  const sentences = [message, ...more].filter((sentence) => sentence !== undefined);
  return { kind: "config", pointer: facts.pointer ?? "", line: 0, column: 0, message: sentences.join("; ") };
}

/** The path of the root file system, where nothing is wrong with it. */
function rootfsOf(bundle: string, config: WithoutWrongValues<Config>): string | undefined {
  try {
    return findRootfs(bundle, config);
  } catch {
    return undefined;
  }
}

function managerProblems(context: RuntimeContext, config: Config): readonly Finding[] {
  const findings: Finding[] = [];
  managerFindings(context, config, (pointer, message) => findings.push({ pointer, message }));
  return findings;
}

function hostFindings(bundle: string, config: WithoutWrongValues<Config>, report: Report): void {
  try {
    findRootfs(bundle, config);
  } catch (error) {
    const { facts, message } = asRuntimeError(error);
    report(facts.pointer ?? "/root/path", message);
  }
  namespaceFindings(config, report);
  mountFindings(bundle, config, report);
  kernelFindings(config, report);
}
