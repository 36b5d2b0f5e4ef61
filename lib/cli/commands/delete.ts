import { remove as removeContainer } from "../../runtime/operations/delete.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { type CommandResult, SILENT } from "../result.ts";

/** Options of {@link remove}. */
export interface DeleteOptions {
  /** Kill the container first; a container that does not exist is no error. */
  readonly force: boolean;
}

/** `runt delete`: nothing of the container is left. */
export async function remove(
  context: RuntimeContext,
  id: string,
  options: DeleteOptions,
): Promise<CommandResult> {
  await removeContainer(context, id, options);
  return SILENT;
}
