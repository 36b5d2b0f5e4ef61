// SPDX-License-Identifier: Apache-2.0
/** `restore`: a container from the images of a checkpoint, by CRIU. */
import type { Cgroup } from "../../cgroups/cgroup.ts";
import { cgroupLayout } from "../../cgroups/place/layout.ts";
import { RuntimeError } from "../../errors.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import * as K from "../../kernel/plan_numbers.ts";
import { readNamespaces } from "../../plan/namespaces.ts";
import type { Config } from "../../spec/types.ts";
import { Errno } from "../../kernel/errno.ts";
import { Descriptors, withDescriptor } from "../../sys/descriptors.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, check, readText } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import type { Bundle } from "../bundle.ts";
import { destroy } from "../container/destroy.ts";
import { writePidFile, type Entry } from "../container/store.ts";
import { Foreground } from "../foreground/foreground.ts";
import { hookState, runHooks } from "../host/hooks.ts";
import { openBundle } from "../launch/launch.ts";
import type { RecordDraft } from "../launch/record_draft.ts";
import { register, type Registered } from "../launch/register.ts";
import { attempt, type Undo } from "../launch/undo.ts";
import type { RuntimeContext, StandardStreams } from "../options.ts";
import type { ContainerRecord } from "../record.ts";
import { DESCRIPTORS } from "./checkpoint.ts";
import { Criu, explained, type OnNotify } from "./criu.ts";
import { CriuType, type CriuFields } from "./messages.ts";
import { makeMountPoints } from "./mount_points.ts";
import { externalMounts, NULL_MOUNT } from "./mounts.ts";
import { commonFields, openDirectories, warnIfRootless, type CriuDirectories, type CriuOptions } from "./options.ts";

/** Options of `restore`. */
export interface RestoreOptions extends CriuOptions, StandardStreams {
  /** Absolute path of the bundle. */
  readonly bundle: string;
  readonly detach?: boolean;
  /** File that gets the pid of the container's first process: written aside and renamed, no newline. */
  readonly pidFile?: string;
  /** AF_UNIX socket that gets the master of the console. */
  readonly consoleSocket?: string;
  /** Do not become the reaper of orphaned descendants. Default false. */
  readonly noSubreaper?: boolean;
  /** `TYPE:NAME` of a profile of a security module, instead of the saved one. */
  readonly lsmProfile?: string;
  /** SELinux context for mounts, instead of the saved one. */
  readonly lsmMountContext?: string;
}

/** The first descriptor that CRIU inherits from the runtime: 0, 1, 2 and its socket come before. */
const FIRST_FD = 4;
/** CRIU's names of the namespaces that it joins by a path. */
const JOINED: Readonly<Record<string, string>> = { mount: "mnt", ipc: "ipc", uts: "uts", user: "user", time: "time" };

/** A container that CRIU has restored. */
interface Restored extends Registered {
  readonly pidfd: number;
}

/** The request that follows from the images and config.json, with the descriptors that are open for it. */
interface Images {
  readonly directories: CriuDirectories;
  /** Descriptors that CRIU gets. */
  readonly childFds: readonly number[];
  readonly fields: CriuFields;
}

/** Refuses features that `create` sets up and CRIU does not restore; their loss would go unnoticed. @throws NOT_SUPPORTED */
function refuseUnrestored({ linux }: Config, { systemdCgroup, withoutCgroups }: RuntimeContext): void {
  if (withoutCgroups === true) {
    throw new RuntimeError(
      "NOT_SUPPORTED",
      "--cgroup-manager disabled: restore cannot do this: CRIU puts processes into a cgroup",
    );
  }
  if (systemdCgroup) {
    throw new RuntimeError("NOT_SUPPORTED", "--systemd-cgroup: restore cannot do this yet; leave the option out for cgroupfs");
  }
  // A network namespace that exists outside the container has kept the devices.
  const keptDevices = (linux?.namespaces ?? []).some(({ type, path }) => type === "network" && path !== undefined && path !== "");
  const asked: readonly (readonly [string, boolean])[] = [
    ["netDevices", !keptDevices && Object.keys(linux?.netDevices ?? {}).length > 0],
    ["intelRdt", linux?.intelRdt !== undefined],
  ];
  for (const [name, isAsked] of asked) {
    if (!isAsked) continue;
    const text = `linux.${name}: restore cannot do this yet; take it out of config.json to restore without`;
    throw new RuntimeError("NOT_SUPPORTED", text, { pointer: `/linux/${name}` });
  }
}

/**
 * Restores a container; unless detached, waits for its end and deletes it.
 * @returns the exit status of its process, or 128 and the number of the signal that ended it; 0 if detached
 * @throws CONTAINER_EXISTS, CONFIG_INVALID, USAGE, HOST_UNABLE with CRIU's reason, HOOK_FAILED, CGROUP; nothing is left behind
 */
export async function restore(context: RuntimeContext, options: RestoreOptions): Promise<number> {
  return (await bringUp(context, options)).status;
}

/**
 * Restores a container, and returns once it runs.
 * @returns the pid of its first process, a child of the caller
 * @throws as {@link restore}
 */
export async function restoreDetached(context: RuntimeContext, options: RestoreOptions): Promise<number> {
  return (await bringUp(context, { ...options, detach: true })).pid;
}

/** The result of a restore: `status` is 0 where the process was not waited for. */
interface Outcome {
  readonly pid: number;
  readonly status: number;
}

async function bringUp(context: RuntimeContext, options: RestoreOptions): Promise<Outcome> {
  warnIfRootless(context);
  const bundle = openBundle(context, options);
  refuseUnrestored(bundle.config, context);
  const foreground = await Foreground.open(bundle.config.process?.terminal === true, options, options.noSubreaper !== true);
  try {
    const restored = await bringBack(context, options, bundle, foreground);
    try {
      const pid = restored.draft.record.init_process_pid;
      return { pid, status: await follow(context, restored, foreground) };
    } finally {
      native.close(restored.pidfd);
      restored.entry.close();
    }
  } finally {
    foreground.close();
  }
}

async function follow(context: RuntimeContext, { entry, draft, pidfd }: Restored, foreground: Foreground): Promise<number> {
  if (foreground.isDetached) return 0;
  entry.unlock();
  const status = foreground.untilEnd(draft.record.init_process_pid, pidfd);
  await destroy(context, entry, draft.record);
  return status;
}

function bringBack(context: RuntimeContext, options: RestoreOptions, bundle: Bundle, foreground: Foreground): Promise<Restored> {
  const { config } = bundle;
  const make = async (undo: Undo, descriptors: Descriptors): Promise<Restored> => {
    const images = openImages(options, config, descriptors);
    const namespaces = readNamespaces(config);
    const wanted = { context, options, bundle, namespaces, rootless: false, layout: cgroupLayout() };
    const registered = await register(wanted, {}, undo);
    const { entry, cgroup, draft } = registered;
    entry.writeFile("config.json", bundle.text);
    cgroup.create();
    cgroup.limit(config.linux?.resources);
    const root = mountRoot(entry, bundle.rootfs);
    undo.add(() => entry.removeRestoreRoot());
    const criu = Criu.start(images.childFds, options.stdio, options.criuPath);
    undo.add(() => cgroup.killAll(SIGKILL));
    undo.add(() => criu.close());
    await makeMountPoints(bundle);
    joinCgroups(cgroup, criu.pid);
    const opts = { ...images.fields, root, ext_mnt: restoredMounts(bundle, cgroup), cg_root: cgroupRoots(criu.pid) };
    const notified = notifications({ context, options, bundle, foreground, draft, undo });
    const what = `restore of ${options.id}`;
    try {
      await criu.request({ type: CriuType.RESTORE, opts }, what, notified);
    } catch (error) {
      throw await explained(error, what, images.directories.log);
    }
    criu.close();
    entry.removeRestoreRoot();
    const pidfd = check(native.pidfdOpen(draft.record.init_process_pid), "pidfd_open of the restored process");
    return { ...registered, pidfd };
  };
  return attempt(context.log, make, (error) => error);
}

/** @param descriptors owns the opened descriptors @throws USAGE, NOT_SUPPORTED, STATE_DAMAGED, SYSCALL */
function openImages(options: RestoreOptions, config: Config, descriptors: Descriptors): Images {
  const directories = openDirectories(options, false, "restore.log", descriptors);
  const { inherit, join, childFds } = joinedNamespaces(config, descriptors);
  const fields: CriuFields = {
    ...commonFields(options, config, directories),
    evasive_devices: true,
    rst_sibling: true,
    inherit_fd: [...inherit, ...inheritedStreams(options.imagePath)],
    join_ns: join,
    lsm_profile: options.lsmProfile,
    lsm_mount_context: options.lsmMountContext,
  };
  return { directories, childFds, fields };
}

/** The mounts of the host that CRIU has to make. */
function restoredMounts({ config, path, rootfs }: Bundle, cgroup: Cgroup): CriuFields[] {
  const mounts: CriuFields[] = [];
  for (const { key, source } of externalMounts(config, path, rootfs, cgroup.paths)) mounts.push({ key, val: source });
  if ((config.linux?.maskedPaths ?? []).length > 0) mounts.push({ key: NULL_MOUNT.key, val: NULL_MOUNT.source });
  return mounts;
}

/** The state that the notifications of a restore act on. */
interface Notified {
  readonly context: RuntimeContext;
  readonly options: RestoreOptions;
  readonly bundle: Bundle;
  readonly foreground: Foreground;
  readonly draft: RecordDraft;
  readonly undo: Undo;
}

/** The handler of CRIU's notifications during a restore. */
function notifications({ context, options, bundle, foreground, draft, undo }: Notified): OnNotify {
  return async (script, pid, received) => {
    context.log.debug(`criu: ${script}`);
    passOn(script, received, foreground);
    if (script === "setup-namespaces") await runtimeHooks(bundle, draft.record, pid);
    if (script !== "post-restore") return;
    draft.change({ created: new Date().toISOString(), restored: { time_namespace: hasOwnTime(pid) } });
    draft.setProcess(pid);
    draft.prepare();
    const { pidFile } = options;
    if (pidFile !== undefined) {
      writePidFile(pidFile, pid);
      undo.add(() => void native.unlink(AT_FDCWD, pidFile));
    }
    draft.publish();
  };
}

/** Passes on the master of the console, which CRIU sends once, and closes all other descriptors. @throws SYSCALL */
function passOn(script: string, received: readonly number[], foreground: Foreground): void {
  const [first] = received;
  const master = script === "orphan-pts-master" ? first : undefined;
  const named = foreground.namedConsoleSocket;
  try {
    if (master === undefined) return;
    if (named === undefined) foreground.takeMaster(master);
    else check(native.sendMessage(named, "orphan-pts-master", [master]), "send the console to --console-socket");
  } finally {
    for (const fd of received) if (fd !== master || named !== undefined) native.close(fd);
  }
}

/** CRIU needs a root that is a mount point, and whose parent is not covered by a mount. */
function mountRoot(entry: Entry, rootfs: string): string {
  const path = entry.makeRestoreRoot();
  try {
    if (!mountDetached(rootfs, path)) mountAtOnce(rootfs, path);
    return path;
  } catch (error) {
    entry.removeRestoreRoot();
    throw error;
  }
}

/** False: the kernel lacks one of the calls (Linux 5.2 and 5.12), or a filter refuses it. */
function mountDetached(rootfs: string, path: string): boolean {
  return withDescriptor(native.openTree(rootfs, true, true), (tree) => {
    if (isWithheld(tree)) return false;
    check(tree, `root.path: open_tree ${rootfs}`, { pointer: "/root/path", path: rootfs });
    const changed = native.mountSetattr(tree, true, 0, 0, K.MS_PRIVATE, -1);
    const moved = changed < 0 ? changed : native.moveMount(tree, path);
    if (isWithheld(moved)) return false;
    check(changed, "root.path: mount_setattr", { path: rootfs });
    check(moved, `root.path: move_mount ${path}`, { path });
    return true;
  });
}

/** Uses mount(2), whose own error tells of a missing right. `path` lies in the runtime's own directory. */
function mountAtOnce(rootfs: string, path: string): void {
  check(native.mount(rootfs, path, K.MS_BIND | K.MS_REC), `root.path: mount ${rootfs}`, { pointer: "/root/path", path: rootfs });
  check(native.mount("", path, K.MS_PRIVATE | K.MS_REC), `root.path: mount ${path}`, { path });
}

function isWithheld(result: number): boolean {
  return result === -Errno.ENOSYS || result === -Errno.EPERM;
}

/** CRIU has one thread at this point, so moving this task moves all of CRIU; restored processes start in the same cgroup. */
function joinCgroups(cgroup: Cgroup, pid: number): void {
  const open = new Descriptors();
  try {
    for (const fd of cgroup.joinFds()) open.own(fd);
    for (const fd of open.all) check(native.write(fd, String(pid)), "linux.cgroupsPath: move criu into the cgroup");
  } finally {
    open.close();
  }
}

/** The present cgroup of the saved processes, for each controller. */
function cgroupRoots(pid: number): CriuFields[] {
  const roots: CriuFields[] = [];
  for (const line of readText(`/proc/${pid}/cgroup`).split("\n")) {
    const [, controllers, ...rest] = line.split(":");
    if (controllers === undefined) continue;
    for (const ctrl of controllers.split(",")) roots.push({ ctrl, path: rest.join(":") });
  }
  return roots;
}

/** Namespaces that config.json names by paths. */
function joinedNamespaces(config: Config, descriptors: Descriptors) {
  const childFds: number[] = [];
  const inherit: CriuFields[] = [];
  const join: CriuFields[] = [];
  for (const [index, { type, path }] of (config.linux?.namespaces ?? []).entries()) {
    if (path === undefined || path === "") continue;
    const pointer = `/linux/namespaces/${index}/path`;
    if (type === "network" || type === "pid") {
      const fd = native.open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
      descriptors.own(check(fd, `linux.namespaces[${index}].path: open ${path}`, { pointer, path }));
      inherit.push({ key: type === "network" ? "extRootNetNS" : "extRootPidNS", fd: FIRST_FD + childFds.length });
      childFds.push(fd);
      continue;
    }
    const ns = JOINED[type];
    if (ns === undefined) {
      const text = `linux.namespaces[${index}]: CRIU cannot restore a container into a ${type} namespace that is there`;
      throw new RuntimeError("NOT_SUPPORTED", text, { pointer });
    }
    join.push({ ns, ns_file: path });
  }
  return { inherit, join, childFds };
}

/** A pipe, a FIFO or a file of the caller of `create` is replaced by the runtime's own standard stream. */
function inheritedStreams(images: string): CriuFields[] {
  const path = `${images}/${DESCRIPTORS}`;
  let names: unknown;
  try {
    names = JSON.parse(readText(path));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RuntimeError("STATE_DAMAGED", `--image-path: ${path}: ${why}`, { path }, error);
  }
  const streams: CriuFields[] = [];
  for (const [fd, key] of (Array.isArray(names) ? names : []).entries()) {
    if (fd < 3 && typeof key === "string" && /^(pipe:|file)\[/.test(key)) streams.push({ key, fd });
  }
  return streams;
}

async function runtimeHooks({ config, path }: Bundle, record: ContainerRecord, pid: number): Promise<void> {
  const state = hookState(record, "creating", pid);
  await runHooks("prestart", config.hooks?.prestart, state, path, config.annotations);
  await runHooks("createRuntime", config.hooks?.createRuntime, state, path, config.annotations);
}

/** Whether a process is in another time namespace than this one. */
function hasOwnTime(pid: number): boolean {
  return native.readlink(AT_FDCWD, `/proc/${pid}/ns/time`) !== native.readlink(AT_FDCWD, "/proc/self/ns/time");
}
