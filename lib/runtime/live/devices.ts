// SPDX-License-Identifier: Apache-2.0
/**
 * Devices of an existing container: a node, and the rule in its cgroup. The rules are kept in the record, and are added to those
 * of config.json whenever these are applied.
 */
import { changeDevices } from "../../cgroups/live_devices.ts";
import { RuntimeError } from "../../errors.ts";
import { Errno } from "../../kernel/errno.ts";
import * as K from "../../kernel/plan_numbers.ts";
import { nodeIndex, nodeMountIndex, planLiveNodes, planRemoveNodes, type LiveNode } from "../../plan/live_devices.ts";
import { planLiveMounts } from "../../plan/live_mounts.ts";
import { pathInContainer } from "../../spec/clean_path.ts";
import type { Config, LinuxDeviceCgroup } from "../../spec/types.ts";
import { Descriptors } from "../../sys/descriptors.ts";
import { AT_FDCWD, check, checkValue } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { find, recordOf } from "../container/store.ts";
import type { RuntimeContext } from "../options.ts";
import type { ContainerRecord, LiveDevice } from "../record.ts";
import { runLive } from "./inits.ts";
import { asNumbers, checkMountNamespace, identity, makeTrees, notRunning, withContainer, type LiveTarget } from "./mounts.ts";

/** A device to add: by a path of the host, or by its numbers. */
export interface DeviceRequest {
  /** A device node of the host, or a directory: all device nodes in it, at the same places below `path`. */
  readonly host?: string;
  /** Without `host`. The host need not have the device yet. A `minor` of -1 means every one, for a rule alone. */
  readonly numbers?: { readonly type: "b" | "c"; readonly major: number; readonly minor: number };
  /** Absolute path in the container. Default: as on the host; for numbers there is none, and only the rule is added. */
  readonly path?: string;
  /** Letters of r, w and m. Default `rwm`. */
  readonly access?: string;
  /** Permission bits, and ids of the container. Default: those of the host's node, else 0660 and 0. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** A device as it is added. */
interface Found {
  readonly device: LiveDevice;
  readonly node?: LiveNode;
  readonly host?: string;
}

/** As many nodes at once as init can keep track of. */
const MOST = 100;
/** Depth of directories that are searched. */
const DEEPEST = 8;

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
  const found = requests.flatMap(foundDevices);
  if (found.length > MOST) throw new RuntimeError("USAGE", `there are ${found.length} devices: ${MOST} can be added at once`);
  return changing(
    context,
    id,
    found.some(({ node }) => node !== undefined),
    async (target) => {
      const { record } = target;
      const { devices: present = [] } = record;
      const paths = new Set(present.map(({ path }) => path));
      for (const { device } of found) {
        if (device.path === undefined) continue;
        if (paths.size === paths.add(device.path).size) {
          throw new RuntimeError("USAGE", `${device.path}: a device was added there before, or is given twice`);
        }
      }
      const after = [...present, ...found.map(({ device }) => device)];
      setRules(context, target, present, after);
      let added: readonly LiveDevice[] = [];
      try {
        added = await makeNodes(target, found);
        save(target, { ...record, devices: [...present, ...added] });
      } catch (error) {
        await takeBack(context, target, added, () => setRules(context, target, after, present));
        throw error;
      }
      context.log.debug(`container ${id}: ${added.length} devices added`);
      return added;
    },
  );
}

/**
 * Removes devices that were added: at a path, or all below it; or a rule, as `c:MAJOR:MINOR`, with `*` for every minor number.
 * @throws CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, USAGE where nothing was added there, CGROUP, STEP_FAILED
 */
export async function removeDevices(context: RuntimeContext, id: string, names: readonly string[]): Promise<void> {
  return changing(context, id, false, async (target) => {
    const { record } = target;
    const { devices: present = [] } = record;
    const gone = new Set<LiveDevice>();
    for (const name of names) {
      const matching = present.filter((device) => isNamed(device, name));
      if (matching.length === 0) throw new RuntimeError("USAGE", `${name}: no such device was added to container ${id}`);
      for (const device of matching) gone.add(device);
    }
    await removeNodes(context, target, [...gone]);
    const left = present.filter((device) => !gone.has(device));
    setRules(context, target, present, left);
    save(target, { ...record, devices: left });
  });
}

/** The added devices, in the order of their addition. @throws CONTAINER_NOT_FOUND */
export function listDevices(context: RuntimeContext, id: string): readonly LiveDevice[] {
  const entry = find(context.root, id);
  try {
    return recordOf(entry)?.devices ?? [];
  } finally {
    entry.close();
  }
}

/** `c:10:200`, or `c:226:*`. */
export function numbersText({ type, major, minor }: Pick<LiveDevice, "type" | "major" | "minor">): string {
  return `${type}:${major}:${minor < 0 ? "*" : minor}`;
}

function isNamed(device: LiveDevice, name: string): boolean {
  if (!name.startsWith("/")) return device.path === undefined && numbersText(device) === name;
  const path = pathInContainer(name);
  return device.path === path || device.path?.startsWith(`${path}/`) === true;
}

/** Changes a container while no other process changes its record. */
async function changing<Result>(
  context: RuntimeContext,
  id: string,
  needsMounts: boolean,
  work: (target: LiveTarget) => Promise<Result>,
): Promise<Result> {
  return withContainer(
    context,
    id,
    async (target) => {
      const turn = target.entry.openUpdates();
      try {
        const record = target.entry.alive() ? target.entry.read() : undefined;
        if (record === undefined) throw notRunning();
        if (needsMounts) checkMountNamespace(target.config, id);
        return await work({ ...target, record });
      } finally {
        native.close(turn);
      }
    },
    false,
  );
}

function save({ entry }: LiveTarget, record: ContainerRecord): void {
  if (!entry.alive()) throw notRunning();
  entry.prepare(record);
  entry.publish();
}

function rulesOf(config: Config, devices: readonly LiveDevice[]): readonly LinuxDeviceCgroup[] {
  const added = devices.map(({ type, major, minor, access }) => ({
    allow: true,
    type,
    major,
    ...(minor < 0 ? {} : { minor }),
    access,
  }));
  return [...(config.linux?.resources?.devices ?? []), ...added];
}

function setRules(
  context: RuntimeContext,
  { config, record }: LiveTarget,
  before: readonly LiveDevice[],
  after: readonly LiveDevice[],
): void {
  if (record.no_cgroup === true) return;
  changeDevices({
    paths: record.cgroup_paths,
    unit: record.systemd,
    before: rulesOf(config, before),
    after: rulesOf(config, after),
    devicePaths: (config.linux?.devices ?? []).map(({ path }) => path),
    log: context.log,
  });
}

/** The devices of a request. @throws USAGE, SYSCALL */
function foundDevices(request: DeviceRequest): Found[] {
  const { host, numbers } = request;
  if (host !== undefined) return hostDevices(host, request.path ?? host, request, 0);
  if (numbers === undefined) throw new RuntimeError("USAGE", "a device needs a path of the host, or its type and numbers");
  return [found(numbers, { mode: 0o660, uid: 0, gid: 0 }, request.path, request, undefined)];
}

function hostDevices(host: string, path: string, request: DeviceRequest, depth: number): Found[] {
  const stat = checkValue(native.stat(AT_FDCWD, host, depth === 0), `stat ${host}`, { path: host });
  const kind = stat.mode & K.S_IFMT;
  if (kind === S_IFDIR && depth < DEEPEST) {
    const names = checkValue(native.readdir(AT_FDCWD, host), `read ${host}`, { path: host });
    const inside = [...names].sort().flatMap((name) => hostDevices(`${host}/${name}`, `${path}/${name}`, request, depth + 1));
    if (depth === 0 && inside.length === 0) {
      throw new RuntimeError("USAGE", `${host}: there is no device in this directory`, { path: host });
    }
    return inside;
  }
  const type = kind === K.S_IFBLK ? "b" : kind === K.S_IFCHR ? "c" : undefined;
  // A directory of devices may also have links and sockets.
  if (type === undefined && depth > 0) return [];
  if (type === undefined) throw new RuntimeError("USAGE", `${host}: it is neither a device nor a directory`, { path: host });
  const { major, minor, mode, uid, gid } = stat;
  return [found({ type, major, minor }, { mode: mode & 0o7777, uid, gid }, path, request, host)];
}

const S_IFDIR = 0o040000;

function found(
  numbers: { readonly type: "b" | "c"; readonly major: number; readonly minor: number },
  owner: Pick<LiveNode, "mode" | "uid" | "gid">,
  at: string | undefined,
  { access = "rwm", mode = owner.mode, uid = owner.uid, gid = owner.gid }: DeviceRequest,
  host: string | undefined,
): Found {
  if (!/^(?=.)r?w?m?$/.test(access)) {
    throw new RuntimeError("USAGE", `access ${JSON.stringify(access)}: it is one or more of the letters r, w and m`);
  }
  if (at === undefined) return { device: { ...numbers, access } };
  const path = pathInContainer(at);
  if (path === "/" || path === "/proc" || path.startsWith("/proc/")) {
    throw new RuntimeError("USAGE", `${path}: no device is made there`, { path });
  }
  if (numbers.minor < 0) throw new RuntimeError("USAGE", `${path}: a node needs a minor number`, { path });
  return {
    device: { ...numbers, access, path },
    node: { ...numbers, path, mode, uid, gid },
    ...(host !== undefined && { host }),
  };
}

/** @returns the devices with the nodes that were made; a failure leaves nothing behind */
async function makeNodes(target: LiveTarget, all: readonly Found[]): Promise<readonly LiveDevice[]> {
  const { entry, pidfd, config } = target;
  const wanted = all.filter(({ node }) => node !== undefined);
  if (wanted.length === 0) return all.map(({ device }) => device);
  const { make, attach } = planLiveNodes(
    config,
    wanted.flatMap(({ node }) => (node === undefined ? [] : [node])),
  );
  const descriptors = new Descriptors();
  const made = new Map<number, ReturnType<typeof identity>>();
  const result = (): readonly LiveDevice[] => all.map((one) => described(one, wanted.indexOf(one), made));
  try {
    const trees = make === undefined ? undefined : await madeNodes(target, make, wanted, descriptors);
    await runLive(attach, entry, pidfd, {
      give: (index) => trees?.get(index) ?? -1,
      told: (index, told) => void made.set(index, identity(told)),
    });
    return result();
  } catch (error) {
    await removeNodes(undefined, target, result());
    throw error;
  } finally {
    descriptors.close();
  }
}

function described({ device }: Found, index: number, made: ReadonlyMap<number, ReturnType<typeof identity>>): LiveDevice {
  const node = made.get(nodeIndex(index));
  const mount = made.get(nodeMountIndex(index));
  return {
    ...device,
    // "0" in the last number: the device was there before.
    ...(node?.filesystem === "1" && { node: { device: node.device, inode: node.inode } }),
    ...(mount !== undefined && { mount }),
  };
}

/** Mounts of nodes that were made outside; if no node may be made, of the host's nodes. */
async function madeNodes(
  target: LiveTarget,
  make: NonNullable<ReturnType<typeof planLiveNodes>["make"]>,
  wanted: readonly Found[],
  descriptors: Descriptors,
): Promise<ReadonlyMap<number, number>> {
  const { entry, pidfd, config, record } = target;
  const trees = new Map<number, number>();
  try {
    await runLive(make, entry, pidfd, {
      told: (index, { fds: [fd] }) => {
        if (fd !== undefined) trees.set(index, descriptors.own(fd));
      },
    });
    return trees;
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.facts.errno !== Errno.EPERM || wanted.some(({ host }) => host === undefined))
      throw error;
  }
  // Read-only, so that nobody changes mode, owner or times of the host's node through the mount.
  const mounts = wanted.map(({ host = "", device }) => ({ destination: device.path ?? "", source: host, options: ["bind"] }));
  const plans = planLiveMounts(config, mounts, {
    bundle: record.bundle,
    rootfs: record.rootfs,
    selinux: false,
    cgroupMounts: {},
  });
  const opened = await makeTrees(target, plans, descriptors);
  for (const fd of opened.values()) check(native.mountSetattr(fd, false, K.MOUNT_ATTR_RDONLY, 0, 0, -1), "mount_setattr");
  return opened;
}

async function removeNodes(
  context: RuntimeContext | undefined,
  { entry, pidfd, config }: LiveTarget,
  devices: readonly LiveDevice[],
): Promise<void> {
  const mounts = devices.flatMap(({ path = "", mount }) => (mount === undefined ? [] : [{ path, ...asNumbers(mount) }]));
  const nodes = devices.flatMap(({ path = "", node }) =>
    node === undefined ? [] : [{ path, device: BigInt(node.device), inode: BigInt(node.inode) }],
  );
  if (mounts.length + nodes.length === 0) return;
  await runLive(planRemoveNodes(config, mounts, nodes), entry, pidfd, {
    told: (index) => context?.log.warn(`${mounts[index]?.path} was not mounted any more: the container has unmounted it`),
  });
}

/** Takes the devices back after a failure; a device that cannot be taken back is reported. */
async function takeBack(
  context: RuntimeContext,
  target: LiveTarget,
  added: readonly LiveDevice[],
  rules: () => void,
): Promise<void> {
  try {
    await removeNodes(context, target, added);
  } catch (error) {
    context.log.warn(`clean-up: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    rules();
  } catch (error) {
    context.log.warn(`clean-up: ${error instanceof Error ? error.message : String(error)}`);
  }
}
