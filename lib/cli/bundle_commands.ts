/**
 * The commands that read a bundle, and those that are rare: one import for all of them, because each chunk of the
 * executable costs about 0.07 ms when it is loaded, and what these commands share would be a dozen chunks.
 */
export { check } from "../commands/check.ts";
export { create } from "../commands/create.ts";
export { events } from "../commands/events.ts";
export { exec } from "../commands/exec.ts";
export { features } from "../commands/features.ts";
export { parseDuration } from "./duration.ts";
export { execOptions } from "./exec_options.ts";
export { list } from "../commands/list.ts";
export { pause, resume } from "../commands/pause.ts";
export { plan } from "../commands/plan.ts";
export { ps } from "../commands/ps.ts";
export { run } from "../commands/run.ts";
export { spec } from "../commands/spec.ts";
export { update } from "../commands/update.ts";
export { wait } from "../commands/wait.ts";
export { updateLimits } from "./update_options.ts";
