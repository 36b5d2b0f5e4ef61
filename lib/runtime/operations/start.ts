// SPDX-License-Identifier: Apache-2.0
import { attachCgroup } from "../../cgroups/open.ts";
import { killsAbove, moreKillsAbove } from "../../cgroups/v2/oom_kills.ts";
import { RuntimeError } from "../../errors.ts";
import { StartByte } from "../../plan/steps.ts";
import { O_NONBLOCK, O_RDONLY, check } from "../../sys/files.ts";
import { F_SETFL } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { beforeBlocking, readable } from "../../sys/waiting.ts";
import { destroy, stopInit } from "../container/destroy.ts";
import { hookState, runHooks } from "../host/hooks.ts";
import { NotifySocket } from "../host/notify_socket.ts";
import type { RuntimeContext } from "../options.ts";
import { starved } from "../launch/answer_init.ts";
import { startError } from "../launch/start_error.ts";
import { executed, isAlive, status } from "../container/status.ts";
import { find, notFound, type Entry } from "../container/store.ts";
import type { ContainerRecord } from "../record.ts";
import { startFailure } from "../launch/start_failure.ts";

/** Limit of a report; more than the bytes and the failure record that init may write; bytes. */
const REPORT_LIMIT = 1024;
/** How often a waiting `start` checks that the container is still alive; milliseconds. */
const ALIVE_INTERVAL = 100;

/**
 * Lets the program of a created container run; returns once it does.
 *
 * @throws CONTAINER_NOT_FOUND, WRONG_STATE; HOOK_FAILED, STEP_FAILED: then the container is destroyed
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#start
 */
export async function start(context: RuntimeContext, id: string): Promise<void> {
  const entry = find(context.root, id);
  let notify: NotifySocket | undefined;
  try {
    const record = await lockCreated(entry, id);
    // The socket must exist before the program may write to it.
    notify = bindNotifySocket(context, entry);
    try {
      await releaseInit(entry, record);
    } catch (error) {
      // runtime.md, step 7: a failed hook ends the container.
      if (error instanceof RuntimeError && error.code === "HOOK_FAILED") await destroy(context, entry, record);
      // A signal also ends it once init goes on, because it could not be started again. Before that it stays created.
      if (isInterrupted(error) && !entry.hasFifo()) {
        await stopInit(record, context.root);
        await destroy(context, entry, record);
      }
      throw startError(error);
    }
    // A slow step after this point must not block `delete --force`.
    entry.unlock();
    await afterStart(context, entry, record);
    const { init_process_pid: pid, init_process_start: startTime } = record;
    await notify?.wait(pid, () => isAlive(pid, startTime));
  } finally {
    notify?.close();
    entry.close();
  }
}

function bindNotifySocket({ log }: RuntimeContext, entry: Entry): NotifySocket | undefined {
  const host = process.env["NOTIFY_SOCKET"] ?? "";
  if (host === "") return undefined;
  return NotifySocket.bind(entry.path, host, log);
}

/** Runs the poststart hooks; a failure stops and destroys the container (runtime.md, step 9). */
export async function afterStart(context: RuntimeContext, entry: Entry, record: ContainerRecord): Promise<void> {
  const hooks = record.hooks?.poststart;
  if (hooks === undefined || hooks.length === 0) return;
  try {
    const state = hookState(record, "running", record.init_process_pid);
    await runHooks("poststart", hooks, state, record.bundle, record.annotations);
  } catch (error) {
    await stopInit(record, context.root);
    await destroy(context, entry, record);
    throw error;
  }
}

function isInterrupted(error: unknown): boolean {
  return error instanceof RuntimeError && error.code === "INTERRUPTED";
}

async function lockCreated(entry: Entry, id: string): Promise<ContainerRecord> {
  if (!(await entry.lock())) throw new RuntimeError("WRONG_STATE", `container ${id} is busy`);
  if (!entry.alive()) throw notFound(entry);
  const record = entry.read();
  if (record === undefined || status(entry, record, true) === "stopped") {
    throw new RuntimeError("WRONG_STATE", "cannot start a container that has stopped");
  }
  if (!entry.hasFifo()) {
    throw new RuntimeError("WRONG_STATE", "cannot start an already running container");
  }
  if (!record.has_process) {
    const text = "cannot start a container without process in its config.json";
    throw new RuntimeError("WRONG_STATE", text, { pointer: "/process" });
  }
  return record;
}

/**
 * Opens the FIFO on which init waits, and reads from it. One byte says that init goes on, and a second one that it is
 * about to execute the program. The end of file says that it has done so, and a failure record that it could not.
 */
async function releaseInit(entry: Entry, record: ContainerRecord): Promise<void> {
  // The watch has to begin before init goes on; init waits for the other end of the FIFO.
  const wasStarved = watchKills(record);
  const fifo = entry.openFifo(O_RDONLY | O_NONBLOCK);
  if (fifo === undefined) throw notFound(entry);
  try {
    const chunk = new Uint8Array(REPORT_LIMIT);
    let length = 0;
    // Until init has opened its end there is no writer, and read(2) would return end of file.
    while (!(await readable(fifo, ALIVE_INTERVAL))) {
      if (!isAlive(record.init_process_pid, record.init_process_start)) {
        throw new RuntimeError("WRONG_STATE", "cannot start a container that has stopped");
      }
    }
    // From here init goes on even without this `start`; a second `start` must not wait for it.
    entry.removeFifo();
    check(native.fcntl(fifo, F_SETFL, 0), "fcntl");
    for (;;) {
      await beforeBlocking(fifo);
      const size = check(native.read(fifo, chunk.subarray(length)), "read exec.fifo");
      if (size === 0) break;
      length += size;
      if (length === chunk.length) break;
    }
    const announced = length > 1 && chunk[1] === StartByte.EXECUTES.charCodeAt(0);
    if (length === 2 && announced) {
      requireExecuted(record, wasStarved);
      return;
    }
    if (length <= 1) throw initKilled(wasStarved());
    throw startFailure(entry, record, chunk.subarray(announced ? 2 : 1, length));
  } finally {
    native.close(fifo);
  }
}

/** Returns a function that tells whether the kernel has since killed a process of the container for want of memory. */
function watchKills({ cgroup_paths: paths, systemd }: ContainerRecord): () => boolean {
  // systemd removes the cgroup as soon as it is empty.
  const above = systemd === undefined ? undefined : killsAbove(paths);
  return () => attachCgroup(paths).oomKills() > 0 || (above !== undefined && moreKillsAbove(above, paths) > 0);
}

/** Checks that init has executed the program: the FIFO is closed by execve, and also by the death of init before it. */
function requireExecuted({ init_process_pid: pid }: ContainerRecord, wasStarved: () => boolean): void {
  const has = executed(pid);
  if (has === true) return;
  const isStarved = wasStarved();
  if (has === false || isStarved) throw initKilled(isStarved);
}

function initKilled(isStarved: boolean): RuntimeError {
  if (isStarved) return starved();
  return new RuntimeError("INIT_DIED", "container init was killed before it could execute the program");
}
