// SPDX-License-Identifier: Apache-2.0
/**
 * Sources of bind mounts as detached mounts: opened with the runtime's own rights, id-mapped where the mount asks for it.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md#posix-platform-mounts
 */
import { RuntimeError } from "../../errors.ts";
import { makeUserNamespace } from "../../init/process.ts";
import * as K from "../../kernel/plan_numbers.ts";
import { isIdMapped } from "../../plan/mount_trees.ts";
import { bindSource, parentPropagation } from "../../plan/mounts.ts";
import { parseMountOptions } from "../../plan/mount_options.ts";
import type { Namespaces } from "../../plan/namespaces.ts";
import { MountFlag, MountTree } from "../../plan/steps.ts";
import { isIdMapOption, parseIdMapOption } from "../../spec/rules/id_map_option.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import type { Config, Mount } from "../../spec/types.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { Descriptors } from "../../sys/descriptors.ts";
import { AT_FDCWD, check, O_CLOEXEC, O_PATH, O_RDONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { writeMaps, type IdMaps } from "./id_maps.ts";
import type { OpenNamespaces } from "./namespaces.ts";

/** The source of a mount; `kind` is one of {@link MountTree}. */
export interface OpenedSource {
  readonly fd: number;
  readonly kind: number;
}

/**
 * Opens sources that init is not to open itself (see `lib/plan/mount_trees.ts`), when their turn comes: a source may lie in a
 * mount that was made before it.
 *
 * @param joined the namespaces that the container joins
 * @param descriptors owns the descriptors that have to stay open until the container is ready
 * @returns opens the source of the entry `index` of `mounts` as the process `pid` sees it; `undefined` where that process has
 * to do it. It throws SYSCALL and NOT_SUPPORTED, with the mount's property
 */
export function mountTrees(
  config: Config,
  bundle: string,
  namespaces: Namespaces,
  joined: OpenNamespaces,
  descriptors: Descriptors,
): (index: number, pid: number) => OpenedSource | undefined {
  const users = new Map<string, number>();
  return (index, pid) => {
    const mount = config.mounts?.[index];
    if (mount === undefined) return undefined;
    const pointer = `/mounts/${index}`;
    const path = bindSource(mount, bundle);
    const options = parseMountOptions(mount.options ?? []);
    const idMapped = isIdMapped(mount);
    const follow = (options.flags & MountFlag.SRC_NOFOLLOW) === 0;
    const fd = openAsSeenBy(pid, path, (options.flags & MountFlag.RECURSIVE) !== 0, follow);
    if (isWithheld(fd) && !idMapped) return sourceAsSeenBy(pid, path, follow, pointer);
    const name = propertyName(pointer);
    const what = idMapped ? "id-mapped mounts need open_tree: " : "";
    check(fd, `${name} ("${mount.destination}"): ${what}open_tree ${path}`, { pointer, path });
    try {
      // In a copy of a shared mount, later mounts would spread to the host.
      const propagation = parentPropagation(config) & ~K.MS_REC;
      const changed = native.mountSetattr(fd, true, 0, 0, propagation, -1);
      // Before Linux 5.12 only init can set it, once the mount is attached.
      if (isWithheld(changed) && !idMapped) {
        native.close(fd);
        return sourceAsSeenBy(pid, path, follow, pointer);
      }
      const need = idMapped ? "id-mapped mounts need mount_setattr, which Linux has since 5.12: " : "";
      check(changed, `${name}: ${need}mount_setattr`, { pointer, path });
      if (idMapped) {
        const user = usersOf(mount, config, namespaces, joined, users, descriptors);
        mapIds(fd, user, options.idmap === "ridmap", mount, pointer, path);
      }
    } catch (error) {
      native.close(fd);
      throw error;
    }
    return { fd, kind: MountTree.DETACHED };
  };
}

/** The kernel lacks the call, a filter refuses it, or a right is missing. */
function isWithheld(result: number): boolean {
  return result === -Errno.ENOSYS || result === -Errno.EPERM;
}

/**
 * A detached mount of `path` in the mount namespace of a process. So it has the mounts of that process and, if that namespace
 * belongs to another user namespace, its locked flags. If that namespace may not be entered, this process's own is used.
 */
function openAsSeenBy(pid: number, path: string, recursive: boolean, follow: boolean): number {
  const fd = visit(pid, (there, root) => native.openTreeIn(there, root, path, recursive, follow));
  return fd === -Errno.EPERM || fd === -Errno.EINVAL ? native.openTree(path, recursive, follow) : fd;
}

/**
 * The source at `path` in the mount namespace of a process, for init to bind. `undefined` if the runtime may not enter that
 * namespace, as a user, or as root of a user namespace without a mount namespace of its own; init has both, and may succeed.
 */
function sourceAsSeenBy(pid: number, path: string, follow: boolean, pointer: string): OpenedSource | undefined {
  const fd = visit(pid, (there, root) => native.openPathIn(there, root, path, follow));
  if (fd === -Errno.EPERM || fd === -Errno.EINVAL) return undefined;
  return { fd: check(fd, `${propertyName(pointer)}: open ${path}`, { pointer, path }), kind: MountTree.SOURCE };
}

/** Calls `act` with the mount namespace and the root directory of a process; EPERM where they cannot be had. */
function visit(pid: number, act: (there: number, root: number) => number): number {
  const own = new Descriptors();
  const open = (name: string, flags: number): number => {
    const fd = native.open(AT_FDCWD, `/proc/${pid}/${name}`, flags | O_CLOEXEC, 0);
    return fd < 0 ? fd : own.own(fd);
  };
  try {
    const there = open("ns/mnt", O_RDONLY);
    const root = open("root", O_PATH);
    return there < 0 || root < 0 ? -Errno.EPERM : act(there, root);
  } finally {
    own.close();
  }
}

function mapIds(fd: number, user: number, recursive: boolean, mount: Mount, pointer: string, path: string): void {
  const result = native.mountSetattr(fd, recursive, K.MOUNT_ATTR_IDMAP, 0, 0, user);
  if (result >= 0) return;
  const name = `${propertyName(pointer)} ("${mount.destination}")`;
  const why = result === -Errno.EINVAL ? " (the file system of the source does not support id-mapped mounts)" : "";
  const text = `${name}: mount_setattr MOUNT_ATTR_IDMAP on ${path}: ${errnoText(-result)}${why}`;
  throw new RuntimeError("SYSCALL", text, { pointer, path, errno: -result });
}

/** A user namespace with the mappings of `mount`, or else those of the container. */
function usersOf(
  mount: Mount,
  config: Config,
  namespaces: Namespaces,
  joined: OpenNamespaces,
  users: Map<string, number>,
  descriptors: Descriptors,
): number {
  const listed = (mount.uidMappings?.length ?? 0) > 0;
  const asked = listed ? undefined : optionMaps(mount, config);
  const own = listed || asked !== undefined;
  if (!own) {
    for (const { flag, origin } of namespaces.joins) {
      if (flag === K.CLONE_NEWUSER) return joined.get(origin) ?? -1;
    }
  }
  const maps: IdMaps = asked ?? (listed ? mount : (config.linux ?? {}));
  const key = JSON.stringify([maps.uidMappings, maps.gidMappings]);
  let fd = users.get(key);
  if (fd === undefined) {
    const pointer = own ? `/mounts/${config.mounts?.indexOf(mount) ?? 0}` : "/linux";
    fd = descriptors.own(makeUserNamespace((pid) => writeMaps(pid, maps, pointer), pointer));
    users.set(key, fd);
  }
  return fd;
}

/** The mappings in the option `idmap` or `ridmap`, where it has some. */
function optionMaps({ options = [] }: Mount, { linux }: Config): IdMaps | undefined {
  const option = options.find(isIdMapOption);
  const maps = option === undefined ? undefined : parseIdMapOption(option, linux);
  return typeof maps === "string" ? undefined : maps;
}
