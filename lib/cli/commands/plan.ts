import type { RuntimeContext } from "../../runtime/options.ts";
import { planBundle, type BundlePaths } from "../../runtime/operations/plan_bundle.ts";
import { explained } from "../output/explain_bundle.ts";
import { formatPlan, formatPlanJson } from "../output/plan_format.ts";
import { type CommandResult, printed } from "../result.ts";

/** Options of {@link plan}. */
export interface PlanOptions extends BundlePaths {
  readonly format: "text" | "json";
}

/** `runt plan`: what `init` would do, step by step; nothing is done. */
export async function plan(context: RuntimeContext, options: PlanOptions): Promise<CommandResult> {
  const steps = await explained(options, () => planBundle(context, options));
  return printed(options.format === "json" ? formatPlanJson(steps) : formatPlan(steps));
}
