// SPDX-License-Identifier: Apache-2.0
import { pause } from "../../../runtime/operations/pause.ts";
import { defineCommand } from "../../command.ts";
import { SILENT } from "../../result.ts";
import { ONE_ID } from "../../shared_options.ts";

export const PAUSE = defineCommand({
  name: "pause",
  summary: "suspend all processes of the container",
  ...ONE_ID,
  argumentHint: { status: "running" },
  options: [],
  description: `Stops every process of the container where it is, through the freezer of its cgroup. The
container's status is "paused" until "runt resume".`,
  examples: ["# runt pause web"],
  seeAlso: ["runt-resume(8)"],
  run(context, _flags, [id]) {
    pause(context, id);
    return SILENT;
  },
});
