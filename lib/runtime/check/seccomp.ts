// SPDX-License-Identifier: Apache-2.0
import { asRuntimeError } from "../../errors.ts";
import { silentLog } from "../../log.ts";
import { compileProfile } from "../../seccomp/compile.ts";
import { filterFlags } from "../../seccomp/filter.ts";
import { SECCOMP_FAIL_UNKNOWN } from "../../spec/annotations.ts";
import type { Finding } from "../../spec/schema/messages.ts";
import type { WithoutWrongValues } from "../../spec/schema/without_wrong_values.ts";
import type { Config, LinuxSeccomp } from "../../spec/types.ts";

/** A fault of a profile, and whether the file or this host is to blame. */
export interface SeccompFinding extends Finding {
  readonly kind: "config" | "host";
}

/**
 * The faults of `linux.seccomp` that only libseccomp and the kernel find: the profile is compiled, as `create` does it. None
 * if the profile has values that are known to be wrong.
 *
 * @param wrong JSON Pointers of values that are wrong
 */
export function seccompFindings(config: WithoutWrongValues<Config>, wrong: readonly string[]): readonly SeccompFinding[] {
  const seccomp = config.linux?.seccomp;
  if (seccomp?.defaultAction === undefined) return [];
  if (wrong.some((pointer) => pointer.startsWith("/linux/seccomp"))) return [];
  const found: SeccompFinding[] = [];
  // Nothing in the profile is wrong, so it is complete.
  const profile = seccomp as LinuxSeccomp;
  const failUnknown = config.annotations?.[SECCOMP_FAIL_UNKNOWN] !== undefined;
  for (const attempt of [() => filterFlags(profile), () => compileProfile(profile, silentLog, { failUnknown })]) {
    try {
      attempt();
    } catch (error) {
      const { code, facts, message } = asRuntimeError(error);
      const kind = code === "CONFIG_INVALID" ? "config" : "host";
      found.push({ kind, pointer: facts.pointer ?? "/linux/seccomp", message });
    }
  }
  return found;
}
