// SPDX-License-Identifier: Apache-2.0
/** Makes a cgroup of version 2: directories, controllers of the cgroups above, and the owner. */

import { RuntimeError } from "../../errors.ts";
import { Errno, errnoName, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, O_WRONLY, readTextIfExists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { parentOf } from "../files/tree.ts";

/** The reason why a controller is missing, by its name; a text. */
export type Unavailable = Readonly<Record<string, string>>;

/** Files that the owner of a cgroup gets on a kernel that does not list them (before 4.15). */
const DELEGATED: readonly string[] = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];
const KEEP = 0xffffffff;

/** Controllers in a file such as cgroup.controllers; none if it is not there. */
export function controllersIn(path: string): string[] {
  const words: string[] = [];
  for (const word of (readTextIfExists(path) ?? "").trim().split(" ")) if (word !== "") words.push(word);
  return words;
}

/**
 * Enables every controller that the hierarchy has in all cgroups above one, so that it has them.
 *
 * If the cgroup has them all, which is the rule, nothing is written. A cgroup above that holds processes cannot
 * enable most of them: the others are enabled then, and only a limit for a missing one is an error.
 *
 * @param top the mount point of the hierarchy
 * @returns the reasons why controllers could not be enabled
 */
export function enableControllers(top: string, directory: string): Unavailable {
  const reasons: Record<string, string> = {};
  const present = controllersIn(`${directory}/cgroup.controllers`);
  if (without(controllersIn(`${top}/cgroup.controllers`), present).length === 0) return reasons;
  const above: string[] = [];
  for (let at = parentOf(directory); at.length >= top.length; at = parentOf(at)) above.unshift(at);
  for (const cgroup of above) {
    const file = `${cgroup}/cgroup.subtree_control`;
    const missing = without(controllersIn(`${cgroup}/cgroup.controllers`), controllersIn(file));
    if (missing.length === 0 || enable(file, missing) === 0) continue;
    for (const controller of missing) {
      const errno = enable(file, [controller]);
      if (errno !== 0) reasons[controller] = refusal(file, controller, errno);
    }
  }
  return reasons;
}

function without(all: readonly string[], some: readonly string[]): string[] {
  return all.filter((one) => !some.includes(one));
}

function enable(file: string, controllers: readonly string[]): number {
  const value = controllers.map((controller) => `+${controller}`).join(" ");
  return Math.max(0, -native.writeFile(AT_FDCWD, file, O_WRONLY, 0, value));
}

function refusal(file: string, controller: string, errno: number): string {
  const why = errno === Errno.EBUSY ? "that cgroup has processes of its own" : errnoText(errno);
  return `write "+${controller}" to ${file}: ${why} (${errnoName(errno)})`;
}

/**
 * Gives a cgroup, and the files in it that the kernel names for this, to a user of the container. The user may then make
 * cgroups below it, but not change its limits.
 *
 * @param uid the user's id on the host
 * @throws RuntimeError `CGROUP`
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config-linux.md#cgroup-ownership
 */
export function delegate(directory: string, uid: number): void {
  const listed = (readTextIfExists("/sys/kernel/cgroup/delegate") ?? "").split("\n").filter((name) => name !== "");
  const paths = [directory];
  for (const name of listed.length === 0 ? DELEGATED : listed) {
    // The list is the kernel's; a name with a slash would lead out.
    if (!name.includes("/")) paths.push(`${directory}/${name}`);
  }
  for (const path of paths) {
    const result = native.chown(AT_FDCWD, path, uid, KEEP);
    if (result === 0 || result === -Errno.ENOENT) continue;
    throw new RuntimeError(
      "CGROUP",
      `linux.cgroupsPath: give the cgroup to user ${uid}: chown ${path}: ${errnoText(-result)} (${errnoName(-result)})`,
      { pointer: "/linux/cgroupsPath", path, errno: -result },
    );
  }
}
