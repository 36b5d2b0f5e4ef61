// SPDX-License-Identifier: Apache-2.0
/** The data that the keeper of a container gets when the container is ready. */
import type { InitProcess } from "../../init/process.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../sys/files.ts";
import { native } from "../../sys/native.ts";
import { processStartTime } from "../container/status.ts";
import type { Entry } from "../container/store.ts";
import type { ContainerRecord } from "../record.ts";

/** The keeper's entry in the record. */
export function keeperRecord(init: InitProcess): Pick<ContainerRecord, "keeper"> {
  const pid = init.keeperPid;
  return pid === undefined ? {} : { keeper: { pid, start: processStartTime(pid) } };
}

/** Lets the keeper stay. @throws INIT_DIED, SYSCALL */
export function letKeep(init: InitProcess, entry: Entry, paths: Readonly<Record<string, string>>): void {
  if (init.keeperPid === undefined) return;
  const fds = [entry.openDirectory()];
  try {
    const { memory, "": unified } = paths;
    const file = memory === undefined ? `${unified ?? ""}/memory.events` : `${memory}/memory.oom_control`;
    const kills = native.open(AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
    if (kills >= 0) fds.push(kills);
    init.keep(fds);
  } finally {
    for (const fd of fds) native.close(fd);
  }
}
