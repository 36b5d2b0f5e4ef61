import { pause as pauseContainer, resume as resumeContainer } from "../../runtime/operations/pause.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { type CommandResult, SILENT } from "../result.ts";

/** `runt pause`: stops all processes of a container where they are. */
export function pause(context: RuntimeContext, id: string): CommandResult {
  pauseContainer(context, id);
  return SILENT;
}

/** `runt resume`: lets them go on. */
export function resume(context: RuntimeContext, id: string): CommandResult {
  resumeContainer(context, id);
  return SILENT;
}
