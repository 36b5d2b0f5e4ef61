// SPDX-License-Identifier: Apache-2.0
/** Mounts of an existing container: added, removed, listed. The container's record keeps the added ones. */
import { attachCgroup } from "../../cgroups/open.ts";
import { cgroupLayout } from "../../cgroups/place/layout.ts";
import { RuntimeError } from "../../errors.ts";
import type { ToldMount } from "../../init/process.ts";
import * as K from "../../kernel/plan_numbers.ts";
import { planLiveMounts, planUnmounts, type LivePlans } from "../../plan/live_mounts.ts";
import { bindSource, isBind } from "../../plan/mounts.ts";
import { MountTree } from "../../plan/steps.ts";
import { readNamespaces } from "../../plan/namespaces.ts";
import { pathInContainer } from "../../spec/clean_path.ts";
import type { Config, Mount } from "../../spec/types.ts";
import { Descriptors } from "../../sys/descriptors.ts";
import { AT_FDCWD, check, O_CLOEXEC, O_RDONLY, readTextIfExists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { openInit } from "../container/destroy.ts";
import { savedConfig } from "../container/saved_config.ts";
import { isAlive, status } from "../container/status.ts";
import { find, recordOf, type Entry } from "../container/store.ts";
import { cgroupPieces } from "../host/cgroup_mounts.ts";
import { mountTrees } from "../host/mount_trees.ts";
import { selinuxEnabled } from "../host/security_modules.ts";
import type { RuntimeContext } from "../options.ts";
import type { ContainerRecord, LiveMount } from "../record.ts";
import { runLive, untilFound } from "./inits.ts";

/** As many mounts at once as init can keep track of to detach them again (`Context::kMaxLive`). */
const MOST = 100;

/** A container whose mounts or devices are changed. */
export interface LiveTarget {
  readonly entry: Entry;
  readonly record: ContainerRecord;
  readonly config: Config;
  /** A pidfd of its first process. */
  readonly pidfd: number;
  readonly paused: boolean;
}

/** A mount that was added, as it is reported. */
export interface LiveMountReport extends LiveMount {
  /** The mount is still there: the container may unmount it, if it has the right. */
  readonly mounted: boolean;
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
  return withContainer(context, id, async (target) => {
    const mounts = read(target.config);
    if (mounts.length > MOST) throw new RuntimeError("USAGE", `there are ${mounts.length} mounts: ${MOST} can be added at once`);
    if (mounts.length === 0) return [];
    return inList(() => attachMounts(context, target, mounts));
  });
}

/**
 * Removes the mount that was added at each of the paths; of several at one path the last. All are looked up before any change.
 *
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CONFIG_INVALID for a path at which nothing was added, STEP_FAILED.
 *   Pointers are into the list
 */
export async function removeMounts(context: RuntimeContext, id: string, destinations: readonly string[]): Promise<void> {
  return withContainer(context, id, async (target) => {
    const { mounts = [] } = target.record;
    const left = [...mounts];
    const found: LiveMount[] = [];
    destinations.forEach((destination, index) => {
      const path = pathInContainer(destination);
      const at = left.findLastIndex((each) => pathInContainer(each.destination) === path);
      if (at < 0) {
        const text = `[${index}].destination: nothing was added at ${JSON.stringify(path)} of container ${id}`;
        throw new RuntimeError("CONFIG_INVALID", text, { pointer: `/${index}/destination` });
      }
      found.push(...left.splice(at, 1));
    });
    // The last one goes first, because it may lie in one that was added before.
    found.sort((one, other) => mounts.indexOf(other) - mounts.indexOf(one));
    if (found.length > 0) await inList(() => detachMounts(context, target, found));
  });
}

/** The added mounts, in the order of their addition. @throws CONTAINER_NOT_FOUND */
export function listMounts(context: RuntimeContext, id: string): readonly LiveMountReport[] {
  const entry = find(context.root, id);
  try {
    const record = recordOf(entry);
    const { mounts = [] } = record ?? {};
    if (mounts.length === 0 || record === undefined) return [];
    const isThere = isAlive(record.init_process_pid, record.init_process_start);
    const table = isThere ? (readTextIfExists(`/proc/${record.init_process_pid}/mountinfo`, 1 << 26) ?? "") : "";
    const devices = new Map(table.split("\n").map(numberAndDevice));
    return mounts.map((mount) => ({ ...mount, mounted: devices.get(mount.mount) === mount.filesystem }));
  } finally {
    entry.close();
  }
}

/** The number and the device in a line of mountinfo. */
function numberAndDevice(line: string): [string, string] {
  const [number = "", , device = ""] = line.split(" ", 3);
  const [major = "0", minor = "0"] = device.split(":");
  return [number, String((BigInt(major) << 32n) | BigInt(minor))];
}

/**
 * Opens a container that has not stopped.
 * @param needsMounts the container's mount namespace will be joined
 */
export async function withContainer<Result>(
  context: RuntimeContext,
  id: string,
  work: (target: LiveTarget) => Promise<Result>,
  needsMounts = true,
): Promise<Result> {
  const entry = find(context.root, id);
  let pidfd: number | undefined;
  try {
    const record = recordOf(entry);
    const now = status(entry, record);
    pidfd = record === undefined ? undefined : openInit(record);
    if (record === undefined || pidfd === undefined || now === "stopped" || now === "creating") throw notRunning();
    const config = savedConfig(entry);
    if (needsMounts) checkMountNamespace(config, id);
    try {
      return await work({ entry, record, config, pidfd, paused: now === "paused" });
    } catch (error) {
      // The kernel refuses the namespaces of a process that has ended meanwhile.
      const isOurs = !(error instanceof RuntimeError) || error.code === "CONFIG_INVALID";
      if (isOurs || isAlive(record.init_process_pid, record.init_process_start)) throw error;
      throw notRunning();
    }
  } finally {
    if (pidfd !== undefined) native.close(pidfd);
    entry.close();
  }
}

/** @throws WRONG_STATE */
export function checkMountNamespace(config: Config, id: string): void {
  const { made, joined } = readNamespaces(config);
  if (((made | joined) & K.CLONE_NEWNS) !== 0) return;
  throw new RuntimeError("WRONG_STATE", `container ${id} has no mount namespace: its files and mounts are the host's`);
}

export function notRunning(): RuntimeError {
  return new RuntimeError("CONTAINER_NOT_RUNNING", "container not running");
}

/** Changes the record, one process at a time. @throws CONTAINER_NOT_RUNNING where the record is gone by now */
export function changeRecord(entry: Entry, change: (record: ContainerRecord) => ContainerRecord): void {
  const turn = entry.openUpdates();
  try {
    const record = entry.alive() ? entry.read() : undefined;
    if (record === undefined) throw notRunning();
    entry.prepare(change(record));
    entry.publish();
  } finally {
    native.close(turn);
  }
}

async function attachMounts(
  context: RuntimeContext,
  target: LiveTarget,
  mounts: readonly Mount[],
): Promise<readonly LiveMount[]> {
  const { config, record } = target;
  const hasCgroups = mounts.some((mount) => !isBind(mount) && (mount.type === "cgroup" || mount.type === "cgroup2"));
  const plans = planLiveMounts(config, mounts, {
    bundle: record.bundle,
    rootfs: record.rootfs,
    selinux: (config.linux?.mountLabel ?? "") !== "" && selinuxEnabled(),
    cgroupMounts: hasCgroups ? cgroupPieces({ ...config, mounts }, cgroupLayout(), record.cgroup_paths) : {},
  });
  if (plans.copiesUp && target.paused) {
    throw new RuntimeError(
      "WRONG_STATE",
      "cannot copy files for tmpcopyup in a paused container: that would be done in its cgroup",
    );
  }
  for (const [index, mount] of mounts.entries()) {
    if (isBind(mount)) await untilFound(bindSource(mount, record.bundle), `/mounts/${index}/source`);
  }
  const descriptors = new Descriptors();
  try {
    const trees = await makeTrees(target, plans, descriptors);
    return await attachTrees(context, target, mounts, plans, trees);
  } finally {
    descriptors.close();
  }
}

/** Makes the trees that are attached afterwards. @returns descriptors by their index in the plan; `descriptors` owns them */
export async function makeTrees(
  { entry, config, record, pidfd }: LiveTarget,
  { make, opened }: LivePlans,
  descriptors: Descriptors,
): Promise<Map<number, number>> {
  const trees = new Map<number, number>();
  const keep = (index: number, fd: number): void => {
    trees.set(index, descriptors.own(fd));
  };
  const namespaces = readNamespaces(config);
  const joined = new Map<string, number>();
  for (const { flag, origin } of namespaces.joins) {
    if (flag !== K.CLONE_NEWUSER) continue;
    const users = native.open(AT_FDCWD, `/proc/${record.init_process_pid}/ns/user`, O_RDONLY | O_CLOEXEC, 0);
    joined.set(origin, descriptors.own(check(users, "open the container's user namespace")));
  }
  const sources = { ...config, mounts: opened as readonly Mount[] };
  const openSource = mountTrees(sources, record.bundle, namespaces, joined, descriptors);
  const open = (index: number, pid: number): boolean => {
    const source = opened[index] === undefined ? undefined : openSource(index, pid);
    if (source === undefined) return false;
    keep(index, source.fd);
    if (source.kind === MountTree.DETACHED) return true;
    throw new RuntimeError(
      "HOST_UNABLE",
      "mounts can be added from Linux 5.2 on: a mount cannot be made before it is attached here",
    );
  };
  if (make !== undefined) {
    await runLive(make, entry, pidfd, {
      open,
      told: (index, { fds: [fd] }) => {
        if (fd !== undefined) keep(index, fd);
      },
    });
  }
  for (const [index, mount] of opened.entries()) {
    if (mount === undefined || trees.has(index) || open(index, process.pid)) continue;
    const facts = { pointer: `/mounts/${index}`, path: mount.source ?? "" };
    throw new RuntimeError("SYSCALL", `mounts[${index}]: open_tree ${mount.source}: operation not permitted`, facts);
  }
  return trees;
}

async function attachTrees(
  context: RuntimeContext,
  { entry, record, pidfd }: LiveTarget,
  mounts: readonly Mount[],
  { attach, copiesUp }: LivePlans,
  trees: ReadonlyMap<number, number>,
): Promise<readonly LiveMount[]> {
  const added: LiveMount[] = [];
  await runLive(attach, entry, pidfd, {
    copies: copiesUp,
    joinFds: () => attachCgroup(record.cgroup_paths, context.log).joinFds(),
    give: (index) => trees.get(index) ?? -1,
    told: (index, told) => {
      const mount = mounts[index];
      if (mount !== undefined) added.push({ ...described(mount), ...identity(told) });
    },
    done: () => {
      changeRecord(entry, (now) => ({ ...now, mounts: [...(now.mounts ?? []), ...added] }));
      for (const { destination } of added) context.log.debug(`container ${record.id}: mounted ${destination}`);
    },
  });
  return added;
}

function described({
  destination,
  type,
  source,
  options,
}: Mount): Pick<LiveMount, "destination" | "type" | "source" | "options"> {
  return {
    destination,
    ...(type === undefined ? {} : { type }),
    ...(source === undefined ? {} : { source }),
    ...(options === undefined ? {} : { options }),
  };
}

export function identity({ bytes }: ToldMount): Pick<LiveMount, "mount" | "device" | "inode" | "filesystem"> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = (index: number): string => String(view.getBigUint64(index * 8, true));
  return { mount: number(0), device: number(1), inode: number(2), filesystem: number(3) };
}

/** The numbers by which the kernel identifies a mount, for init. */
export function asNumbers({ mount, device, inode, filesystem }: Pick<LiveMount, "mount" | "device" | "inode" | "filesystem">) {
  return { mount: BigInt(mount), device: BigInt(device), inode: BigInt(inode), filesystem: BigInt(filesystem) };
}

async function detachMounts(
  context: RuntimeContext,
  { entry, record, config, pidfd }: LiveTarget,
  found: readonly LiveMount[],
): Promise<void> {
  const wanted = found.map((mount) => ({ path: pathInContainer(mount.destination), ...asNumbers(mount) }));
  await runLive(planUnmounts(config, wanted), entry, pidfd, {
    told: (index) => context.log.warn(`${found[index]?.destination} was not mounted any more: the container has unmounted it`),
  });
  const isFound = (mount: LiveMount): boolean => found.some((each) => each.mount === mount.mount && each.inode === mount.inode);
  changeRecord(entry, ({ mounts = [], ...rest }) => ({ ...rest, mounts: mounts.filter((mount) => !isFound(mount)) }));
  context.log.debug(`container ${record.id}: ${found.length} mounts taken away`);
}

/** Errors of steps have the place in config.json that a mount would have; here the input is only the list. */
async function inList<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.facts.pointer?.startsWith("/mounts/") !== true) throw error;
    const { pointer } = error.facts;
    const message = error.message.replace(/^error during container init: /, "").replace(/mounts\[/g, "[");
    throw new RuntimeError(error.code, message, { ...error.facts, pointer: pointer.slice("/mounts".length) }, error);
  }
}
