import { checkpoint as checkpointContainer, type CheckpointOptions } from "../../runtime/criu/checkpoint.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { restore as restoreContainer, type RestoreOptions } from "../../runtime/criu/restore.ts";
import { Signals } from "../../sys/signals.ts";
import { type CommandResult, SILENT } from "../result.ts";

/** `runt checkpoint`: a running container becomes files. */
export async function checkpoint(context: RuntimeContext, options: CheckpointOptions): Promise<CommandResult> {
  Signals.catch();
  await checkpointContainer(context, options);
  return SILENT;
}

/** `runt restore`: and they a container again; without `detach` the exit status is that of its process. */
export async function restore(context: RuntimeContext, options: RestoreOptions): Promise<CommandResult> {
  // In the foreground more of them are caught.
  if (options.detach === true) Signals.catch();
  return { output: "", exitCode: await restoreContainer(context, options) };
}
