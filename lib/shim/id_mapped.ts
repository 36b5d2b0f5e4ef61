// SPDX-License-Identifier: Apache-2.0
/** Root file systems with mapped ids: mounts with the options `uidmap` and `gidmap`. */
import { RuntimeError } from "../errors.ts";
import { makeUserNamespace } from "../init/process.ts";
import { Errno } from "../kernel/errno.ts";
import { MOUNT_ATTR_IDMAP, MOUNT_ATTR_RDONLY } from "../kernel/plan_numbers.ts";
import { writeMaps } from "../runtime/host/id_maps.ts";
import type { LinuxIDMapping } from "../spec/types.ts";
import { withDescriptor } from "../sys/descriptors.ts";
import { AT_FDCWD, check } from "../sys/files.ts";
import { native } from "../sys/native.ts";

/** Ids are below this. */
const END = 2 ** 32;

/** The mappings of both options. */
export interface Maps {
  readonly uidMappings: readonly LinuxIDMapping[];
  readonly gidMappings: readonly LinuxIDMapping[];
}

/**
 * Mappings such as `0:100000:65536,65536:1000:1`: the id in the file system, the one that it is shown as, and how many. Pure.
 * @throws USAGE
 */
export function parseMaps(text: string): readonly LinuxIDMapping[] {
  return text.split(",").map((part) => {
    const match = /^(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(part);
    const [containerID, hostID, size] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3])];
    if (match === null || size === 0 || containerID + size > END || hostID + size > END) {
      throw new RuntimeError("USAGE", `${JSON.stringify(text)} is no id mapping: it must be FROM:TO:SIZE, and more after commas`);
    }
    return { containerID, hostID, size };
  });
}

/** The mappings that options ask for; containerd maps only where both are given. Pure. @throws USAGE */
export function mapsOf(options: readonly string[]): Maps | undefined {
  const value = (name: string): string | undefined => options.findLast((each) => each.startsWith(name))?.slice(name.length);
  const [uids, gids] = [value("uidmap="), value("gidmap=")];
  if (uids === undefined || gids === undefined || uids === "" || gids === "") return undefined;
  return { uidMappings: parseMaps(uids), gidMappings: parseMaps(gids) };
}

/** Puts a mount with mapped ids in the place of the mount at `target`. @throws SYSCALL */
export function mapMount(target: string, maps: Maps): void {
  withMapped(target, maps, 0, (fd) => {
    check(native.unmount(target), `unmount ${target}`, { path: target });
    check(native.moveMount(fd, target), `move_mount ${target}`, { path: target });
  });
}

/**
 * Mounts a directory with mapped ids, read-only, on a new directory `at`, as long as `use` runs: layers of an overlay, which keeps
 * them by itself.
 * @throws SYSCALL, and the errors of `use`
 */
export function withMappedDirectory(directory: string, maps: Maps, at: string, use: () => void): void {
  const made = native.mkdir(AT_FDCWD, at, 0o700);
  if (made !== -Errno.EEXIST) check(made, `mkdir ${at}`, { path: at });
  try {
    withMapped(directory, maps, MOUNT_ATTR_RDONLY, (fd) => check(native.moveMount(fd, at), `move_mount ${at}`, { path: at }));
    try {
      use();
    } finally {
      native.unmount(at);
    }
  } finally {
    native.rmdir(AT_FDCWD, at);
  }
}

function withMapped(path: string, maps: Maps, attributes: number, use: (fd: number) => void): void {
  const users = makeUserNamespace((pid) => writeMaps(pid, maps, "/rootfs"), "/rootfs");
  withDescriptor(users, () => {
    const tree = check(native.openTree(path, false, true), `open_tree ${path}`, { path });
    withDescriptor(tree, () => {
      const changed = native.mountSetattr(tree, false, attributes | MOUNT_ATTR_IDMAP, 0, 0, users);
      check(changed, `map the ids of ${path}: mount_setattr`, { path });
      use(tree);
    });
  });
}
