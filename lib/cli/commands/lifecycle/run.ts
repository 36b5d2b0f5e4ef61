// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../../errors.ts";
import { run } from "../../../runtime/operations/run.ts";
import { Signals } from "../../../sys/signals.ts";
import { defineCommand } from "../../command.ts";
import { explained } from "../../output/explain_bundle.ts";
import { currentDirectory } from "../../paths.ts";
import { DETACH, NO_SUBREAPER, ONE_ID } from "../../shared_options.ts";
import { CREATE_OPTIONS, createOptions } from "./create.ts";

export const RUN = defineCommand({
  name: "run",
  summary: "create and run a container",
  ...ONE_ID,
  prefixed: true,
  argumentHint: { newId: true },
  options: [
    ...CREATE_OPTIONS,
    { ...DETACH, help: "return as soon as the container's process runs" },
    { name: "keep", type: "boolean", help: "do not delete the container after it exits" },
    NO_SUBREAPER,
  ],
  description: `Makes a container of the bundle and runs its process. Without --detach runt stays, passes
signals on, and exits with the status of the process, or with 128 and the number of the signal
that ended it; then the container is deleted unless --keep is given. SIGTERM ends a process that
does not handle it by SIGKILL.

A terminal ("terminal": true) is that of runt's standard streams, or else its controlling one;
without any, or with --detach, it needs --console-socket.

With --detach and --keep-exit "runt wait" and "runt state" tell how the container has ended, until
it is deleted; see runt-create(8).`,
  examples: ["# runt run --bundle /bundles/web web"],
  exitStatus: `In the foreground that of the container's process, or 128 and the number of the signal that ended
it. With --detach 0 as soon as the process runs. 1 where runt itself has failed.`,
  seeAlso: ["runt-create(8)", "runt-exec(8)", "runt-delete(8)"],
  async run(context, flags, [id]) {
    const options = {
      ...createOptions(id, flags, currentDirectory()),
      detach: flags.detach ?? false,
      keep: flags.keep ?? false,
      noSubreaper: flags["no-subreaper"] ?? false,
    };
    if (options.keepExit === true && !options.detach) {
      throw new RuntimeError("USAGE", "--keep-exit goes with --detach: in the foreground runt itself waits for the end");
    }
    // In the foreground more signals are caught.
    if (options.detach) Signals.catch();
    return { output: "", exitCode: await explained(options, () => run(context, options)) };
  },
});
