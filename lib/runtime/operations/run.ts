// SPDX-License-Identifier: Apache-2.0
import { RuntimeError } from "../../errors.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { destroy } from "../container/destroy.ts";
import { isAlive } from "../container/status.ts";
import { Foreground } from "../foreground/foreground.ts";
import { untilExecuted } from "../launch/answer_init.ts";
import { launch, openBundle, type Launched } from "../launch/launch.ts";
import { startError } from "../launch/start_error.ts";
import { awaitRecorder } from "../recording/recorder.ts";
import type { Entry } from "../container/store.ts";
import type { CreateOptions, MadeContainer, RunOptions, RuntimeContext } from "../options.ts";
import { afterStart } from "./start.ts";

/**
 * Creates and starts a container; unless detached, waits for its end and deletes it.
 *
 * @returns the exit status of its process, or 128 and the number of the signal that ended it; 0 if detached
 * @throws as `create` and `start`
 */
export async function run(context: RuntimeContext, options: RunOptions): Promise<number> {
  return (await bringUp(context, options)).status;
}

/**
 * Creates and starts a container, and returns once its program runs.
 * @throws as `create` and `start`
 */
export async function runDetached(context: RuntimeContext, options: CreateOptions): Promise<MadeContainer> {
  const { status: _, ...made } = await bringUp(context, { ...options, detach: true });
  return made;
}

/** The result of a container's first process: `status` is 0 where it was not waited for. */
interface Outcome extends MadeContainer {
  readonly status: number;
}

async function bringUp(context: RuntimeContext, options: RunOptions): Promise<Outcome> {
  const bundle = openBundle(context, options);
  if (bundle.config.process === undefined) {
    const text = "cannot start a container without process in its config.json";
    throw new RuntimeError("CONFIG_INVALID", text, { pointer: "/process" });
  }
  const terminal = bundle.config.process.terminal === true;
  const foreground = await Foreground.open(terminal, options, options.noSubreaper !== true);
  try {
    const mode = { waitForStart: false, consoleSocket: foreground.openConsoleSocket() };
    const launched = await launch(context, options, bundle, mode);
    try {
      const status = await follow(context, launched, foreground, options);
      const { pid, keeperPid } = launched.init;
      return { pid, status, ...(keeperPid === undefined ? {} : { keeperPid }) };
    } finally {
      launched.close();
    }
  } finally {
    foreground.close();
  }
}

async function follow(context: RuntimeContext, launched: Launched, foreground: Foreground, options: RunOptions): Promise<number> {
  const { init, entry, record, notify, recorder } = launched;
  try {
    await untilExecuted(init, launched.cgroup);
  } catch (error) {
    await launched.undo();
    throw startError(error);
  }
  // The container is visible to other commands now: `delete --force` must not have to wait for its end.
  entry.unlock();
  await afterStart(context, entry, record);
  if (foreground.isDetached) {
    await notify?.wait(init.pid, () => isAlive(record.init_process_pid, record.init_process_start));
    return 0;
  }
  // This process stays, so it is the one that the service manager watches; the service manager started it.
  notify?.follow(process.pid);
  const isLost = recorder === undefined ? undefined : (): boolean => recorder.isLost();
  const status = foreground.untilEnd(init.pid, init.pidfd, notify, isLost);
  if (status === 128 + SIGKILL) warnOfOom(context, launched);
  if (options.keep !== true) await destroy(context, entry, record);
  else if (recorder !== undefined) await profileOf(entry);
  return status;
}

/** @throws SYSCALL where the profile of recorded system calls could not be written */
async function profileOf(entry: Entry): Promise<void> {
  const why = await awaitRecorder(entry.path, false);
  if (why !== undefined) throw new RuntimeError("SYSCALL", `the system calls of the container were not recorded: ${why}`);
}

/** Without this warning the user would not learn why the program has vanished. */
function warnOfOom(context: RuntimeContext, { cgroup, record }: Launched): void {
  const own = cgroup.oomKills();
  const kills = own > 0 ? own : (cgroup.oomKillsAround?.() ?? 0);
  if (kills === 0) return;
  const which = own > 0 ? `${kills} of its processes` : `${kills} processes in its cgroup, which is gone, or beside it`;
  context.log.warn(
    `container ${record.id} was ended by SIGKILL, and the OOM killer has killed ${which} (linux.resources.memory.limit)`,
  );
}
