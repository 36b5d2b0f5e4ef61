// SPDX-License-Identifier: Apache-2.0
/** Mounts of a container that come from the host: CRIU does not save them, and needs a description of each. */
import { S_IFDIR, S_IFMT } from "../../kernel/numbers.ts";
import { cgroupLayout } from "../../cgroups/place/layout.ts";
import { cgroupMounts } from "../../cgroups/place/mounts.ts";
import * as K from "../../kernel/plan_numbers.ts";
import { bindSource, isBind } from "../../plan/mounts.ts";
import { hasNamespace, readNamespaces } from "../../plan/namespaces.ts";
import { RuntimeError } from "../../errors.ts";
import { pathInContainer } from "../../spec/clean_path.ts";
import type { Config } from "../../spec/types.ts";
import { copiedLinks } from "../host/copied_links.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";

/** A mount that is the host's. */
export interface ExternalMount {
  /** The mount point in the container, free of symbolic links. */
  readonly key: string;
  /** At a restore: the source of the mount, on the host. */
  readonly source: string;
}

/** The kernel's own limit. */
const MAX_LINKS = 40;
const NULL = "/dev/null";
/** In a user namespace of its own the container has the host's devices, by bind mounts. */
const DEFAULT_DEVICES = [NULL, "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/**
 * Bind mounts, cgroups (on cgroup v1 without a cgroup namespace they are bind mounts) and devices.
 * @param root path of the container's root, as the runtime sees it; nothing is opened below it, only links are read
 */
export function externalMounts(
  config: Config,
  bundle: string,
  root: string,
  cgroupPaths: Readonly<Record<string, string>>,
): ExternalMount[] {
  const found: ExternalMount[] = [];
  const namespaces = readNamespaces(config);
  const cgroupNamespace = hasNamespace(namespaces, K.CLONE_NEWCGROUP);
  const userNamespace = hasNamespace(namespaces, K.CLONE_NEWUSER);
  const links = copiedLinks(config, bundle);
  for (const [index, mount] of (config.mounts ?? []).entries()) {
    if (links[index] !== undefined) continue;
    if (pathInContainer(mount.destination) === "/") throw mountedRoot(index);
    if (isBind(mount)) {
      found.push({ key: resolveLinks(root, pathInContainer(mount.destination)), source: bindSource(mount, bundle) });
    } else if (mount.type === "cgroup" && !cgroupNamespace) {
      for (const part of cgroupMounts(cgroupLayout(), cgroupPaths, mount, { cgroupNamespace, userNamespace })) {
        if (part.kind !== "mount" || part.mount.type !== "bind") continue;
        found.push({ key: resolveLinks(root, part.mount.destination), source: part.mount.source ?? "" });
      }
    }
  }
  const devices = (config.linux?.devices ?? []).map(({ path }) => path);
  for (const path of userNamespace ? [...DEFAULT_DEVICES, ...devices] : devices) found.push({ key: path, source: path });
  return found;
}

/** CRIU gets the bundle's root file system; a mount on top of it would be a different one. */
function mountedRoot(index: number): RuntimeError {
  const text = `mounts[${index}].destination: a container whose root is a mount cannot be checkpointed`;
  return new RuntimeError("NOT_SUPPORTED", text, { pointer: `/mounts/${index}/destination` });
}

/** Masked files, which are bind mounts of the host's /dev/null; masked directories are the container's own tmpfs. */
export function maskedFiles(config: Config, root: string): string[] {
  const found: string[] = [];
  for (const path of config.linux?.maskedPaths ?? []) {
    const key = resolveLinks(root, pathInContainer(path));
    const stat = native.stat(AT_FDCWD, `${root}${key}`, false);
    if (typeof stat !== "number" && (stat.mode & S_IFMT) !== S_IFDIR) found.push(key);
  }
  return found;
}

/** The one entry that stands for all masked files at a restore. */
export const NULL_MOUNT: ExternalMount = { key: NULL, source: NULL };

/**
 * The target of `path` in a root file system. It is a name that CRIU compares with mount points; nothing is opened by it:
 * a container that changes its links meanwhile makes the checkpoint fail, and has no other effect.
 */
function resolveLinks(root: string, path: string): string {
  const done: string[] = [];
  const left = path.split("/").reverse();
  for (let links = 0; left.length > 0;) {
    const name = left.pop() ?? "";
    if (name === "" || name === ".") continue;
    if (name === "..") {
      done.pop();
      continue;
    }
    const target = native.readlink(AT_FDCWD, [root, ...done, name].join("/"));
    if (typeof target === "number" || ++links > MAX_LINKS) {
      done.push(name);
    } else {
      if (target.startsWith("/")) done.length = 0;
      left.push(...target.split("/").reverse());
    }
  }
  return `/${done.join("/")}`;
}
