import { kill as killContainer } from "../../runtime/operations/kill.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { type CommandResult, SILENT } from "../result.ts";
import { parseSignal } from "../../kernel/signals.ts";

/** Options of {@link kill}. */
export interface KillOptions {
  /** Name, with or without `SIG`, or number. */
  readonly signal: string;
  /** A container that does not run is not an error. */
  readonly all: boolean;
}

/**
 * `runt kill`: a signal for the container's first process.
 *
 * @throws RuntimeError `USAGE` where there is no such signal
 */
export async function kill(
  context: RuntimeContext,
  id: string,
  options: KillOptions,
): Promise<CommandResult> {
  await killContainer(context, id, parseSignal(options.signal), { all: options.all });
  return SILENT;
}
