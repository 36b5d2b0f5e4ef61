import { capabilityNames } from "../spec/capabilities.ts";
import type { Process } from "../spec/types.ts";
import { native } from "../sys/native.ts";
import type { RuntimeContext } from "./options.ts";

const PR_CAPBSET_READ = 23;

/**
 * Capabilities that this runtime lacks cannot be granted; the spec wants a warning for each since 1.1.
 * @param unknown of names that no kernel knows, too; for a config.json its validation warns of them
 */
export function warnOfCapabilities(context: RuntimeContext, process: Process | undefined, unknown = false): void {
  const { permitted: wanted, ambient = [], inheritable = [] } = process?.capabilities ?? {};
  for (const name of ambient) {
    if (inheritable.includes(name) && wanted?.includes(name) === true) continue;
    const reason = "it is not in both of process.capabilities.permitted and inheritable";
    context.log.warn(`can't raise ambient capability ${name}: ${reason}`);
  }
  if (wanted === undefined || wanted.length === 0) return;
  const names = capabilityNames();
  for (const name of wanted) {
    const number = names.indexOf(name);
    if (number < 0 && unknown) {
      context.log.warn(`process.capabilities: ${JSON.stringify(name)} is no capability that is known; ignored`);
    }
    if (number < 0 || native.prctl(PR_CAPBSET_READ, number) !== 0) continue;
    context.log.warn(`process.capabilities: ${name} cannot be granted: this runtime does not have it`);
  }
}
