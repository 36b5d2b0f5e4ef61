// SPDX-License-Identifier: Apache-2.0
/** The freezer controller of cgroup v1. */

import type { FreezerState } from "../cgroup.ts";
import { RuntimeError } from "../../errors.ts";
import { Errno, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, O_WRONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { pause } from "../files/tree.ts";
import { walkTree } from "../files/walk.ts";

const TRIES = 1000;

/**
 * @param directory cgroup in the freezer hierarchy
 * @returns `undefined` if the cgroup or the controller is not there
 * @throws RuntimeError `CGROUP`
 */
export function readFreezer(directory: string): FreezerState | undefined {
  for (let attempt = 0; ; attempt++) {
    const state = readState(`${directory}/freezer.state`);
    if (state === undefined) return undefined;
    if (state === "THAWED") return "thawed";
    if (state === "FROZEN") {
      return readState(`${directory}/freezer.self_freezing`) === "0" ? "thawed" : "frozen";
    }
    // FREEZING ends by itself, unless a process is stuck in the kernel.
    if (attempt === TRIES) throw freezerError("read freezer.state", "still FREEZING", directory);
    pause(1);
  }
}

/**
 * Freezes a cgroup and waits until all of it stands still.
 *
 * A v1 freezer that sees processes come while it works stays in FREEZING, and a further write helps; if they
 * keep coming, it only helps to let them run for a while.
 *
 * @throws RuntimeError `CGROUP`; the cgroup is thawed then
 */
export function freeze(directory: string): void {
  try {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (attempt % 50 === 49) {
        writeState(directory, "THAWED");
        pause(10);
      }
      writeState(directory, "FROZEN");
      if (attempt % 25 === 24) pause(1);
      const state = readState(`${directory}/freezer.state`);
      if (state === "FROZEN") return;
      if (state !== "FREEZING") throw freezerError("freeze", `unexpected state ${state}`, directory);
    }
    throw freezerError("freeze", `unable to freeze in ${TRIES} attempts`, directory);
  } catch (error) {
    // Never leave a container half frozen.
    native.writeFile(AT_FDCWD, `${directory}/freezer.state`, O_WRONLY, 0, "THAWED");
    throw error;
  }
}

/** @throws RuntimeError `CGROUP` */
export function thaw(directory: string): void {
  writeState(directory, "THAWED");
}

/**
 * Thaws a cgroup and all cgroups below it that were frozen by themselves, which a container with cgroups of its own can do: a
 * killed process in them would not end. Never fails.
 */
export function thawTree(directory: string): void {
  walkTree(directory, (fd) => {
    if (native.readAtOnce(fd, "freezer.self_freezing", 64) === "0\n") return;
    native.writeFile(fd, "freezer.state", O_WRONLY, 0, "THAWED");
  });
}

/**
 * Refuses a cgroup in which a process would freeze at once: the process would never answer.
 * @throws RuntimeError `CGROUP_FROZEN`
 */
export function refuseFrozen(directory: string): void {
  const isOwn = readFreezer(directory) === "frozen";
  if (!isOwn && native.readAtOnce(AT_FDCWD, `${directory}/freezer.parent_freezing`, 64) !== "1\n") return;
  const why = isOwn ? "" : ", by a cgroup above it";
  throw new RuntimeError("CGROUP_FROZEN", `container's cgroup unexpectedly frozen${why}`, {
    pointer: "/linux/cgroupsPath",
    path: directory,
  });
}

function writeState(directory: string, state: string): void {
  const result = native.writeFile(AT_FDCWD, `${directory}/freezer.state`, O_WRONLY, 0, state);
  if (result < 0) {
    throw freezerError(`write ${state} to freezer.state`, errnoText(-result), directory, -result);
  }
}

function readState(path: string): string | undefined {
  const text = native.readAtOnce(AT_FDCWD, path, 64);
  if (typeof text === "string") return text.trim();
  if (text === -Errno.ENOENT || text === -Errno.ENODEV) return undefined;
  throw freezerError(`read ${path}`, errnoText(-text), path, -text);
}

function freezerError(what: string, why: string, path: string, errno?: number): RuntimeError {
  const facts = errno === undefined ? { path } : { path, errno };
  return new RuntimeError("CGROUP", `freezer cgroup ${path}: ${what}: ${why}`, facts);
}
