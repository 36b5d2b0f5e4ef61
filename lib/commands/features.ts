import { features as runtimeFeatures } from "../runtime/features.ts";
import { jsonText } from "./json_text.ts";
import { type CommandResult, printed } from "./result.ts";

/** `runt features`: what the runtime can do, as JSON. */
export async function features(): Promise<CommandResult> {
  return printed(`${jsonText(runtimeFeatures(), 4)}\n`);
}
