// SPDX-License-Identifier: Apache-2.0
/** The state of the freezer of cgroup v2, which a hybrid host has beside v1. */

import { RuntimeError } from "../../errors.ts";
import { AT_FDCWD } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import type { FreezerState } from "../cgroup.ts";

const EVENTS_SIZE = 256;

/** The state that was asked of the cgroup itself, whatever the cgroups above. @returns `undefined` if it does not exist */
export function readUnifiedFreezer(directory: string): FreezerState | undefined {
  const text = native.readAtOnce(AT_FDCWD, `${directory}/cgroup.freeze`, EVENTS_SIZE);
  if (typeof text === "number") return undefined;
  return text.trim() === "1" ? "frozen" : "thawed";
}

/**
 * Refuses an empty cgroup in which a process would be born frozen, because of the cgroup itself or of one above it: the
 * process would never answer.
 * @throws RuntimeError `CGROUP_FROZEN`
 */
export function refuseFrozen(directory: string): void {
  const text = native.readAtOnce(AT_FDCWD, `${directory}/cgroup.events`, EVENTS_SIZE);
  if (typeof text === "number" || !text.includes("frozen 1")) return;
  const why = readUnifiedFreezer(directory) === "frozen" ? "" : ", by a cgroup above it";
  throw new RuntimeError("CGROUP_FROZEN", `container's cgroup unexpectedly frozen${why}`, {
    pointer: "/linux/cgroupsPath",
    path: directory,
  });
}
