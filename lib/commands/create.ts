import { create as createContainer } from "../runtime/create.ts";
import type { CreateOptions, RuntimeContext } from "../runtime/options.ts";
import { type CommandResult, SILENT } from "./result.ts";

/** `runt create`: a container whose process waits for `start`. */
export async function create(
  context: RuntimeContext,
  options: CreateOptions,
): Promise<CommandResult> {
  await createContainer(context, options);
  return SILENT;
}
