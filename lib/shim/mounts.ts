// SPDX-License-Identifier: Apache-2.0
/** The root file systems that Create brings: mounted on the bundle's `rootfs`, and taken away again. */
import { RuntimeError } from "../errors.ts";
import { Errno, errnoText } from "../kernel/errno.ts";
import * as K from "../kernel/numbers.ts";
import * as P from "../kernel/plan_numbers.ts";
import { AT_FDCWD } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import { mapMount, mapsOf, type Maps, withMappedDirectory } from "./id_mapped.ts";
import { attachLoop } from "./loop_device.ts";
import type { Mount } from "./proto/messages.gen.ts";

const PROPAGATION = P.MS_SHARED | P.MS_PRIVATE | P.MS_SLAVE | P.MS_UNBINDABLE;
/** The size of the data of mount(2): one page. */
const PAGE = 4096;
/** Mounts on one another that are taken away. */
const MOST_LAYERS = 64;

/** Options that are flags of mount(2): set, or with true cleared. */
const FLAGS: Readonly<Record<string, readonly [flag: number, clear?: true]>> = {
  async: [P.MS_SYNCHRONOUS, true],
  atime: [K.MS_NOATIME, true],
  bind: [K.MS_BIND],
  defaults: [0],
  dev: [K.MS_NODEV, true],
  diratime: [K.MS_NODIRATIME, true],
  dirsync: [P.MS_DIRSYNC],
  exec: [K.MS_NOEXEC, true],
  mand: [P.MS_MANDLOCK],
  noatime: [K.MS_NOATIME],
  nodev: [K.MS_NODEV],
  nodiratime: [K.MS_NODIRATIME],
  noexec: [K.MS_NOEXEC],
  nomand: [P.MS_MANDLOCK, true],
  norelatime: [K.MS_RELATIME, true],
  nostrictatime: [K.MS_STRICTATIME, true],
  nosuid: [K.MS_NOSUID],
  private: [P.MS_PRIVATE],
  rbind: [K.MS_BIND | P.MS_REC],
  relatime: [K.MS_RELATIME],
  remount: [K.MS_REMOUNT],
  ro: [K.MS_RDONLY],
  rprivate: [P.MS_PRIVATE | P.MS_REC],
  rshared: [P.MS_SHARED | P.MS_REC],
  rslave: [P.MS_SLAVE | P.MS_REC],
  runbindable: [P.MS_UNBINDABLE | P.MS_REC],
  rw: [K.MS_RDONLY, true],
  shared: [P.MS_SHARED],
  slave: [P.MS_SLAVE],
  strictatime: [K.MS_STRICTATIME],
  suid: [K.MS_NOSUID, true],
  sync: [P.MS_SYNCHRONOUS],
  unbindable: [P.MS_UNBINDABLE],
};
/** Options of containerd's manager of mounts, which acts on them before a shim gets the mount. */
const INTERNAL = "X-containerd.";
/** Where the layers of an overlay are mounted with mapped ids, beside `rootfs`. */
const MAPPED = "mapped";

/** Options of fstab as those of mount(2). Pure. */
export function mountOptions(options: readonly string[]): { readonly flags: number; readonly data: readonly string[] } {
  let flags = 0;
  const data: string[] = [];
  for (const option of options) {
    const known = FLAGS[option];
    if (known === undefined) data.push(option);
    else if (known[1] === true) flags &= ~known[0];
    else flags |= known[0];
  }
  return { flags, data };
}

/**
 * The data of an overlay whose layers have long names in common, as names below a directory: with many layers the whole names do
 * not fit on a page. Pure.
 */
export function shortened(data: readonly string[]): { readonly data: readonly string[]; readonly directory: string } {
  const whole = { data, directory: "" };
  if (data.join(",").length < PAGE - 1) return whole;
  const index = data.findIndex((option) => option.startsWith("lowerdir="));
  const layers = layersOf(data[index]);
  const directory = commonDirectory(layers);
  if (layers.length < 2 || directory === "") return whole;
  const shorter = [...data];
  shorter[index] = `lowerdir=${layers.map((layer) => layer.slice(directory.length + 1)).join(":")}`;
  return { data: shorter, directory };
}

function layersOf(option: string | undefined): readonly string[] {
  return option?.slice("lowerdir=".length).split(":") ?? [];
}

/** The directory that all paths lie in; "" for the root directory, or none. Pure. */
function commonDirectory(paths: readonly string[]): string {
  const [first = ""] = paths;
  let size = first.length;
  for (const path of paths) while (size > 0 && !path.startsWith(first.slice(0, size))) size--;
  return first.slice(0, Math.max(0, first.slice(0, size).lastIndexOf("/")));
}

/**
 * Mounts them, in order, on `rootfs`.
 * @throws NOT_SUPPORTED, USAGE, HOST_UNABLE, SYSCALL; then none of them is mounted
 */
export function mountRoot(mounts: readonly Mount[], rootfs: string): void {
  if (mounts.length === 0) return;
  const made = native.mkdir(AT_FDCWD, rootfs, 0o711);
  if (made < 0 && made !== -Errno.EEXIST) throw failed(`mkdir ${rootfs}`, made, rootfs);
  try {
    for (const each of mounts) mountOne(each, each.target === "" ? rootfs : `${rootfs}/${each.target}`);
  } catch (error) {
    unmountRoot(rootfs);
    throw error;
  }
}

function mountOne(mount: Mount, target: string): void {
  const { type, source } = mount;
  const attempt = `mount ${source} (${type}) on ${target}`;
  const internal = mount.options.find((option) => option.startsWith(INTERNAL));
  if (internal !== undefined || type.includes("/")) {
    const what = internal ?? `the type ${type}`;
    throw new RuntimeError("NOT_SUPPORTED", `${attempt}: ${what} is for containerd's manager of mounts, and no shim's work`);
  }
  const maps = mapsOf(mount.options);
  const options = mount.options.filter((option) => !/^[ug]idmap=/.test(option));
  // An overlay takes the ids of its layers: these are mapped, and not the overlay.
  if (maps !== undefined && type === "overlay") return mountMappedOverlay({ ...mount, options }, target, maps, attempt);
  if (options.includes("loop")) mountLoop({ ...mount, options }, target, attempt);
  else mountPlain({ ...mount, options }, target, attempt);
  if (maps !== undefined) mapMount(target, maps);
}

function mountMappedOverlay(mount: Mount, target: string, maps: Maps, attempt: string): void {
  const layers = mount.options.filter((option) => option.startsWith("lowerdir=")).flatMap(layersOf);
  // A layer alone: the directory that it lies in is mapped.
  const directory = commonDirectory(layers);
  if (directory === "") throw new RuntimeError("USAGE", `${attempt}: its lowerdir have no directory in common, but the root`);
  const at = `${target.slice(0, target.lastIndexOf("/"))}/${MAPPED}`;
  const moved = layers.map((layer) => `${at}${layer.slice(directory.length)}`);
  const others = mount.options.filter((option) => !option.startsWith("lowerdir="));
  const options = [...others, `lowerdir=${moved.join(":")}`];
  withMappedDirectory(directory, maps, at, () => mountPlain({ ...mount, options }, target, attempt));
}

/** Mounts a file as the device that it is made to be; the device ends with the mount. */
function mountLoop(mount: Mount, target: string, attempt: string): void {
  const options = mount.options.filter((option) => option !== "loop" && option !== "direct-io");
  const readonly = (mountOptions(options).flags & K.MS_RDONLY) !== 0;
  const device = attachLoop(mount.source, { readonly, direct: mount.options.includes("direct-io") });
  try {
    mountPlain({ ...mount, source: device.path, options }, target, attempt);
  } finally {
    native.close(device.fd);
  }
}

function mountPlain({ type, source, options }: Mount, target: string, attempt: string): void {
  const { flags, data } = mountOptions(options);
  const { data: fields, directory } = shortened(data);
  const text = fields.join(",");
  if (text.length >= PAGE) {
    throw new RuntimeError("HOST_UNABLE", `${attempt}: its options have ${text.length} bytes, the kernel takes ${PAGE}`);
  }
  const spread = flags & PROPAGATION;
  const rest = flags & ~PROPAGATION & (spread === 0 ? -1 : ~P.MS_REC);
  const isBind = (flags & K.MS_BIND) !== 0;
  // The other flags of a bind mount take a second call.
  const calls = [isBind ? flags & (K.MS_BIND | P.MS_REC) : rest];
  if (isBind && (rest & ~(K.MS_BIND | P.MS_REC)) !== 0) calls.push((rest & ~P.MS_REC) | K.MS_REMOUNT);
  if (spread !== 0) calls.push(spread | (flags & P.MS_REC));
  for (const call of calls) {
    const result = native.mountFileSystem(source, target, type, call, text, directory);
    if (result < 0) throw failed(attempt, result, target);
  }
}

function failed(attempt: string, result: number, path: string): RuntimeError {
  return new RuntimeError("SYSCALL", `${attempt}: ${errnoText(-result)}`, { path, errno: -result, syscall: "mount" });
}

/** Unmounts all that is mounted on `rootfs`, and in it. */
export function unmountRoot(rootfs: string): void {
  for (let layer = 0; layer < MOST_LAYERS && native.unmount(rootfs) === 0; layer++);
}
