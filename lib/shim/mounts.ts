// SPDX-License-Identifier: Apache-2.0
/** The root file systems that Create brings: mounted on the bundle's `rootfs`, and taken away again. */
import { RuntimeError } from "../errors.ts";
import { Errno, errnoText } from "../kernel/errno.ts";
import * as K from "../kernel/numbers.ts";
import * as P from "../kernel/plan_numbers.ts";
import { AT_FDCWD } from "../sys/files.ts";
import { native } from "../sys/native.ts";
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
/** Options that something has to be made for first, which the shim does not. */
const UNKNOWN = ["loop", "uidmap=", "gidmap=", "X-containerd."];

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
  const layers = data[index]?.slice("lowerdir=".length).split(":") ?? [];
  const [first = ""] = layers;
  let size = first.length;
  for (const layer of layers) while (size > 0 && !layer.startsWith(first.slice(0, size))) size--;
  const end = first.slice(0, size).lastIndexOf("/");
  if (layers.length < 2 || end <= 0) return whole;
  const shorter = [...data];
  shorter[index] = `lowerdir=${layers.map((layer) => layer.slice(end + 1)).join(":")}`;
  return { data: shorter, directory: first.slice(0, end) };
}

/**
 * Mounts them, in order, on `rootfs`.
 * @throws NOT_SUPPORTED, SYSCALL; then none of them is mounted
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

function mountOne({ type, source, options }: Mount, target: string): void {
  const unknown = options.find((option) => UNKNOWN.some((each) => option.startsWith(each)));
  if (unknown !== undefined || type.includes("/")) {
    const what = `mount ${source} (${type}) on ${target}: ${unknown ?? type}`;
    throw new RuntimeError("NOT_SUPPORTED", `${what}: the shim cannot do that`);
  }
  const { flags, data } = mountOptions(options);
  const { data: fields, directory } = shortened(data);
  const attempt = `mount ${source} (${type}) on ${target}`;
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
