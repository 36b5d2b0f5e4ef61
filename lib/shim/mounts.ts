/** The root file systems that Create brings: mounted on the bundle's `rootfs`, and taken away again. */
import { RuntimeError } from "../errors.ts";
import { Errno, errnoText } from "../kernel/errno.ts";
import { AT_FDCWD } from "../sys/files.ts";
import { native } from "../sys/native.ts";
import type { Mount } from "./proto/messages.gen.ts";

const MS_RDONLY = 1;
const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_REC = 16384;
const MS_UNBINDABLE = 1 << 17;
const MS_PRIVATE = 1 << 18;
const MS_SLAVE = 1 << 19;
const MS_SHARED = 1 << 20;
const PROPAGATION = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
/** What mount(2) takes as data is a page. */
const PAGE = 4096;
/** Mounts on one another that are taken away. */
const MOST_LAYERS = 64;

/** Options that are flags of mount(2): set, or with true cleared. */
const FLAGS: Readonly<Record<string, readonly [flag: number, clear?: true]>> = {
  async: [16, true],
  atime: [1024, true],
  bind: [MS_BIND],
  defaults: [0],
  dev: [4, true],
  diratime: [2048, true],
  dirsync: [128],
  exec: [8, true],
  mand: [64],
  noatime: [1024],
  nodev: [4],
  nodiratime: [2048],
  noexec: [8],
  nomand: [64, true],
  norelatime: [1 << 21, true],
  nostrictatime: [1 << 24, true],
  nosuid: [2],
  private: [MS_PRIVATE],
  rbind: [MS_BIND | MS_REC],
  relatime: [1 << 21],
  remount: [MS_REMOUNT],
  ro: [MS_RDONLY],
  rprivate: [MS_PRIVATE | MS_REC],
  rshared: [MS_SHARED | MS_REC],
  rslave: [MS_SLAVE | MS_REC],
  runbindable: [MS_UNBINDABLE | MS_REC],
  rw: [MS_RDONLY, true],
  shared: [MS_SHARED],
  slave: [MS_SLAVE],
  strictatime: [1 << 24],
  suid: [2, true],
  sync: [16],
  unbindable: [MS_UNBINDABLE],
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
 * The data of an overlay whose layers have long names in common, as names below a directory: with many layers the whole names do not
 * fit on a page. Pure.
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
    throw new RuntimeError("NOT_SUPPORTED", `mount ${source} (${type}) on ${target}: ${unknown ?? type}: the shim cannot do that`);
  }
  const { flags, data } = mountOptions(options);
  const { data: fields, directory } = shortened(data);
  const attempt = `mount ${source} (${type}) on ${target}`;
  const text = fields.join(",");
  if (text.length >= PAGE) throw new RuntimeError("HOST_UNABLE", `${attempt}: its options have ${text.length} bytes, the kernel takes ${PAGE}`);
  const spread = flags & PROPAGATION;
  const rest = flags & ~PROPAGATION & (spread === 0 ? -1 : ~MS_REC);
  const isBind = (flags & MS_BIND) !== 0;
  // What a bind mount is to be besides takes a second call.
  const calls = [isBind ? flags & (MS_BIND | MS_REC) : rest];
  if (isBind && (rest & ~(MS_BIND | MS_REC)) !== 0) calls.push((rest & ~MS_REC) | MS_REMOUNT);
  if (spread !== 0) calls.push(spread | (flags & MS_REC));
  for (const call of calls) {
    const result = native.mount(source, target, type, call, text, directory);
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
