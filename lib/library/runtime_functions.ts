// SPDX-License-Identifier: Apache-2.0
/** The functions of the runtime that functions.ts calls. */
export { create } from "../runtime/operations/create.ts";
export { run } from "../runtime/operations/run.ts";
export { start } from "../runtime/operations/start.ts";
export { exec } from "../runtime/operations/exec.ts";
export { kill } from "../runtime/operations/kill.ts";
export { remove } from "../runtime/operations/delete.ts";
export { wait } from "../runtime/operations/wait.ts";
export { events } from "../runtime/operations/events.ts";
export { pause, resume } from "../runtime/operations/pause.ts";
export { update } from "../runtime/operations/update.ts";
export { state } from "../runtime/operations/state.ts";
export { list } from "../runtime/operations/list.ts";
export { stats } from "../runtime/operations/stats.ts";
export { processes } from "../runtime/operations/processes.ts";
export { planBundle } from "../runtime/operations/plan_bundle.ts";
export { newConfig } from "../runtime/operations/new_config.ts";
export { checkpoint } from "../runtime/criu/checkpoint.ts";
export { restore } from "../runtime/criu/restore.ts";
export { addMounts, removeMounts, listMounts } from "../runtime/live/mounts.ts";
export { addDevices, removeDevices, listDevices } from "../runtime/live/devices.ts";
export { seccompDiff } from "../seccomp/diff.ts";
export { seccompExplain } from "../seccomp/explain.ts";
export { parseConfig, checkConfig } from "../spec/documents/config.ts";
