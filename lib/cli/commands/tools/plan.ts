// SPDX-License-Identifier: Apache-2.0
import { planBundle } from "../../../runtime/operations/plan_bundle.ts";
import { bundlePaths } from "../../bundle_paths.ts";
import { defineCommand } from "../../command.ts";
import { explained } from "../../output/explain_bundle.ts";
import { formatPlan, formatPlanJson } from "../../output/plan_format.ts";
import { printed } from "../../result.ts";
import { BUNDLE, CONFIG, FORMAT_TEXT, NO_ARGUMENTS } from "../../shared_options.ts";

export const PLAN = defineCommand({
  name: "plan",
  summary: "print the steps that would make a container of a bundle",
  ...NO_ARGUMENTS,
  options: [BUNDLE, CONFIG, FORMAT_TEXT],
  description: `Prints the steps by which a container of this bundle would be made, in their order: the
operation, its values, and behind an arrow the place in config.json (a JSON Pointer) that asks
for it. Nothing is done, and no privileges are needed. In the JSON format integers above
2^53 are strings.`,
  examples: ["$ runt plan --bundle /bundles/web"],
  seeAlso: ["runt-check(8)"],
  async run(context, flags) {
    const paths = bundlePaths(flags);
    const steps = await explained(paths, () => planBundle(context, paths));
    return printed(flags.format === "json" ? formatPlanJson(steps) : formatPlan(steps));
  },
});
