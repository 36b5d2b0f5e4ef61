// SPDX-License-Identifier: Apache-2.0
/** `checkpoint`: the processes of a container as files, by CRIU. */
import { RuntimeError } from "../../errors.ts";
import type { Config } from "../../spec/types.ts";
import { Descriptors } from "../../sys/descriptors.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_RDWR, O_TRUNC, O_WRONLY, SMALL_FILE, check } from "../../sys/files.ts";
import { F_GETFL, S_IFIFO, S_IFMT, S_IFREG } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { Criu, explained, ignoreNotify } from "./criu.ts";
import { CriuType, type CriuFields } from "./messages.ts";
import { externalMounts, maskedFiles } from "./mounts.ts";
import { commonFields, openDirectories, warnIfRootless, type CriuDirectories, type CriuOptions } from "./options.ts";
import { destroy, stopInit } from "../container/destroy.ts";
import { savedConfig } from "../container/saved_config.ts";
import type { RuntimeContext } from "../options.ts";
import { status } from "../container/status.ts";
import { find, recordOf } from "../container/store.ts";
import type { ContainerRecord } from "../record.ts";

/** Options of `checkpoint`. */
export interface CheckpointOptions extends CriuOptions {
  /** Images of an earlier pre-dump, relative to the image directory. */
  readonly parentPath?: string;
  readonly leaveRunning?: boolean;
  readonly tcpSkipInFlight?: boolean;
  readonly linkRemap?: boolean;
  /** Descriptor that gets a zero byte when lazy pages can be fetched. Default: none. */
  readonly statusFd?: number;
  /** The page server that receives the memory; without one the memory goes into files. */
  readonly pageServer?: { readonly address: string; readonly port: number };
  /** Memory only; the container goes on. */
  readonly preDump?: boolean;
}

/** A table of mounts that is larger, in bytes, is not looked at. */
const LARGEST_TABLE = 16 << 20;

/** File beside CRIU's images with CRIU's names of descriptors 0, 1 and 2. It has runc's name and form. */
export const DESCRIPTORS = "descriptors.json";

/**
 * Writes the images of a container. Unless it is to go on, the container is deleted.
 * @throws CONTAINER_NOT_FOUND, WRONG_STATE unless it runs or is paused, USAGE, HOST_UNABLE with CRIU's reason, SYSCALL
 */
export async function checkpoint(context: RuntimeContext, options: CheckpointOptions): Promise<void> {
  warnIfRootless(context);
  const entry = find(context.root, options.id);
  const descriptors = new Descriptors();
  try {
    const record = recordOf(entry);
    const now = status(entry, record);
    if (record === undefined || (now !== "running" && now !== "paused")) {
      throw new RuntimeError("WRONG_STATE", `Container cannot be checkpointed in ${now} state`);
    }
    if (!(await entry.lock())) {
      throw new RuntimeError("WRONG_STATE", `cannot checkpoint container ${options.id}: another runtime is at work on it`);
    }
    if (record.recording !== undefined) {
      const text = `container ${options.id} cannot be checkpointed: its system calls are recorded, and CRIU cannot save that`;
      throw new RuntimeError("WRONG_STATE", text);
    }
    if (options.preDump !== true) checkLive(record);
    checkParent(options);
    checkStatusFd(options.statusFd);
    await checkFeatures(options);
    const directories = openDirectories(options, true, "dump.log", descriptors);
    await dump(context, options, savedConfig(entry), record, directories);
    if (options.leaveRunning === true || options.preDump === true) return;
    // CRIU has killed the processes; this waits until the first one is gone.
    await stopInit(record, context.root);
    await destroy(context, entry, record);
  } finally {
    descriptors.close();
    entry.close();
  }
}

/** CRIU restores the mounts of config.json, and would not know where the others come from. @throws WRONG_STATE */
function checkLive({ id, mounts = [], devices = [] }: ContainerRecord): void {
  const added = [
    ...mounts.map(({ destination }) => `mounts remove --destination ${destination}`),
    ...devices.flatMap(({ path, mount }) => (mount === undefined || path === undefined ? [] : [`devices remove ${path}`])),
  ];
  if (added.length === 0) return;
  const text = `container ${id} cannot be checkpointed: mounts were added to it; take them away first: ${added.join("; ")}`;
  throw new RuntimeError("WRONG_STATE", text);
}

async function dump(
  context: RuntimeContext,
  options: CheckpointOptions,
  config: Config,
  record: ContainerRecord,
  directories: CriuDirectories,
): Promise<void> {
  const pid = record.init_process_pid;
  const { parentPath, pageServer, preDump } = options;
  const streams = streamNames(record);
  const fields: CriuFields = {
    ...commonFields(options, config, directories),
    pid,
    root: record.rootfs,
    leave_running: options.leaveRunning ?? false,
    tcp_skip_in_flight: options.tcpSkipInFlight ?? false,
    link_remap: options.linkRemap ?? false,
    external: [...externalNamespaces(config), ...new Set(streams.filter((name) => name.startsWith("file[")))],
    freeze_cgroup: record.cgroup_paths["freezer"],
    ...(pageServer === undefined ? {} : { ps: { ...pageServer } }),
    ...(parentPath === undefined ? {} : { parent_img: parentPath, track_mem: true }),
    ...(preDump === true ? {} : { ext_mnt: dumpMounts(config, record) }),
  };
  if (preDump !== true) {
    const path = `${options.imagePath}/${DESCRIPTORS}`;
    const text = JSON.stringify(streams);
    const flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    check(native.writeFile(AT_FDCWD, path, flags, 0o600, text), `write ${path}`, { path });
  }
  const what = `checkpoint of ${record.id}`;
  const criu = Criu.start([], undefined, options.criuPath);
  try {
    const type = preDump === true ? CriuType.PRE_DUMP : CriuType.DUMP;
    await criu.request({ type, opts: fields }, what, (script, _pid, received) => {
      context.log.debug(`criu: ${script}`);
      for (const fd of received) native.close(fd);
      if (script === "status-ready" && options.statusFd !== undefined) tellStatus(context, options.statusFd);
    });
  } catch (error) {
    throw await explained(error, what, directories.log);
  } finally {
    criu.close();
  }
}

function dumpMounts(config: Config, record: ContainerRecord): CriuFields[] {
  const root = `/proc/${record.init_process_pid}/root`;
  const mounts: CriuFields[] = [];
  for (const { key } of externalMounts(config, record.bundle, root, record.cgroup_paths)) mounts.push({ key, val: key });
  for (const key of maskedFiles(config, root)) mounts.push({ key, val: "/dev/null" });
  return mounts;
}

/** Namespaces that the container has joined stay the host's: CRIU gets their inodes and a name for the restore. */
function externalNamespaces(config: Config): string[] {
  const external: string[] = [];
  for (const { type, path } of config.linux?.namespaces ?? []) {
    if (path === undefined || path === "" || (type !== "network" && type !== "pid")) continue;
    const stat = native.stat(AT_FDCWD, path, true);
    if (typeof stat === "number") throw new RuntimeError("SYSCALL", `linux.namespaces: stat ${path}: it is gone`, { path });
    external.push(type === "network" ? `net[${stat.ino}]:extRootNetNS` : `pid[${stat.ino}]:extRootPidNS`);
  }
  return external;
}

/**
 * CRIU's names of the standard streams that the caller of `create` gave: `pipe:[5]` as it is, and `file[MOUNT:INODE]`, in hexadecimal, of a FIFO
 * or a file of the host, which CRIU would look for among the container's mounts.
 */
function streamNames({ init_process_pid: pid, external_descriptors: targets = [] }: ContainerRecord): string[] {
  const names = [...targets];
  if (!names.some((name) => name.startsWith("/"))) return names;
  const open = native.readdir(AT_FDCWD, `/proc/${pid}/fd`);
  const mounts = native.readFile(AT_FDCWD, `/proc/${pid}/mountinfo`, LARGEST_TABLE);
  if (typeof open === "number" || typeof mounts === "number") return names;
  for (const fd of open) {
    const target = native.readlink(AT_FDCWD, `/proc/${pid}/fd/${fd}`);
    if (typeof target === "number" || !target.startsWith("/") || !targets.includes(target)) continue;
    const key = hostFile(pid, fd, mounts);
    if (key === undefined) continue;
    for (const [index, name] of targets.entries()) if (name === target) names[index] = key;
  }
  return names;
}

/** `undefined` for what is not a FIFO or a file, or is on one of the container's `mounts`. */
function hostFile(pid: number, fd: string, mounts: string): string | undefined {
  const info = native.readFile(AT_FDCWD, `/proc/${pid}/fdinfo/${fd}`, SMALL_FILE);
  const mount = typeof info === "number" ? undefined : /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
  if (mount === undefined || mounts.startsWith(`${mount} `) || mounts.includes(`\n${mount} `)) return undefined;
  // Not before: a file system of the container's may not answer.
  const stat = native.stat(AT_FDCWD, `/proc/${pid}/fd/${fd}`, true);
  if (typeof stat === "number") return undefined;
  const type = stat.mode & S_IFMT;
  if (type !== S_IFIFO && type !== S_IFREG) return undefined;
  return `file[${Number(mount).toString(16)}:${stat.ino.toString(16)}]`;
}

/** @throws USAGE */
function checkParent({ imagePath, parentPath }: CheckpointOptions): void {
  if (parentPath === undefined) return;
  if (parentPath.startsWith("/")) throw new RuntimeError("USAGE", "--parent-path must be relative");
  const path = `${imagePath}/${parentPath}`;
  const names = native.readdir(AT_FDCWD, path);
  if (typeof names === "number") {
    throw new RuntimeError("USAGE", `invalid --parent-path: ${path} is no directory that can be read`, { path });
  }
}

/** @throws USAGE */
function checkStatusFd(fd: number | undefined): void {
  if (fd === undefined) return;
  const flags = native.fcntl(fd, F_GETFL, 0);
  if (flags < 0) throw new RuntimeError("USAGE", `invalid --status-fd argument ${fd}: it is not open`);
  if ((flags & (O_WRONLY | O_RDWR)) === 0) throw new RuntimeError("USAGE", `invalid --status-fd argument ${fd}: not writable`);
}

function tellStatus(context: RuntimeContext, fd: number): void {
  const written = native.write(fd, new Uint8Array(1));
  if (written < 0) context.log.warn(`cannot write to --status-fd ${fd}`);
  // The reader of the descriptor waits for its end, and must not have to wait for the end of this process.
  native.close(fd);
}

/** @throws HOST_UNABLE where CRIU or the kernel lacks a feature that the options need */
async function checkFeatures({ preDump, lazyPages, criuPath }: CheckpointOptions): Promise<void> {
  if (preDump !== true && lazyPages !== true) return;
  const criu = Criu.start([], undefined, criuPath);
  try {
    const request = { type: CriuType.FEATURE_CHECK, features: { mem_track: true, lazy_pages: true } };
    const { features } = await criu.request(request, "feature check", ignoreNotify);
    const missing: string[] = [];
    if (preDump === true && !features.memTrack) missing.push("MemTrack");
    if (lazyPages === true && !features.lazyPages) missing.push("LazyPages");
    if (missing.length > 0) throw new RuntimeError("HOST_UNABLE", `criu is missing features: [${missing.join(" ")}]`);
  } finally {
    criu.close();
  }
}
