import { exec as execInContainer } from "../../runtime/operations/exec.ts";
import type { ExecOptions, RuntimeContext } from "../../runtime/options.ts";
import { Signals } from "../../sys/signals.ts";
import type { CommandResult } from "../result.ts";

/** `runt exec`: one more process in a container. The exit status is the process's. */
export async function exec(context: RuntimeContext, options: ExecOptions): Promise<CommandResult> {
  // In the foreground more of them are caught.
  if (options.detach === true) Signals.catch();
  return { output: "", exitCode: await execInContainer(context, options) };
}
