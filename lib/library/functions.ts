// SPDX-License-Identifier: Apache-2.0
/**
 * The functions that the command line calls, for callers in this thread: their arguments are checked here, as those of
 * {@link Container} are, also for callers without types.
 */
import type { Problem } from "../errors.ts";
import type { PlanLine } from "../plan/runtime_steps.ts";
import type { CheckpointOptions } from "../runtime/criu/checkpoint.ts";
import type { RestoreOptions } from "../runtime/criu/restore.ts";
import type { DeviceRequest } from "../runtime/live/devices.ts";
import type { LiveMountReport } from "../runtime/live/mounts.ts";
import type { ContainerEvent } from "../runtime/operations/events.ts";
import type { BundlePaths } from "../runtime/operations/plan_bundle.ts";
import type { CgroupStats } from "../runtime/operations/stats.ts";
import type { RdtSchemas } from "../runtime/operations/update.ts";
import type { CreateOptions, End, ExecOptions, RunOptions, RuntimeContext, StateReport } from "../runtime/options.ts";
import type { LiveDevice, LiveMount } from "../runtime/record.ts";
import type { DefaultConfig } from "../spec/defaults.ts";
import type { SeccompDiff } from "../seccomp/diff.ts";
import type { SeccompExplanation } from "../seccomp/explain.ts";
import type { Config, LinuxResources, LinuxSeccomp, Mount } from "../spec/types.ts";
import { ARGUMENTS } from "./options/function_shapes.ts";
import { expect } from "./options/kinds.ts";
import { resourcesOf } from "./options/resources.ts";
import { SHAPES } from "./options/shapes.ts";
import { type Signal, signalNumber } from "./process.ts";
import * as runtime from "./runtime_functions.ts";

/**
 * Creates a container: everything is set up, and the program waits for `start`.
 *
 * @returns pid of its first process
 * @throws CONFIG_INVALID, NOT_SUPPORTED, CONTAINER_EXISTS, INVALID_ID, and any error of the setup
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#create
 */
export async function create(context: RuntimeContext, options: CreateOptions): Promise<number> {
  expect("create", context, ARGUMENTS.context, "context");
  expect("create", options, ARGUMENTS.create);
  return runtime.create(context, options);
}

/**
 * Creates and starts a container; unless detached, waits for its end and deletes it.
 *
 * @returns the exit status of its process, or 128 and the number of the signal that ended it; 0 if detached
 * @throws as `create` and `start`
 */
export async function run(context: RuntimeContext, options: RunOptions): Promise<number> {
  expect("run", context, ARGUMENTS.context, "context");
  expect("run", options, ARGUMENTS.run);
  return runtime.run(context, options);
}

/**
 * Lets the program of a created container run; returns once it does.
 *
 * @throws CONTAINER_NOT_FOUND, WRONG_STATE; HOOK_FAILED, STEP_FAILED: then the container is destroyed
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#start
 */
export async function start(context: RuntimeContext, id: string): Promise<void> {
  expect("start", context, ARGUMENTS.context, "context");
  expect("start", id, ARGUMENTS.id, "id");
  await runtime.start(context, id);
}

/**
 * Runs a process in a container; unless detached, waits for its end.
 *
 * @returns the exit status of the process, or 128 and the number of the signal that ended it; 0 if detached
 * @throws CONTAINER_NOT_FOUND, WRONG_STATE for a stopped or paused one, CONFIG_INVALID, USAGE, STEP_FAILED, INIT_DIED
 */
export async function exec(context: RuntimeContext, options: ExecOptions): Promise<number> {
  expect("exec", context, ARGUMENTS.context, "context");
  expect("exec", options, ARGUMENTS.exec);
  return runtime.exec(context, options);
}

/**
 * Sends a signal to the container's first process; SIGKILL goes to every process of a container that has no
 * pid namespace of its own, since they would outlive the first.
 *
 * @param options `all`: to every process; a container that has stopped is then no error
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, SYSCALL, USAGE
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#kill
 */
export async function kill(
  context: RuntimeContext,
  id: string,
  signal: Signal,
  options: { readonly all?: boolean } = {},
): Promise<void> {
  expect("kill", context, ARGUMENTS.context, "context");
  expect("kill", id, ARGUMENTS.id, "id");
  expect("kill", options, SHAPES.kill, "options");
  await runtime.kill(context, id, signalNumber(signal), { all: options.all ?? false });
}

/**
 * Deletes a container that has stopped, or one that has only been created.
 *
 * The spec wants an error for a created one; every runtime deletes it, and engines rely on that.
 *
 * @param options `force`: kill the container if it runs; a missing container is then no error
 * @throws CONTAINER_NOT_FOUND, WRONG_STATE, CGROUP
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#delete
 */
export async function remove(context: RuntimeContext, id: string, options: { readonly force?: boolean } = {}): Promise<void> {
  expect("remove", context, ARGUMENTS.context, "context");
  expect("remove", id, ARGUMENTS.id, "id");
  expect("remove", options, SHAPES.delete, "options");
  await runtime.remove(context, id, { force: options.force ?? false });
}

/**
 * Waits for the end of a container that another process has started.
 *
 * The kernel reports the exit status of a process to its parent. Others can read it in two ways: in /proc as long as the
 * process is a zombie, and from Linux 6.15 on through a pidfd that was opened before its end (PIDFD_INFO_EXIT). A container
 * that was made with `keepExit` has a parent that notes the status.
 *
 * @throws CONTAINER_NOT_FOUND; CONTAINER_NOT_RUNNING where the process had ended before, and has been reaped; HOST_UNABLE
 *   where an older kernel has dropped the status meanwhile
 */
export async function wait(context: RuntimeContext, id: string): Promise<End> {
  expect("wait", context, ARGUMENTS.context, "context");
  expect("wait", id, ARGUMENTS.id, "id");
  return runtime.wait(context, id);
}

/**
 * Reports the events of a container, until it is deleted.
 *
 * @param interval time between two statistics; milliseconds
 * @param tell returns `false` where nobody listens any more; that ends the reports
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, HOST_UNABLE without a memory controller, CGROUP
 */
export async function events(
  context: RuntimeContext,
  id: string,
  interval: number,
  tell: (event: ContainerEvent) => boolean,
): Promise<void> {
  expect("events", context, ARGUMENTS.context, "context");
  expect("events", id, ARGUMENTS.id, "id");
  expect("events", interval, ARGUMENTS.interval, "interval");
  expect("events", tell, ARGUMENTS.callback, "tell");
  await runtime.events(context, id, interval, tell);
}

/**
 * Stops every process of a container where it is, through the freezer.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING unless it is created or running, HOST_UNABLE without a freezer, CGROUP
 */
export function pause(context: RuntimeContext, id: string): void {
  expect("pause", context, ARGUMENTS.context, "context");
  expect("pause", id, ARGUMENTS.id, "id");
  runtime.pause(context, id);
}

/**
 * Lets the processes of a paused container go on.
 * @throws CONTAINER_NOT_FOUND, WRONG_STATE unless it is paused, CGROUP
 */
export function resume(context: RuntimeContext, id: string): void {
  expect("resume", context, ARGUMENTS.context, "context");
  expect("resume", id, ARGUMENTS.id, "id");
  runtime.resume(context, id);
}

/**
 * Changes limits of a container. A limit that `resources` does not name stays as config.json or an earlier update set it, and
 * is written again where another program has changed it; device rules stay. A 0 is "not named" wherever 0 cannot be a limit, as
 * engines send it. If the kernel refuses a value, the values that were written before it are restored.
 *
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING where it has stopped, CONFIG_INVALID, HOST_UNABLE, CGROUP
 */
export function update(context: RuntimeContext, id: string, resources: LinuxResources, rdt: RdtSchemas = {}): void {
  expect("update", context, ARGUMENTS.context, "context");
  expect("update", id, ARGUMENTS.id, "id");
  expect("update", rdt, ARGUMENTS.rdt, "rdt");
  runtime.update(context, id, resourcesOf("update", resources), rdt);
}

/**
 * The state of a container.
 * @throws INVALID_ID, CONTAINER_NOT_FOUND
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#state
 */
export function state(context: RuntimeContext, id: string): StateReport {
  expect("state", context, ARGUMENTS.context, "context");
  expect("state", id, ARGUMENTS.id, "id");
  return runtime.state(context, id);
}

/** All containers under the context's root, sorted by id. A container that cannot be read is left out with a warning. */
export function list(context: RuntimeContext): readonly StateReport[] {
  expect("list", context, ARGUMENTS.context, "context");
  return runtime.list(context);
}

/**
 * The statistics of a container's cgroups.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING where it has stopped, CGROUP
 */
export function stats(context: RuntimeContext, id: string): CgroupStats {
  expect("stats", context, ARGUMENTS.context, "context");
  expect("stats", id, ARGUMENTS.id, "id");
  return runtime.stats(context, id);
}

/**
 * Pids of all processes of a container, including those of `exec` and their children, in the runtime's pid namespace.
 * They are found by its cgroup and, where its first process is not in that cgroup, by its namespaces.
 * @throws INVALID_ID, CONTAINER_NOT_FOUND, SYSCALL
 */
export function processes(context: RuntimeContext, id: string): number[] {
  expect("processes", context, ARGUMENTS.context, "context");
  expect("processes", id, ARGUMENTS.id, "id");
  return runtime.processes(context, id);
}

/**
 * The steps that `create` and `start` would take, in order, without taking any. Needs no privileges, and no root file
 * system: of the bundle only config.json is read.
 *
 * @throws CONFIG_INVALID
 */
export function planBundle(context: RuntimeContext, options: BundlePaths): readonly PlanLine[] {
  expect("planBundle", context, ARGUMENTS.context, "context");
  expect("planBundle", options, ARGUMENTS.bundle);
  return runtime.planBundle(context, options);
}

/**
 * A config.json to start from, as `runt spec` writes it. The object belongs to the caller, who can change every property.
 * @param options `rootless`: a user namespace that maps the caller's ids to 0, for a user without privileges. Default false
 */
export function newConfig(options: { readonly rootless?: boolean } = {}): DefaultConfig {
  expect("newConfig", options, ARGUMENTS.newConfig);
  return runtime.newConfig(options);
}

/**
 * Writes the images of a container. Unless it is to go on, the container is deleted.
 * @throws CONTAINER_NOT_FOUND, WRONG_STATE unless it runs or is paused, USAGE, HOST_UNABLE with CRIU's reason, SYSCALL
 */
export async function checkpoint(context: RuntimeContext, options: CheckpointOptions): Promise<void> {
  expect("checkpoint", context, ARGUMENTS.context, "context");
  expect("checkpoint", options, ARGUMENTS.checkpoint);
  await runtime.checkpoint(context, options);
}

/**
 * Restores a container; unless detached, waits for its end and deletes it.
 * @returns the exit status of its process, or 128 and the number of the signal that ended it; 0 if detached
 * @throws CONTAINER_EXISTS, CONFIG_INVALID, USAGE, HOST_UNABLE with CRIU's reason, HOOK_FAILED, CGROUP; nothing is left behind
 */
export async function restore(context: RuntimeContext, options: RestoreOptions): Promise<number> {
  expect("restore", context, ARGUMENTS.context, "context");
  expect("restore", options, ARGUMENTS.restore);
  return runtime.restore(context, options);
}

/**
 * Adds mounts to a container that has been created and has not stopped, in their order: all of them, or none.
 *
 * @param read gives the mounts; its argument is the container's config.json, whose rules hold for them
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CONFIG_INVALID, WRONG_STATE for a container without a mount namespace,
 *   STEP_FAILED. Pointers are into the list
 */
export async function addMounts(
  context: RuntimeContext,
  id: string,
  read: (config: Config) => readonly Mount[],
): Promise<readonly LiveMount[]> {
  expect("addMounts", context, ARGUMENTS.context, "context");
  expect("addMounts", id, ARGUMENTS.id, "id");
  expect("addMounts", read, ARGUMENTS.callback, "read");
  return runtime.addMounts(context, id, read);
}

/**
 * Removes the mount that was added at each of the paths; of several at one path the last. All are looked up before any change.
 *
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CONFIG_INVALID for a path at which nothing was added, STEP_FAILED.
 *   Pointers are into the list
 */
export async function removeMounts(context: RuntimeContext, id: string, destinations: readonly string[]): Promise<void> {
  expect("removeMounts", context, ARGUMENTS.context, "context");
  expect("removeMounts", id, ARGUMENTS.id, "id");
  expect("removeMounts", destinations, SHAPES.paths, "destinations");
  await runtime.removeMounts(context, id, destinations);
}

/** The added mounts, in the order of their addition. @throws CONTAINER_NOT_FOUND */
export function listMounts(context: RuntimeContext, id: string): readonly LiveMountReport[] {
  expect("listMounts", context, ARGUMENTS.context, "context");
  expect("listMounts", id, ARGUMENTS.id, "id");
  return runtime.listMounts(context, id);
}

/**
 * Adds devices to a container that has been created and has not stopped: all of them, or none.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, USAGE, WRONG_STATE for nodes without a mount namespace, SYSCALL, CGROUP,
 *   STEP_FAILED
 */
export async function addDevices(
  context: RuntimeContext,
  id: string,
  requests: readonly DeviceRequest[],
): Promise<readonly LiveDevice[]> {
  expect("addDevices", context, ARGUMENTS.context, "context");
  expect("addDevices", id, ARGUMENTS.id, "id");
  expect("addDevices", requests, SHAPES.devices, "requests");
  return runtime.addDevices(context, id, requests);
}

/**
 * Removes devices that were added: at a path, or all below it; or a rule, as `c:MAJOR:MINOR`, with `*` for every minor number.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, USAGE where nothing was added there, CGROUP, STEP_FAILED
 */
export async function removeDevices(context: RuntimeContext, id: string, names: readonly string[]): Promise<void> {
  expect("removeDevices", context, ARGUMENTS.context, "context");
  expect("removeDevices", id, ARGUMENTS.id, "id");
  expect("removeDevices", names, SHAPES.paths, "names");
  await runtime.removeDevices(context, id, names);
}

/** The added devices, in the order of their addition. @throws CONTAINER_NOT_FOUND */
export function listDevices(context: RuntimeContext, id: string): readonly LiveDevice[] {
  expect("listDevices", context, ARGUMENTS.context, "context");
  expect("listDevices", id, ARGUMENTS.id, "id");
  return runtime.listDevices(context, id);
}

/**
 * Parses and validates a config.json: its syntax, its schema, and the rules that a schema cannot hold.
 *
 * As runc does, it takes `null` for an absent property, and 0 for an absent `process.user`, `uid` or `gid`.
 *
 * @param path the file's path, for the error
 * @throws RuntimeError CONFIG_INVALID with every problem in `facts.problems` and in the message
 */
export function parseConfig(text: string, path: string): Config {
  expect("parseConfig", text, ARGUMENTS.text, "text");
  expect("parseConfig", path, ARGUMENTS.text, "path");
  return runtime.parseConfig(text, path);
}

/** Every problem of a config.json, in the order of the text. */
export function checkConfig(text: string): readonly Problem[] {
  expect("checkConfig", text, ARGUMENTS.text, "text");
  return runtime.checkConfig(text);
}

/**
 * Compares two profiles by what their filters decide: each system call of this machine, with the arguments that either of them
 * looks at.
 * @throws CONFIG_INVALID, NOT_SUPPORTED, HOST_UNABLE for a profile that cannot be compiled; USAGE
 */
export function seccompDiff(first: LinuxSeccomp, second: LinuxSeccomp): SeccompDiff {
  expect("seccompDiff", first, ARGUMENTS.profile, "first");
  expect("seccompDiff", second, ARGUMENTS.profile, "second");
  return runtime.seccompDiff(first, second);
}

/**
 * Explains what a profile does with a system call. The profile is compiled as for a container, and its filter decides.
 *
 * @param args the call's arguments; those that are missing are 0. Without any, the arguments decide only if no rule looks at them
 * @param architecture `SCMP_ARCH_*`. Default: the machine's own
 * @throws USAGE for a call that the architecture does not have; CONFIG_INVALID, NOT_SUPPORTED, HOST_UNABLE for the profile
 */
export function seccompExplain(
  profile: LinuxSeccomp,
  call: string,
  args?: readonly (number | bigint)[],
  architecture?: string,
): SeccompExplanation {
  expect("seccompExplain", profile, ARGUMENTS.profile, "profile");
  expect("seccompExplain", call, ARGUMENTS.text, "call");
  if (args !== undefined) expect("seccompExplain", args, ARGUMENTS.numbers, "args");
  if (architecture !== undefined) expect("seccompExplain", architecture, ARGUMENTS.text, "architecture");
  return runtime.seccompExplain(profile, call, args, architecture);
}
