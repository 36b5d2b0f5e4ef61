// SPDX-License-Identifier: Apache-2.0
import { start } from "../../../runtime/operations/start.ts";
import { Signals } from "../../../sys/signals.ts";
import { defineCommand } from "../../command.ts";
import { SILENT } from "../../result.ts";
import { ONE_ID } from "../../shared_options.ts";

export const START = defineCommand({
  name: "start",
  summary: "run the process of a created container",
  ...ONE_ID,
  argumentHint: { status: "created" },
  options: [],
  description: "Lets the process of a created container run.",
  examples: ["# runt start web"],
  seeAlso: ["runt-create(8)"],
  async run(context, _flags, [id]) {
    Signals.catch();
    await start(context, id);
    return SILENT;
  },
});
