// SPDX-License-Identifier: Apache-2.0
/**
 * `root`, `mounts`, devices and paths of config.json as steps.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#mounts
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#default-devices
 */
import { MOUNT_CONTEXT } from "../spec/annotations.ts";
import { RuntimeError } from "../errors.ts";
import { pathInContainer } from "../spec/clean_path.ts";
import { propertyName } from "../spec/json/property_name.ts";
import type { Config, LinuxDevice, Mount } from "../spec/types.ts";
import type { PlanFacts } from "./facts.ts";
import * as K from "../kernel/plan_numbers.ts";
import { bindClear, parseMountOptions } from "./mount_options.ts";
import { MountFlag, type Step, type StepFields } from "./steps.ts";

const PROPAGATION: Readonly<Record<string, number>> = {
  private: K.MS_PRIVATE,
  rprivate: K.MS_PRIVATE | K.MS_REC,
  slave: K.MS_SLAVE,
  rslave: K.MS_SLAVE | K.MS_REC,
  shared: K.MS_SHARED,
  rshared: K.MS_SHARED | K.MS_REC,
  unbindable: K.MS_UNBINDABLE,
  runbindable: K.MS_UNBINDABLE | K.MS_REC,
};

/** MS_* of `linux.rootfsPropagation`; 0 where it is not given. */
export function rootfsPropagation(config: Config): number {
  return PROPAGATION[config.linux?.rootfsPropagation ?? ""] ?? 0;
}

/** MS_* that all mounts of a new mount namespace get first: the propagation between it and the host. */
export function parentPropagation(config: Config): number {
  const propagation = rootfsPropagation(config);
  // An unbindable mount could not be bound into the container, so MS_UNBINDABLE waits for `rootPropagation`.
  const late = propagation === 0 || (propagation & K.MS_UNBINDABLE) !== 0;
  return late ? K.MS_SLAVE | K.MS_REC : propagation;
}

/**
 * One step a mount, in order.
 *
 * @param beforeCgroups called before a mount that shows the container's cgroups, or that copies files of the image
 */
export function mountSteps(config: Config, facts: PlanFacts, steps: Step[], beforeCgroups: () => void): void {
  const mounts = config.mounts ?? [];
  for (let index = 0; index < mounts.length; index++) {
    const mount = mounts[index];
    if (mount === undefined) continue;
    const origin = `/mounts/${index}`;
    const pieces = facts.cgroupMounts[index];
    if (pieces !== undefined) {
      beforeCgroups();
      for (const piece of pieces) {
        const isLabelled = facts.selinux && piece.op === "mount";
        const fields = isLabelled ? { ...piece.fields, data: withLabel(piece.fields, config) } : piece.fields;
        steps.push({ ...piece, fields, origin } as Step);
      }
      continue;
    }
    const link = facts.links[index];
    if (link !== undefined) {
      const fields = { path: insideRoot(mount.destination, facts.rootfs), target: link, exact: 1 };
      steps.push({ op: "symlink", origin, fields });
      continue;
    }
    const fields = mountFields(mount, facts.bundle, isDeferredReadonly(mount), facts.rootfs);
    const unknown = unknownOption(mount);
    if (unknown !== undefined) throw badOption(`${origin}/options`, unknown);
    // The copied files are the image's, of any size: they count against the container's memory, and CPU time.
    if ((fields.flags & MountFlag.COPY_UP) !== 0) beforeCgroups();
    const data = facts.selinux ? withLabel(fields, config) : fields.data;
    if (facts.trees.includes(index)) {
      steps.push({ op: "mount", origin, fields: { ...fields, tree: index + 1 } });
    } else {
      steps.push({ op: "mount", origin, fields: data === fields.data ? fields : { ...fields, data } });
    }
  }
}

/** File systems that have no place for labels of their mounts, or get them from the policy. */
const UNLABELLED: readonly string[] = ["proc", "sysfs", "mqueue", "cgroup", "cgroup2"];

/**
 * The data of a mount with `linux.mountLabel`. The option of mount(8) that it is given as can be chosen by the
 * annotation `run.oci.mount_context_type`, as with crun.
 */
export function withLabel({ data, flags, fstype }: StepFields<"mount">, config: Config): string {
  const label = config.linux?.mountLabel ?? "";
  if (label === "" || (flags & (MountFlag.BIND | MountFlag.REMOUNT)) !== 0) return data;
  if (UNLABELLED.includes(fstype)) return data;
  const option = config.annotations?.[MOUNT_CONTEXT] ?? "context";
  const context = `${option}="${label}"`;
  return data === "" ? context : `${data},${context}`;
}

/** The mounts that become read-only only when everything that belongs into them has been made. */
export function deferredReadonlySteps(config: Config, rootfs: string, steps: Step[]): void {
  const mounts = config.mounts ?? [];
  for (let index = 0; index < mounts.length; index++) {
    const mount = mounts[index];
    if (mount === undefined || !isDeferredReadonly(mount)) continue;
    if ((parseMountOptions(mount.options ?? []).set & K.MOUNT_ATTR_RDONLY) === 0) continue;
    const path = insideRoot(mount.destination, rootfs);
    const fields = { path, set: K.MOUNT_ATTR_RDONLY, clear: 0, recursive: 0 };
    steps.push({ op: "mountAttributes", origin: `/mounts/${index}/options`, fields });
  }
}

/** Whether it is a bind mount; then its type means nothing. */
export function isBind({ options }: Mount): boolean {
  return options !== undefined && (options.includes("bind") || options.includes("rbind"));
}

/** A tmpfs may be the place of a later mount, and /dev gets the device nodes: `ro` has to wait. */
function isDeferredReadonly(mount: Mount): boolean {
  if (isBind(mount)) return false;
  return mount.type === "tmpfs" || pathInContainer(mount.destination) === "/dev";
}

/**
 * The fields of a `mount` step.
 * @param bundle the directory that a relative source of a bind mount is resolved from
 * @param deferReadonly a later step of its own sets `ro`
 * @param rootfs absolute path of the root file system, which a destination may begin with
 */
export function mountFields(mount: Mount, bundle: string, deferReadonly: boolean, rootfs = ""): StepFields<"mount"> {
  const options = parseMountOptions(mount.options ?? []);
  const bind = (options.flags & MountFlag.BIND) !== 0;
  const set = deferReadonly ? options.set & ~K.MOUNT_ATTR_RDONLY : options.set;
  let flags = options.flags;
  if (!bind && (mount.type === "proc" || mount.type === "sysfs")) flags |= MountFlag.STRICT_TARGET;
  const isNew = bind && (flags & MountFlag.REMOUNT) === 0;
  const { clear, implied } = isNew ? bindClear(options) : { clear: options.clear, implied: 0 };
  return {
    target: insideRoot(mount.destination, rootfs),
    source: bind ? bindSource(mount, bundle) : (mount.source ?? ""),
    // A type beside `bind` means nothing (config.md, mounts).
    fstype: bind ? "" : (mount.type ?? ""),
    flags,
    sb: options.sb,
    set,
    clear,
    implied,
    recSet: options.recSet,
    recClear: options.recClear,
    propagation: options.propagation,
    // A bind mount has none: `unknownOption` refuses all but those that are for the engine.
    data: bind ? "" : options.data,
    tree: 0,
  };
}

/** A destination may be given as the host sees it, with the root file system's own path in front, as runc takes it too. */
function insideRoot(destination: string, rootfs: string): string {
  const path = pathInContainer(destination);
  if (rootfs.length <= 1 || !path.startsWith(rootfs)) return path;
  const inside = path.slice(rootfs.length);
  return inside === "" ? "/" : inside.startsWith("/") ? inside : path;
}

/** The path that a bind mount shows; a relative one counts from the bundle. */
export function bindSource({ source = "" }: Mount, bundle: string): string {
  return source.startsWith("/") ? source : `${bundle}/${source}`;
}

/**
 * Options of a volume that an engine carries out itself: `z` and `Z` label the source for SELinux, `U` changes its owner. buildah before
 * 1.29 leaves them in config.json, where runc 1.1 ignores them.
 */
const OF_ENGINES: readonly string[] = ["z", "Z", "U"];

/** The error in the options of a bind mount, which has none but those that the runtime itself knows. */
export function unknownOption(mount: Mount): string | undefined {
  if (!isBind(mount)) return undefined;
  const { data, copySymlink = false, flags } = parseMountOptions(mount.options ?? []);
  const unknown = data
    .split(",")
    .filter((option) => !OF_ENGINES.includes(option))
    .join(",");
  if (unknown !== "") return `bind mounts cannot have any filesystem-specific options applied; found ${unknown}`;
  const excluded = MountFlag.SRC_NOFOLLOW | MountFlag.DEST_NOFOLLOW;
  return copySymlink && (flags & excluded) !== 0 ? "copy-symlink excludes src-nofollow and dest-nofollow" : undefined;
}

export function badOption(pointer: string, message: string): RuntimeError {
  return new RuntimeError("CONFIG_INVALID", `${propertyName(pointer)}: ${message}`, { pointer });
}

const DEFAULT_DEVICES: readonly (readonly [path: string, major: number, minor: number])[] = [
  ["/dev/null", 1, 3],
  ["/dev/zero", 1, 5],
  ["/dev/full", 1, 7],
  ["/dev/random", 1, 8],
  ["/dev/urandom", 1, 9],
  ["/dev/tty", 5, 0],
];

const SYMLINKS: readonly (readonly [path: string, target: string])[] = [
  ["/dev/fd", "/proc/self/fd"],
  ["/dev/stdin", "/proc/self/fd/0"],
  ["/dev/stdout", "/proc/self/fd/1"],
  ["/dev/stderr", "/proc/self/fd/2"],
  ["/dev/ptmx", "pts/ptmx"],
];

/** Default devices, `linux.devices` and the symbolic links of /dev; none where the host's /dev is bound. */
export function deviceSteps(config: Config, facts: PlanFacts, userNamespace: boolean, steps: Step[]): void {
  for (const mount of config.mounts ?? []) {
    if (isBind(mount) && pathInContainer(mount.destination) === "/dev") return;
  }
  // mknod of devices is not allowed in a user namespace, so nodes are bound there: see device_nodes.ts.
  const bind = userNamespace ? 1 : 0;
  const listed = config.linux?.devices ?? [];
  const listedPaths: string[] = [];
  for (const device of listed) listedPaths.push(pathInContainer(device.path));
  for (const [path, major, minor] of DEFAULT_DEVICES) {
    if (listedPaths.includes(path)) continue;
    const fields = { path, mode: K.S_IFCHR | 0o666, major, minor, uid: 0, gid: 0, bind, node: 0 };
    steps.push({ op: "device", origin: "", fields });
  }
  for (let index = 0; index < listed.length; index++) {
    const device = listed[index];
    if (device === undefined || isPtmx(device)) continue;
    const fields = { path: pathInContainer(device.path), bind, node: 0, ...deviceNumbers(device) };
    steps.push({ op: "device", origin: `/linux/devices/${index}`, fields });
  }
  for (const [path, target] of SYMLINKS) {
    steps.push({ op: "symlink", origin: "", fields: { path, target, exact: 0 } });
  }
  if (facts.kcore) {
    const fields = { path: "/dev/core", target: "/proc/kcore", exact: 0 };
    steps.push({ op: "symlink", origin: "", fields });
  }
}

/**
 * The host's /dev/ptmx, which callers list with all other devices. In the container it is the link to the ptmx of its own
 * devpts: a node that is bound from the host finds none.
 */
function isPtmx({ type, path, major = 0, minor = 0 }: LinuxDevice): boolean {
  return Number(major) === 5 && Number(minor) === 2 && (type === "c" || type === "u") && pathInContainer(path) === "/dev/ptmx";
}

function deviceNumbers(device: LinuxDevice) {
  const type = { c: K.S_IFCHR, u: K.S_IFCHR, b: K.S_IFBLK, p: K.S_IFIFO }[device.type];
  return {
    mode: type | ((device.fileMode ?? 0o666) & 0o7777),
    major: Number(device.major ?? 0),
    minor: Number(device.minor ?? 0),
    uid: device.uid ?? 0,
    gid: device.gid ?? 0,
  };
}
