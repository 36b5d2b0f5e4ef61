import type { RuntimeContext } from "../../runtime/options.ts";
import { start as startContainer } from "../../runtime/operations/start.ts";
import { Signals } from "../../sys/signals.ts";
import { type CommandResult, SILENT } from "../result.ts";

/** `runt start`: the process of a created container runs. */
export async function start(context: RuntimeContext, id: string): Promise<CommandResult> {
  Signals.catch();
  await startContainer(context, id);
  return SILENT;
}
