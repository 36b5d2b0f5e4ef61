/** Where a process of a container stands below the container's cgroup v2. */
import { parseProcCgroup } from "../sys/proc.ts";
import { readTextIfExists } from "../sys/files.ts";
import { isUnified } from "./path.ts";

/**
 * Path of the cgroup of `pid` relative to the container's own, which is cgroup v2 alone; `undefined` where it is not
 * below that, or cannot be told.
 */
export function cgroupBelow(paths: Readonly<Record<string, string>>, pid: number): string | undefined {
  if (!isUnified(paths)) return undefined;
  const own = paths[""] ?? "";
  for (const { controllers, path } of parseProcCgroup(readTextIfExists(`/proc/${pid}/cgroup`) ?? "")) {
    if (controllers.length === 0) return pathBelow(own, path);
  }
  return undefined;
}

/**
 * What of `path`, as /proc tells it, lies below `directory`, as it is mounted: the mount may show only a part of the
 * hierarchy, so the longest end of `directory` that stands in `path` counts. Pure.
 */
export function pathBelow(directory: string, path: string): string | undefined {
  for (let at = directory.indexOf("/"); at >= 0; at = directory.indexOf("/", at + 1)) {
    const end = directory.slice(at);
    const found = path.indexOf(`${end}/`);
    if (found >= 0 && end.length > 1) return path.slice(found + end.length + 1);
  }
  return undefined;
}
