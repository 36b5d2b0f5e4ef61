// SPDX-License-Identifier: Apache-2.0
import { resume } from "../../../runtime/operations/pause.ts";
import { defineCommand } from "../../command.ts";
import { SILENT } from "../../result.ts";
import { ONE_ID } from "../../shared_options.ts";

export const RESUME = defineCommand({
  name: "resume",
  summary: "let the processes of a paused container go on",
  ...ONE_ID,
  argumentHint: { status: "paused" },
  options: [],
  description: "Lets the processes of a paused container go on.",
  examples: ["# runt resume web"],
  seeAlso: ["runt-pause(8)"],
  run(context, _flags, [id]) {
    resume(context, id);
    return SILENT;
  },
});
