// SPDX-License-Identifier: Apache-2.0
import { signalName } from "../../../kernel/signals.ts";
import { type End, wait } from "../../../runtime/operations/wait.ts";
import { defineCommand } from "../../command.ts";
import { printed } from "../../result.ts";
import { FORMAT_TEXT, ONE_ID } from "../../shared_options.ts";

export const WAIT = defineCommand({
  name: "wait",
  summary: "wait until a container has ended, and print how",
  ...ONE_ID,
  options: [FORMAT_TEXT],
  description: `Waits until the container has ended, whoever has started it, and prints how: the exit
status of its first process, or the signal that ended it, and whether that was for want of
memory. With --format json it is an object with exitCode, signal and oomKilled. How a
container has ended that was reaped before the call is known to its parent alone; before Linux
6.15 that may also be so where it is reaped at once. One that was made with --keep-exit is
answered for at any time until it is deleted.`,
  examples: ["# runt wait web"],
  exitStatus: "0 however the container has ended; the output says how. 1 after an error.",
  seeAlso: ["runt-state(8)", "wait(2)"],
  async run(context, { format }, [id]) {
    const end = await wait(context, id);
    return printed(format === "json" ? `${JSON.stringify(end)}\n` : endText(end));
  },
});

/** One line for a person. Pure. */
export function endText({ exitCode, signal, oomKilled }: End): string {
  if (signal === undefined) return `exit status ${exitCode}\n`;
  const why = oomKilled ? ", by the OOM killer: the container had no memory left" : "";
  return `killed by signal ${signal} (${signalName(signal)})${why}\n`;
}
