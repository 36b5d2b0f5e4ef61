// SPDX-License-Identifier: Apache-2.0
import { PR_CAPBSET_READ } from "../../kernel/numbers.ts";
import { capabilityNames } from "../../spec/capabilities.ts";
import type { Process } from "../../spec/types.ts";
import { native } from "../../sys/native.ts";
import type { RuntimeContext } from "../options.ts";

const NONE: readonly string[] = [];

/**
 * Capabilities that this runtime lacks, or the kernel does not let a process have because another set lacks them,
 * cannot be granted; the spec wants a warning for them since 1.1.
 * @param unknown warns also of names that no kernel knows; for a config.json its validation warns of them
 */
export function warnOfCapabilities(context: RuntimeContext, process: Process | undefined, unknown = false): void {
  const sets = process?.capabilities;
  if (sets === undefined) return;
  const { ambient = NONE, bounding = NONE, effective = NONE, inheritable = NONE, permitted = NONE } = sets;
  const lost = ambient.filter((name) => !inheritable.includes(name) || !permitted.includes(name));
  if (lost.length > 0) {
    const word = lost.length === 1 ? "capability" : "capabilities";
    const reason = "not in both of process.capabilities.permitted and inheritable";
    // One line for all: one line each would bury an error that may follow.
    const text = `can't raise ambient ${word} ${lost.join(", ")}: ${reason}`;
    // buildah, podman build and `runc spec` of 1.1 always write this; no output but the program's may appear then.
    if (inheritable.length === 0) context.log.debug(text);
    else context.log.warn(text);
  }
  for (const name of missing(effective, permitted)) {
    context.log.warn(`process.capabilities.effective: ${name} cannot be granted: it is not in permitted`);
  }
  for (const name of missing(inheritable, bounding)) {
    context.log.warn(`process.capabilities.inheritable: ${name} cannot be granted: it is not in bounding`);
  }
  warnOfLacking(context, permitted, unknown);
  warnOfLacking(context, missing(bounding, permitted), unknown);
}

/** The names in `list` that are not in `other`. Callers mostly give several sets the same names in the same order. */
function missing(list: readonly string[], other: readonly string[]): readonly string[] {
  let found = NONE;
  for (let index = 0; index < list.length; index++) {
    const name = list[index];
    if (name === undefined || name === other[index] || other.includes(name)) continue;
    found = [...found, name];
  }
  return found;
}

function warnOfLacking(context: RuntimeContext, wanted: readonly string[], unknown: boolean): void {
  if (wanted.length === 0) return;
  const names = capabilityNames();
  for (const name of wanted) {
    const number = names.indexOf(name);
    if (number < 0 && unknown) {
      context.log.warn(`process.capabilities: ${JSON.stringify(name)} is not a known capability; ignored`);
    }
    if (number < 0 || native.prctl(PR_CAPBSET_READ, number) !== 0) continue;
    context.log.warn(`process.capabilities: ${name} cannot be granted: this runtime does not have it`);
  }
}
