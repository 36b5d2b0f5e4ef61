/** What `runt check` finds before a container is made: faults of config.json, of runt, and of this host. */
import { asRuntimeError, type Problem } from "../errors.ts";
import { placeFindings, warningFindings } from "../spec/config.ts";
import type { Finding } from "../spec/schema_messages.ts";
import type { Config } from "../spec/types.ts";
import { unsupported } from "../spec/unsupported.ts";
import { findRootfs, loadConfig } from "./bundle.ts";
import { kernelFindings } from "./host_check_kernel.ts";
import { mountFindings } from "./host_check_mounts.ts";
import { namespaceFindings } from "./host_check_namespaces.ts";

/** One thing that a person should know about a bundle on this host. */
export interface HostProblem extends Problem {
  /**
   * `config`: the file is wrong; `unsupported`: this release of runt cannot do it; `host`: this host cannot;
   * `warning`: the container can be made, but perhaps not as was meant.
   */
  readonly kind: "config" | "unsupported" | "host" | "warning";
}

/** Takes a finding: JSON Pointer, and what is wrong. */
export type HostReport = (pointer: string, message: string) => void;

/**
 * Looks at a bundle as `create` would, and makes nothing. Faults of the file come alone: what cannot be read
 * cannot be compared with the host.
 *
 * @param bundle path of the bundle's directory
 */
export function checkBundle(bundle: string): readonly HostProblem[] {
  let text: string;
  let config: Config;
  try {
    ({ text, config } = loadConfig(bundle));
  } catch (error) {
    const { facts, message } = asRuntimeError(error);
    const problems = facts.problems ?? [{ pointer: "", line: 0, column: 0, message }];
    return problems.map((problem) => ({ kind: "config", ...problem }));
  }
  const list = (kind: HostProblem["kind"], findings: readonly Finding[]): HostProblem[] =>
    placeFindings(text, findings).map((problem) => ({ kind, ...problem }));
  return [
    ...list(
      "unsupported",
      unsupported(config).map(({ pointer, what }) => ({ pointer, message: what })),
    ),
    ...list("host", hostFindings(bundle, config)),
    ...list("warning", warningFindings(config)),
  ];
}

function hostFindings(bundle: string, config: Config): readonly Finding[] {
  const found: Finding[] = [];
  const report: HostReport = (pointer, message) => void found.push({ pointer, message });
  try {
    findRootfs(bundle, config);
  } catch (error) {
    const { facts, message } = asRuntimeError(error);
    report(facts.pointer ?? "/root/path", message);
  }
  namespaceFindings(config, report);
  mountFindings(bundle, config, report);
  kernelFindings(config, report);
  return found;
}
