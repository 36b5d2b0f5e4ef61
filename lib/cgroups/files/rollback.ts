// SPDX-License-Identifier: Apache-2.0
/** The values of cgroup files before an update, as writes that restore them. */
import { AT_FDCWD, SMALL_FILE } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { performWrites, type Write } from "./write.ts";
import type { Log } from "../../log.ts";

/** Files that hold a line for each device or interface; its first word says which. A 0 takes a line away. */
const KEYED: readonly (readonly [file: string, gone: string])[] = [
  ["blkio.weight_device", "0"],
  ["blkio.leaf_weight_device", "0"],
  ["blkio.bfq.weight_device", "0"],
  ["blkio.throttle.read_bps_device", "0"],
  ["blkio.throttle.write_bps_device", "0"],
  ["blkio.throttle.read_iops_device", "0"],
  ["blkio.throttle.write_iops_device", "0"],
  ["net_prio.ifpriomap", "0"],
  ["rdma.max", "hca_handle=max hca_object=max"],
  ["io.max", "rbps=max wbps=max riops=max wiops=max"],
  ["io.latency", "target=0"],
  ["io.weight", "default"],
  ["io.bfq.weight", "default"],
  ["misc.max", "max"],
];

/**
 * Performs all of the writes, or none: if the kernel refuses one, those before it are undone. A value that is in
 * force already is not written: most values of an update are the ones before.
 *
 * @param paths absolute directory by controller
 * @throws RuntimeError as `performWrites`
 */
export function changeLimits(paths: Readonly<Record<string, string>>, all: readonly Write[], log: Log): void {
  // The end of cpu.idle, which is written before them, sets other shares.
  const writes = all.filter((write) => write.check === "shares" || !isInForce(paths, write));
  const previous = previousWrites(paths, writes);
  try {
    performWrites(paths, writes, log);
  } catch (error) {
    for (const write of previous) {
      // The kernel may also refuse the former value of a setting that it has not changed: that of a missing device, for example.
      if (isInForce(paths, write)) continue;
      try {
        performWrites(paths, [write]);
      } catch (again) {
        const why = again instanceof Error ? again.message : String(again);
        log.warn(`the previous limit could not be set again: ${why}`);
      }
    }
    throw error;
  }
}

/**
 * The writes that undo `writes`, in the order in which they have to be made: the last one first, because the kernel
 * refuses states in between that contradict each other. To be called before `writes` are made.
 *
 * @param paths absolute directory by controller
 */
export function previousWrites(paths: Readonly<Record<string, string>>, writes: readonly Write[]): Write[] {
  const previous: Write[] = [];
  for (const write of writes) {
    const { controller, pointer } = write;
    const directory = paths[controller];
    if (directory === undefined) continue;
    for (const file of [write.file, write.otherFile]) {
      if (file === undefined) continue;
      const text = native.readFile(AT_FDCWD, `${directory}/${file}`, SMALL_FILE);
      if (typeof text === "number") continue;
      previous.unshift({ controller, file, value: previousValue(file, text, write.value), pointer });
      break;
    }
  }
  return previous;
}

function isInForce(paths: Readonly<Record<string, string>>, { controller, file, value }: Write): boolean {
  const text = native.readFile(AT_FDCWD, `${paths[controller] ?? ""}/${file}`, SMALL_FILE);
  return typeof text === "string" && previousValue(file, text, value) === value;
}

/** The text that restores `file`, which holds `text`, after `next` was written. Pure. */
export function previousValue(file: string, text: string, next: string): string {
  const lines = text.trim().split("\n");
  // Its other lines cannot be written.
  if (file === "memory.oom_control") return lines[0]?.startsWith("oom_kill_disable 1") === true ? "1" : "0";
  for (const [keyed, gone] of KEYED) {
    // A weight without a device is the default of all.
    if (keyed !== file || !next.includes(" ")) continue;
    const key = next.slice(0, next.indexOf(" "));
    return lines.find((line) => line.startsWith(`${key} `)) ?? `${key} ${gone}`;
  }
  // bfq's file has a line for the default before those of devices.
  const only = lines[0] ?? "";
  return only.startsWith("default ") ? only.slice("default ".length) : only;
}
