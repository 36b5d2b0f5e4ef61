import { create as createContainer } from "../../runtime/operations/create.ts";
import type { CreateOptions, RuntimeContext } from "../../runtime/options.ts";
import { Signals } from "../../sys/signals.ts";
import { explained } from "../output/explain_bundle.ts";
import { type CommandResult, SILENT } from "../result.ts";

/** `runt create`: a container whose process waits for `start`. */
export async function create(
  context: RuntimeContext,
  options: CreateOptions,
): Promise<CommandResult> {
  Signals.catch();
  await explained(options, () => createContainer(context, options));
  return SILENT;
}
