/** The commands that need CRIU: seldom called, so no other command loads them. */
export { checkpoint, restore } from "../commands/checkpoint.ts";
export { checkpointOptions, restoreOptions } from "./criu_options.ts";
