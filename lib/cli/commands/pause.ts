import { pause as pauseContainer, resume as resumeContainer } from "../../runtime/operations/pause.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { type CommandResult, SILENT } from "../result.ts";

/** `runt pause`: stops all processes of a container where they are. */
export async function pause(context: RuntimeContext, id: string): Promise<CommandResult> {
  pauseContainer(context, id);
  return SILENT;
}

/** `runt resume`: lets them go on. */
export async function resume(context: RuntimeContext, id: string): Promise<CommandResult> {
  resumeContainer(context, id);
  return SILENT;
}
