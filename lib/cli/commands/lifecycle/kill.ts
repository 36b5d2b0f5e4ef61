// SPDX-License-Identifier: Apache-2.0
import { parseSignal } from "../../../kernel/signals.ts";
import { kill } from "../../../runtime/operations/kill.ts";
import { defineCommand } from "../../command.ts";
import { forEachMatching } from "../../matching.ts";
import { SILENT } from "../../result.ts";
import { REGEX } from "../../shared_options.ts";

export const KILL = defineCommand({
  name: "kill",
  summary: "send a signal (default: SIGTERM) to the container's first process",
  arguments: "<container-id> [signal]",
  min: 1,
  max: 2,
  takesId: true,
  // A signal may look like an option.
  stopAfter: 1,
  argumentHint: { words: ["HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "CONT", "STOP", "WINCH"] },
  options: [
    { name: "all", alias: "a", type: "boolean", hidden: true, help: "a container that does not run is not an error" },
    REGEX,
  ],
  description: `Sends a signal to the container's first process. The signal is a number, or a name with
or without SIG; the default is SIGTERM.

With --regex the id is an extended regular expression, and every container whose id it fits gets
the signal. A container that does not run is a warning.`,
  examples: ["# runt kill web KILL"],
  seeAlso: ["signal(7)"],
  async run(context, { all = false, regex }, [id, name]) {
    // An empty signal is the default too, as in runc.
    const signal = parseSignal(name || "SIGTERM");
    if (regex === true) await forEachMatching(context, id, (each) => kill(context, each, signal, { all }));
    else await kill(context, id, signal, { all });
    return SILENT;
  },
});
