// SPDX-License-Identifier: Apache-2.0
/** The freezer of cgroup v2. */

import { RuntimeError } from "../../errors.ts";
import { errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, O_WRONLY } from "../../sys/files.ts";
import { POLLPRI } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";

/** The time that processes have to stand still; milliseconds. As in runc. */
const PATIENCE = 10_000;
const EVENTS_SIZE = 256;

/**
 * Freezes a cgroup and waits until all of it stands still.
 * @throws RuntimeError `CGROUP`; the cgroup is thawed then
 */
export function freezeUnified(directory: string): void {
  write(directory, "1");
  const end = native.now() + PATIENCE;
  // The kernel wakes a poll of the descriptor when the file has changed since it was read through it.
  for (let fd = openEvents(directory); ;) {
    const left = end - native.now();
    const done = isFrozen(fd, directory);
    if (!done && left > 0) native.poll(new Int32Array([fd, POLLPRI]), Math.ceil(left));
    native.close(fd);
    if (done) return;
    if (left <= 0) break;
    fd = openEvents(directory);
  }
  native.writeFile(AT_FDCWD, `${directory}/cgroup.freeze`, O_WRONLY, 0, "0");
  throw freezerError("freeze", `its processes do not stand still after ${PATIENCE / 1000} s`, directory);
}

/** @throws RuntimeError `CGROUP` */
export function thawUnified(directory: string): void {
  write(directory, "0");
}

function openEvents(directory: string): number {
  const path = `${directory}/cgroup.events`;
  const fd = native.open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) throw freezerError("open cgroup.events", errnoText(-fd), directory, -fd);
  return fd;
}

function isFrozen(fd: number, directory: string): boolean {
  const buffer = new Uint8Array(EVENTS_SIZE);
  const size = native.read(fd, buffer);
  if (size < 0) {
    native.close(fd);
    throw freezerError("read cgroup.events", errnoText(-size), directory, -size);
  }
  return new TextDecoder().decode(buffer.subarray(0, size)).includes("frozen 1");
}

function write(directory: string, value: string): void {
  const result = native.writeFile(AT_FDCWD, `${directory}/cgroup.freeze`, O_WRONLY, 0, value);
  if (result < 0) throw freezerError(`write ${value} to cgroup.freeze`, errnoText(-result), directory, -result);
}

function freezerError(what: string, why: string, path: string, errno?: number): RuntimeError {
  const facts = errno === undefined ? { path } : { path, errno };
  return new RuntimeError("CGROUP", `freezer cgroup ${path}: ${what}: ${why}`, facts);
}
