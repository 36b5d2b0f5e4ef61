// SPDX-License-Identifier: Apache-2.0
/** The operations of the library's threads: the runtime's own functions, which the command line calls as well. */
import { attachCgroup } from "../cgroups/open.ts";
import { checkBundle } from "../runtime/check/check.ts";
import { find, recordOf } from "../runtime/container/store.ts";
import { checkpoint, type CheckpointOptions } from "../runtime/criu/checkpoint.ts";
import { restore, type RestoreOptions } from "../runtime/criu/restore.ts";
import { addDevices, type DeviceRequest, listDevices, removeDevices } from "../runtime/live/devices.ts";
import { addMounts, listMounts, removeMounts } from "../runtime/live/mounts.ts";
import { createWithParent } from "../runtime/operations/create.ts";
import { remove } from "../runtime/operations/delete.ts";
import { execDetached } from "../runtime/operations/exec.ts";
import { kill } from "../runtime/operations/kill.ts";
import { list } from "../runtime/operations/list.ts";
import { pause, resume } from "../runtime/operations/pause.ts";
import { planBundle, type BundlePaths } from "../runtime/operations/plan_bundle.ts";
import { processes } from "../runtime/operations/processes.ts";
import { runDetached } from "../runtime/operations/run.ts";
import { start } from "../runtime/operations/start.ts";
import { state } from "../runtime/operations/state.ts";
import { stats } from "../runtime/operations/stats.ts";
import { update } from "../runtime/operations/update.ts";
import { wait } from "../runtime/operations/wait.ts";
import type { CreateOptions, ExecOptions, MadeContainer, ProcessChanges, RuntimeContext } from "../runtime/options.ts";
import type { ContainerRecord } from "../runtime/record.ts";
import { parseMounts } from "../spec/documents/mounts_file.ts";
import type { LinuxResources, Mount } from "../spec/types.ts";
import { native } from "../sys/native.ts";
import type { SentEvent } from "./work/event_types.ts";
import { type Room, watchEvents } from "./work/events.ts";
import { type GivenConfig, inWordsOfLibrary, withConfig } from "./work/launching.ts";
import { dropTree, killTree, makeTree, type Tree } from "./work/trees.ts";
import { findUser, rootOfProcess } from "./work/users.ts";

/** The receiver of an operation's events while it works. */
export interface Outlet {
  readonly room: Room;
  emit(event: SentEvent): void;
  /** Ends the operation's wait. */
  giveUp(): void;
}

/** A process of `exec` that runs. */
export interface Executed {
  readonly pid: number;
  /** The cgroup of the process and of all that it starts; `undefined` where no cgroup could be made. */
  readonly tree: Tree | undefined;
  /** The number of OOM kills before it started. */
  readonly oomKills: number;
}

/** As {@link ExecOptions}; `user` is to be looked up in the container. */
export type ExecRequest = Omit<ExecOptions, "process" | "config"> & { readonly process: ProcessChanges; readonly user?: string };

type Given<Options> = Options & { readonly given?: GivenConfig };

/** The operations by name; arguments and results cross between threads as copies. */
export const OPERATIONS = {
  create: (context: RuntimeContext, _: Outlet, options: Given<CreateOptions>) =>
    launching(options, (all) => createWithParent(context, all)),
  run: (context: RuntimeContext, _: Outlet, options: Given<CreateOptions>) =>
    launching(options, (all) => runDetached(context, all)),
  start: (context: RuntimeContext, _: Outlet, id: string) => start(context, id),
  exec: (context: RuntimeContext, _: Outlet, options: ExecRequest) => exec(context, options),
  kill: (context: RuntimeContext, _: Outlet, id: string, signal: number, all: boolean) => kill(context, id, signal, { all }),
  killTree: (_: RuntimeContext, __: Outlet, pid: number, tree: Tree | undefined, signal: number) => killTree(pid, tree, signal),
  dropTree: (_: RuntimeContext, __: Outlet, tree: Tree) => dropTree(tree),
  oomKills: (context: RuntimeContext, _: Outlet, id: string) => oomKills(context, recordFor(context, id)),
  wait: (context: RuntimeContext, _: Outlet, id: string) => wait(context, id),
  pause: (context: RuntimeContext, _: Outlet, id: string) => pause(context, id),
  resume: (context: RuntimeContext, _: Outlet, id: string) => resume(context, id),
  update: (context: RuntimeContext, _: Outlet, id: string, resources: LinuxResources) => update(context, id, resources),
  stats: (context: RuntimeContext, _: Outlet, id: string) => stats(context, id),
  state: (context: RuntimeContext, _: Outlet, id: string) => state(context, id),
  list: (context: RuntimeContext) => list(context),
  processes: (context: RuntimeContext, _: Outlet, id: string) => processes(context, id),
  remove: (context: RuntimeContext, _: Outlet, id: string, force: boolean) => remove(context, id, { force }),
  // The same form as in a file: each mount is validated as there, and errors name it by its place in the list.
  addMounts: (context: RuntimeContext, _: Outlet, id: string, mounts: readonly Mount[]) =>
    addMounts(context, id, (config) => parseMounts(JSON.stringify(mounts), "addMounts", config)),
  removeMounts: (context: RuntimeContext, _: Outlet, id: string, paths: readonly string[]) => removeMounts(context, id, paths),
  listMounts: (context: RuntimeContext, _: Outlet, id: string) => listMounts(context, id),
  addDevices: (context: RuntimeContext, _: Outlet, id: string, devices: readonly DeviceRequest[]) =>
    addDevices(context, id, devices),
  removeDevices: (context: RuntimeContext, _: Outlet, id: string, names: readonly string[]) => removeDevices(context, id, names),
  listDevices: (context: RuntimeContext, _: Outlet, id: string) => listDevices(context, id),
  check: (context: RuntimeContext, _: Outlet, options: Given<BundlePaths>) =>
    withConfig(options, (all: BundlePaths) => checkBundle(all.bundle, context, all.configFile)),
  plan: (context: RuntimeContext, _: Outlet, options: Given<BundlePaths>) =>
    withConfig(options, (all: BundlePaths) => planBundle(context, all)),
  checkpoint: (context: RuntimeContext, _: Outlet, options: CheckpointOptions) => checkpoint(context, options),
  restore: (context: RuntimeContext, _: Outlet, options: RestoreOptions) => restore(context, { ...options, detach: true }),
  events: (context: RuntimeContext, { room, emit, giveUp }: Outlet, id: string, interval: number) =>
    watchEvents(context, id, interval, room, emit, giveUp),
} as const;

async function launching(
  options: Given<CreateOptions>,
  make: (options: CreateOptions) => Promise<MadeContainer>,
): Promise<MadeContainer> {
  try {
    return await withConfig(options, make);
  } catch (error) {
    throw inWordsOfLibrary(error);
  }
}

async function exec(context: RuntimeContext, { user, ...options }: ExecRequest): Promise<Executed> {
  const record = recordFor(context, options.id);
  const ids = user === undefined || record === undefined ? {} : userIn(record, user);
  const wanted: ExecOptions = { ...options, process: { ...options.process, ...ids } };
  const own = options.cgroups === undefined && record !== undefined ? makeTree(record) : undefined;
  const before = oomKills(context, record);
  try {
    const pid = await execDetached(context, own === undefined ? wanted : { ...wanted, cgroups: own.below });
    return { pid, tree: own?.tree, oomKills: before };
  } catch (error) {
    if (own !== undefined) dropTree(own.tree);
    throw error;
  }
}

function userIn({ init_process_pid: pid }: ContainerRecord, user: string): Partial<ProcessChanges> {
  const root = rootOfProcess(pid);
  try {
    return findUser(user, [root]);
  } finally {
    native.close(root);
  }
}

/** The record of a container; `undefined` where the operation that follows gives the better error. */
function recordFor(context: RuntimeContext, id: string): ContainerRecord | undefined {
  const entry = find(context.root, id);
  try {
    return recordOf(entry);
  } finally {
    entry.close();
  }
}

function oomKills(context: RuntimeContext, record: ContainerRecord | undefined): number {
  return record === undefined ? 0 : attachCgroup(record.cgroup_paths, context.log).oomKills();
}

export type OperationName = keyof typeof OPERATIONS;

type Tail<Values extends readonly unknown[]> = Values extends readonly [unknown, unknown, ...infer Rest] ? Rest : [];

/** The parameters of an operation after the context. */
export type Arguments<Name extends OperationName> = Tail<Parameters<(typeof OPERATIONS)[Name]>>;

/** The result of an operation. */
export type Result<Name extends OperationName> = Awaited<ReturnType<(typeof OPERATIONS)[Name]>>;
