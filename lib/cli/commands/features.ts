import { features as runtimeFeatures } from "../../runtime/operations/features.ts";
import { jsonText } from "../output/json_text.ts";
import { type CommandResult, printed } from "../result.ts";

/** `runt features`: what the runtime can do, as JSON. */
export function features(): CommandResult {
  return printed(`${jsonText(runtimeFeatures(), 4)}\n`);
}
