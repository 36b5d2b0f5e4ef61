import type { RuntimeContext } from "../../runtime/options.ts";
import { state as stateOf } from "../../runtime/operations/state.ts";
import { formatState } from "../output/report_format.ts";
import { type CommandResult, printed } from "../result.ts";

/** `runt state`: the state as JSON. */
export function state(context: RuntimeContext, id: string): CommandResult {
  return printed(formatState(stateOf(context, id)));
}
