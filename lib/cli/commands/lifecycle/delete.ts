// SPDX-License-Identifier: Apache-2.0
import { remove } from "../../../runtime/operations/delete.ts";
import { defineCommand } from "../../command.ts";
import { forEachMatching } from "../../matching.ts";
import { SILENT } from "../../result.ts";
import { ONE_ID, REGEX } from "../../shared_options.ts";

export const DELETE = defineCommand({
  name: "delete",
  summary: "delete any resources held by the container",
  ...ONE_ID,
  options: [{ name: "force", alias: "f", type: "boolean", help: "kill the container first if it still runs (SIGKILL)" }, REGEX],
  description: `Removes what the container holds: its cgroups and its state. The container must have
stopped, or not have been started. With --force it is killed first, and a container that does
not exist is not an error.

With --regex the id is an extended regular expression, and every container whose id it fits is
deleted. A container that cannot be deleted is a warning.`,
  examples: ["# runt delete web"],
  seeAlso: ["runt-kill(8)"],
  async run(context, { force = false, regex }, [id]) {
    if (regex === true) await forEachMatching(context, id, (each) => remove(context, each, { force }));
    else await remove(context, id, { force });
    return SILENT;
  },
});
