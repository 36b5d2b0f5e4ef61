// SPDX-License-Identifier: Apache-2.0
import { attachCgroup, watchOom } from "../../cgroups/open.ts";
import type { OomWatch } from "../../cgroups/cgroup.ts";
import { RuntimeError } from "../../errors.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { openPidfd } from "../../sys/pidfd.ts";
import { hasStartedAt, readProcStat } from "../../sys/proc_stat.ts";
import { eitherReadable, readable } from "../../sys/waiting.ts";
import { awaitKeeper, keptEnd } from "../container/kept_end.ts";
import type { End, RuntimeContext } from "../options.ts";
import { type Entry, find, recordOf } from "../container/store.ts";
import { awaitRecorder } from "../recording/recorder.ts";
import type { ContainerRecord } from "../record.ts";

export type { End } from "../options.ts";

/** How long the parent of an ended process may take to reap it; after that only /proc is left to ask; milliseconds. */
const REAP_PATIENCE = 200;

/**
 * Waits for the end of a container that another process has started.
 *
 * The kernel reports the exit status of a process to its parent. Others can read it in two ways: in /proc as long as the
 * process is a zombie, and from Linux 6.15 on through a pidfd that was opened before its end (PIDFD_INFO_EXIT). A container
 * that was made with `keepExit` has a parent that notes the status.
 *
 * @throws CONTAINER_NOT_FOUND; CONTAINER_NOT_RUNNING where the process had ended before, and has been reaped; HOST_UNABLE
 *   where an older kernel has dropped the status meanwhile
 */
export async function wait(context: RuntimeContext, id: string): Promise<End> {
  const entry = find(context.root, id);
  try {
    const record = recordOf(entry);
    const end = await endOf(context, entry, record);
    // A caller that has waited finds the profile.
    if (record?.recording !== undefined) await awaitRecorder(entry.path, false);
    return end;
  } finally {
    entry.close();
  }
}

async function endOf(context: RuntimeContext, entry: Entry, record: ContainerRecord | undefined): Promise<End> {
  if (record?.keeper === undefined) return waitUntilEnd(context, record);
  const pidfd = openProcess(record);
  try {
    if (pidfd !== undefined) await readable(pidfd);
    await awaitKeeper(record);
    const { ended: _, ...end } = keptEnd(entry) ?? { ended: "" };
    if ("exitCode" in end) return end;
    // `delete` was faster, and the note is gone.
    const status = pidfd === undefined ? null : native.pidfdExit(pidfd);
    if (status !== null && status >= 0) return describe(status, false);
  } finally {
    if (pidfd !== undefined) native.close(pidfd);
  }
  // The keeper has been killed: then the wait is that for any other container.
  return waitUntilEnd(context, record);
}

async function waitUntilEnd(context: RuntimeContext, record: ContainerRecord | undefined): Promise<End> {
  const pid = record?.init_process_pid ?? 0;
  const pidfd = record === undefined ? undefined : openProcess(record);
  const zombie = (): number | undefined => zombieStatus(pid, record?.init_process_start ?? 0);
  if (record === undefined || pidfd === undefined) {
    throw new RuntimeError(
      "CONTAINER_NOT_RUNNING",
      `container not running: it has ended before "wait" was called, and how is known to its parent alone`,
    );
  }
  const cgroup = attachCgroup(record.cgroup_paths, context.log);
  const killed = cgroup.oomKills();
  // If the process had ended before the kills were counted, its own kill is among them.
  const before = zombie() === undefined ? killed : 0;
  const oom = tryWatch(context, record);
  try {
    const seen = await untilEnd(pidfd, oom);
    const status = zombie() ?? (await exitStatus(pidfd, zombie));
    // The cgroup may be gone by now; then only the watch has seen the kills.
    const starved = cgroup.oomKills() > before || seen > 0 || ((await oom?.read())?.ooms ?? 0) > 0;
    return describe(status, starved);
  } finally {
    oom?.close();
    native.close(pidfd);
  }
}

/** @returns how often the kernel ran out of memory until the process ended, as far as it was reported */
async function untilEnd(pidfd: number, oom: OomWatch | undefined): Promise<number> {
  let ooms = 0;
  for (let watched = oom; ;) {
    if (watched === undefined) {
      await readable(pidfd);
      return ooms;
    }
    const news = await eitherReadable(pidfd, watched.fd);
    if (news.second) {
      const { ooms: more, gone } = await watched.read();
      ooms += more;
      if (gone) watched = undefined;
    }
    if (news.first) return ooms;
  }
}

function describe(status: number, starved: boolean): End {
  const signal = status & 0x7f;
  if (signal === 0) return { exitCode: (status >> 8) & 0xff, oomKilled: false };
  return { exitCode: 128 + signal, signal, oomKilled: signal === SIGKILL && starved };
}

async function exitStatus(pidfd: number, zombie: () => number | undefined): Promise<number> {
  const end = native.now() + REAP_PATIENCE;
  for (;;) {
    const status = native.pidfdExit(pidfd);
    if (status !== null && status >= 0) return status;
    const seen = zombie();
    if (seen !== undefined) return seen;
    if (status !== null || native.now() > end) {
      throw new RuntimeError(
        "HOST_UNABLE",
        "the container has ended, and how is known to its parent alone: before Linux 6.15 the kernel does not tell others",
      );
    }
    await readable(-1, 1);
  }
}

function tryWatch(context: RuntimeContext, record: ContainerRecord): OomWatch | undefined {
  try {
    return watchOom(record.cgroup_paths);
  } catch (error) {
    context.log.debug(`wait: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** A pidfd of the first process, which may be a zombie; `undefined` if it is gone. @throws SYSCALL if that is unknown */
function openProcess({ init_process_pid: pid, init_process_start: startTime }: ContainerRecord): number | undefined {
  return openPidfd(pid, () => {
    const stat = readProcStat(pid);
    return stat !== undefined && hasStartedAt(stat, startTime);
  });
}

/** The wait status of a process that has ended and has not been reaped. */
function zombieStatus(pid: number, startTime: number): number | undefined {
  const stat = readProcStat(pid);
  // Root may always read the exit code.
  return stat?.state === "Z" && hasStartedAt(stat, startTime) ? stat.exitCode : undefined;
}
