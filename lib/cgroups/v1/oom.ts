// SPDX-License-Identifier: Apache-2.0
/** Word from the kernel that it is killing processes of a container for want of memory. */
import type { OomWatch } from "../cgroup.ts";
import { RuntimeError } from "../../errors.ts";
import { errnoText } from "../../kernel/errno.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY, O_WRONLY, exists } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { readable } from "../../sys/waiting.ts";

/** The time that the kernel has to report the end of a cgroup; milliseconds. */
const END_PATIENCE = 100;

/**
 * Watches the memory cgroup of a container. On cgroup v1 memory.oom_control counts up an eventfd.
 *
 * @param paths absolute directory by controller
 * @throws RuntimeError `HOST_UNABLE` without a memory controller, `CGROUP`
 */
export function watchV1Oom(paths: Readonly<Record<string, string>>): OomWatch {
  const directory = paths["memory"];
  if (directory === undefined) {
    throw new RuntimeError("HOST_UNABLE", "cannot watch for OOM: memory controller missing");
  }
  const control = `${directory}/cgroup.event_control`;
  const path = `${directory}/memory.oom_control`;
  const file = native.open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) throw failed(`open ${path}`, path, -file);
  const fd = native.eventfd();
  const result = fd < 0 ? fd : native.writeFile(AT_FDCWD, control, O_WRONLY, 0, `${fd} ${file}`);
  // The kernel holds its own reference to the file.
  native.close(file);
  if (result < 0) {
    if (fd >= 0) native.close(fd);
    throw failed(`write ${control}`, control, -result);
  }
  const take = (): number => {
    const counter = new BigUint64Array(1);
    return native.read(fd, new Uint8Array(counter.buffer)) === 8 ? Number(counter[0]) : 0;
  };
  return {
    fd,
    read: async () => {
      const ooms = take();
      if (exists(control)) return { ooms, gone: false };
      // The end of a cgroup counts the eventfd up by one as well, a moment after the directory has gone.
      await readable(fd, END_PATIENCE);
      return { ooms: Math.max(0, ooms + take() - 1), gone: true };
    },
    close: () => {
      native.close(fd);
    },
  };
}

function failed(what: string, path: string, errno: number): RuntimeError {
  return new RuntimeError("CGROUP", `cannot watch for OOM: ${what}: ${errnoText(errno)}`, { path, errno });
}
