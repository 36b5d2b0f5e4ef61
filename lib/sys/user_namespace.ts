import { readTextIfExists } from "./files.ts";

/** Whether this process is in a user namespace other than the machine's, which alone maps all ids to themselves. */
export function inUserNamespace(): boolean {
  const map = readTextIfExists("/proc/self/uid_map");
  return map !== undefined && !isWholeMap(map);
}

/** Whether the text of a `uid_map` maps every id to itself. Pure. */
export function isWholeMap(map: string): boolean {
  return map.trim().split(/\s+/).join(" ") === "0 0 4294967295";
}
