/**
 * The commands that work on a container that is there: small, and called several times for each container, so they
 * are loaded with the program.
 */
export { remove } from "../commands/delete.ts";
export { kill } from "../commands/kill.ts";
export { start } from "../commands/start.ts";
export { state } from "../commands/state.ts";
