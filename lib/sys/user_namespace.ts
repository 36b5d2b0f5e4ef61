// SPDX-License-Identifier: Apache-2.0
import { AT_FDCWD, readTextIfExists } from "./files.ts";
import { native } from "./native.ts";

/** Inode of the machine's own user namespace: PROC_USER_INIT_INO of the kernel, the same on every machine. */
const FIRST = 0xeffffffd;

/**
 * Whether this process is in a user namespace other than the machine's. The ids alone do not tell: systemd makes user namespaces
 * that map all of them to themselves.
 */
export function inUserNamespace(): boolean {
  const own = native.stat(AT_FDCWD, "/proc/self/ns/user", true);
  if (typeof own !== "number") return own.ino !== FIRST;
  const map = readTextIfExists("/proc/self/uid_map");
  return map !== undefined && !isWholeMap(map);
}

/** Whether the text of a `uid_map` maps every id to itself. Pure. */
export function isWholeMap(map: string): boolean {
  return map.trim().split(/\s+/).join(" ") === "0 0 4294967295";
}
