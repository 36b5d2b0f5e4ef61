// SPDX-License-Identifier: Apache-2.0
/** Carries out writes to the files of a cgroup, and says which property of the config was refused and why. */

import { RuntimeError } from "../../errors.ts";
import { type Log, silentLog } from "../../log.ts";
import { propertyName } from "../../spec/json/property_name.ts";
import { Errno, errnoName, errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_WRONLY, SMALL_FILE } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { cpuList } from "./stats_parse.ts";

/** One value for one file. */
export interface Write {
  readonly controller: string;
  readonly file: string;
  /** The file's name on other kernels or mounts, tried where `file` does not exist. */
  readonly otherFile?: string;
  readonly value: string;
  /** JSON Pointer of the property that it comes from. */
  readonly pointer: string;
  /** On a kernel without the file: an error (default), or nothing, as the value does not matter. */
  readonly ifMissing?: "skip";
  /**
   * `retry`: the kernel may refuse the value (EINVAL) because of an old value of another file that a later write
   * replaces; then it is written once more after all the others of the controller.
   */
  readonly ifInvalid?: "retry";
  /**
   * The kernel does something else without a word, so it is read back. `shares`: it cuts the value to its range.
   * `cpuset`: cgroup v2 uses the value of the cgroup above if nothing of this one is available.
   */
  readonly check?: "shares" | "cpuset";
}

/**
 * Performs writes in order.
 *
 * @param paths absolute directory by controller
 * @param log gets a warning about a value that the kernel has taken, but does not enforce
 * @throws RuntimeError `HOST_UNABLE` if a controller is not there, `CGROUP` if the kernel refused a value
 */
export function performWrites(paths: Readonly<Record<string, string>>, writes: readonly Write[], log: Log = silentLog): void {
  let fd = -1;
  let openPath = "";
  let postponed: Write[] = [];
  const retry = (): void => {
    const again = postponed;
    postponed = [];
    if (again.length > 0) performWrites(paths, again, log);
  };
  try {
    for (const write of writes) {
      if (postponed[0] !== undefined && postponed[0].controller !== write.controller) retry();
      const directory = directoryOf(paths, write);
      const path = `${directory}/${write.file}`;
      // Device rules are many writes to one file, which cgroupfs takes one by one from one descriptor.
      if (path !== openPath) {
        if (fd >= 0) native.close(fd);
        openPath = "";
        fd = openFile(directory, write);
        if (fd < 0) {
          if (fd === -Errno.ENOENT && write.ifMissing === "skip") continue;
          throw refused(directory, write, -fd);
        }
        openPath = path;
      }
      const result = native.write(fd, write.value);
      if (result === -Errno.EINVAL && write.ifInvalid === "retry") {
        const { controller, file, value, pointer } = write;
        postponed.push({ controller, file, value, pointer });
      } else if (result < 0) {
        throw refused(directory, write, -result);
      } else if (write.check === "shares") {
        checkShares(directory, write);
      } else if (write.check === "cpuset") {
        checkCpuset(directory, write, log);
      }
    }
    retry();
  } finally {
    if (fd >= 0) native.close(fd);
  }
}

function openFile(directory: string, write: Write): number {
  const fd = native.open(AT_FDCWD, `${directory}/${write.file}`, O_WRONLY | O_CLOEXEC, 0);
  if (fd !== -Errno.ENOENT || write.otherFile === undefined) return fd;
  return native.open(AT_FDCWD, `${directory}/${write.otherFile}`, O_WRONLY | O_CLOEXEC, 0);
}

function directoryOf(paths: Readonly<Record<string, string>>, write: Write): string {
  const directory = paths[write.controller];
  if (directory !== undefined) return directory;
  throw new RuntimeError(
    "HOST_UNABLE",
    `${propertyName(write.pointer)}: cannot set ${write.controller} limit: container could not join or create ` +
      `cgroup: the controller ${write.controller} is not mounted, or not writable, on this host`,
    { pointer: write.pointer },
  );
}

function checkShares(directory: string, write: Write): void {
  const text = native.readFile(AT_FDCWD, `${directory}/${write.file}`, SMALL_FILE);
  if (typeof text === "number") throw refused(directory, write, -text);
  const actual = Number(text);
  const wanted = Number(write.value);
  if (wanted === actual) return;
  const bound = wanted > actual ? "maximum" : "minimum";
  throw new RuntimeError(
    "CGROUP",
    `${propertyName(write.pointer)}: ${write.value}: the ${bound} allowed cpu-shares is ${actual}`,
    { pointer: write.pointer, path: `${directory}/${write.file}` },
  );
}

function checkCpuset(directory: string, write: Write, log: Log): void {
  const text = native.readFile(AT_FDCWD, `${directory}/${write.file}.effective`, SMALL_FILE);
  // No limit, or a kernel without the file.
  if (typeof text === "number" || write.value.trim() === "") return;
  const wanted = cpuList(write.value.trim(), write.file);
  const inForce = cpuList(text.trim(), write.file);
  if (inForce.every((number) => wanted.includes(number))) return;
  const property = `${propertyName(write.pointer)}: ${JSON.stringify(write.value)}`;
  const found = `${directory}/${write.file}.effective is ${text.trim()}`;
  // The nodes of memory are no limit: the container then takes those of the cgroup above.
  if (write.file === "cpuset.mems") {
    log.warn(`${property}: ignored: the cgroup above has none of these memory nodes: ${found}`);
    return;
  }
  throw new RuntimeError("CGROUP", `${property}: none of them is allowed in the cgroup above: ${found}`, {
    pointer: write.pointer,
    path: `${directory}/${write.file}`,
  });
}

function refused(directory: string, write: Write, errno: number): RuntimeError {
  const facts = { pointer: write.pointer, path: `${directory}/${write.file}`, errno };
  const property = propertyName(write.pointer);
  if (write.file === "memory.limit_in_bytes" && errno === Errno.EBUSY) {
    const usage = readNumber(`${directory}/memory.usage_in_bytes`);
    const peak = readNumber(`${directory}/memory.max_usage_in_bytes`);
    return new RuntimeError(
      "CGROUP",
      `${property}: unable to set memory limit to ${write.value} (current usage: ${usage}, peak usage: ${peak})`,
      facts,
    );
  }
  return new RuntimeError(
    "CGROUP",
    `${property}: failed to write ${JSON.stringify(write.value)}: write ${directory}/${write.file}: ` +
      `${errnoText(errno)} (${errnoName(errno)})`,
    facts,
  );
}

function readNumber(path: string): string {
  const text = native.readFile(AT_FDCWD, path, SMALL_FILE);
  return typeof text === "number" ? "unknown" : text.trim();
}
