import { RuntimeError } from "../../errors.ts";
import type { RuntimeContext } from "../../runtime/options.ts";
import { type End, wait as waitFor } from "../../runtime/operations/wait.ts";
import { type CommandResult, printed } from "../result.ts";
import { signalName } from "../../kernel/signals.ts";

/**
 * `runt wait`: waits for the end of a container, and prints how it has ended.
 *
 * @param format `text` or `json`
 * @throws RuntimeError `USAGE` for an unknown format, and those of the runtime's `wait`
 */
export async function wait(context: RuntimeContext, id: string, format: string): Promise<CommandResult> {
  if (format !== "text" && format !== "json") {
    throw new RuntimeError("USAGE", `invalid format option: ${format}: it is text or json`);
  }
  const end = await waitFor(context, id);
  return printed(format === "json" ? `${JSON.stringify(end)}\n` : endText(end));
}

/** One line for a person. Pure. */
export function endText({ exitCode, signal, oomKilled }: End): string {
  if (signal === undefined) return `exit status ${exitCode}\n`;
  const why = oomKilled ? ", by the OOM killer: the container had no memory left" : "";
  return `killed by signal ${signal} (${signalName(signal)})${why}\n`;
}
