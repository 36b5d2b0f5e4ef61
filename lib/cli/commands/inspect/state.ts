// SPDX-License-Identifier: Apache-2.0
import { state } from "../../../runtime/operations/state.ts";
import { defineCommand } from "../../command.ts";
import { formatState } from "../../output/report_format.ts";
import { printed } from "../../result.ts";
import { ONE_ID } from "../../shared_options.ts";

export const STATE = defineCommand({
  name: "state",
  summary: "print the state of a container",
  ...ONE_ID,
  options: [],
  description: `Prints the state of the container as JSON: ociVersion, id, pid, status (creating, created,
running, paused or stopped), bundle, rootfs, created, annotations.`,
  examples: ["# runt state web"],
  seeAlso: ["runt-list(8)"],
  run(context, _flags, [id]) {
    return printed(formatState(state(context, id)));
  },
});
