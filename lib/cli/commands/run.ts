import type { RunOptions, RuntimeContext } from "../../runtime/options.ts";
import { run as runContainer } from "../../runtime/operations/run.ts";
import { Signals } from "../../sys/signals.ts";
import { explained } from "../output/explain_bundle.ts";
import type { CommandResult } from "../result.ts";

/** `runt run`: create and start; without `detach` the exit status is that of the container's process. */
export async function run(context: RuntimeContext, options: RunOptions): Promise<CommandResult> {
  // In the foreground more of them are caught.
  if (options.detach === true) Signals.catch();
  return { output: "", exitCode: await explained(options, () => runContainer(context, options)) };
}
