// SPDX-License-Identifier: Apache-2.0
import { features } from "../../../runtime/operations/features.ts";
import { defineCommand } from "../../command.ts";
import { jsonText } from "../../output/json_text.ts";
import { printed } from "../../result.ts";
import { NO_ARGUMENTS } from "../../shared_options.ts";

export const FEATURES = defineCommand({
  name: "features",
  summary: "show what the runtime can do, as JSON",
  ...NO_ARGUMENTS,
  options: [],
  description: `Prints the features of this runt, of the libseccomp that it was built with, and (for the flags
of seccomp filters) of this kernel, in the form of features.md of the OCI runtime specification.
Engines read it.`,
  examples: ["$ runt features"],
  run() {
    return printed(`${jsonText(features(), 4)}\n`);
  },
});
