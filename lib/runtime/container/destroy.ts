// SPDX-License-Identifier: Apache-2.0
/**
 * The end of a container: its processes, its cgroups, its state directory, the poststop hooks. Steps 12 and
 * 13 of the lifecycle. No other module takes a container apart.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/v1.3.0/runtime.md#lifecycle
 */
import { attachCgroup } from "../../cgroups/open.ts";
import type { SystemdUnit } from "../../cgroups/cgroup.ts";
import { RuntimeError } from "../../errors.ts";
import type { Annotations } from "../../spec/annotations.ts";
import type { Hook } from "../../spec/types.ts";
import { Errno } from "../../kernel/errno.ts";
import { check } from "../../sys/files.ts";
import { SIGKILL } from "../../kernel/numbers.ts";
import { native } from "../../sys/native.ts";
import { openPidfd } from "../../sys/pidfd.ts";
import { readable } from "../../sys/waiting.ts";
import { hookState, runHook } from "../host/hooks.ts";
import type { RuntimeContext } from "../options.ts";
import { isAlive } from "./status.ts";
import type { Entry } from "./store.ts";
import { awaitRecorder } from "../recording/recorder.ts";
import type { ContainerRecord } from "../record.ts";
import { killMembers, reapStrays } from "./members.ts";
import { awaitKeeper } from "./kept_end.ts";
import { whyStuck } from "./stuck.ts";
import { removeRdt } from "../host/intel_rdt.ts";
import { stopUnit } from "../../cgroups/systemd/driver.ts";

/** How long a killed process may take to go away; milliseconds. */
const KILL_PATIENCE = 10_000;
/** How long the first process may take before the others are killed as well, and reaped if it waits for that; milliseconds. */
const INIT_PATIENCE = 500;

/**
 * Kills the container's first process and waits until it is gone.
 * @param root the state directory
 * @throws TIMEOUT if it does not go (it hangs in the kernel)
 */
export async function stopInit(record: ContainerRecord, root: string): Promise<void> {
  const pidfd = openInit(record);
  if (pidfd === undefined) return;
  try {
    // Once the first process is gone, its descendants cannot be traced to the container.
    if (!record.own_pid_namespace && !attachCgroup(record.cgroup_paths).processes().includes(record.init_process_pid)) {
      await killMembers(record, SIGKILL, root);
    }
    const sent = native.pidfdKill(pidfd, SIGKILL);
    if (sent !== -Errno.ESRCH) check(sent, "kill container init");
    const cgroup = attachCgroup(record.cgroup_paths);
    cgroup.thawKilled();
    if (await readable(pidfd, INIT_PATIENCE)) return;
    // Another process of the container may freeze the cgroup again; none is left to do so once all have been killed.
    cgroup.killAll(SIGKILL);
    if (record.own_pid_namespace) reapStrays(record);
    if (!(await readable(pidfd, KILL_PATIENCE))) {
      const { init_process_pid: pid } = record;
      throw new RuntimeError(
        "TIMEOUT",
        `container init still running: process ${pid} was killed and does not end: ${whyStuck(pid)}`,
      );
    }
  } finally {
    native.close(pidfd);
  }
}

/** A pidfd of the container's first process; `undefined` if that is gone. @throws SYSCALL if that is unknown */
export function openInit({ init_process_pid: pid, init_process_start: startTime }: ContainerRecord): number | undefined {
  return openPidfd(pid, () => isAlive(pid, startTime));
}

/**
 * Removes the remains of a container whose first process has ended, unless another process has removed them already.
 * @throws CGROUP if a cgroup cannot be removed; then the state stays, so that `delete` can be tried again. SYSCALL, once all is
 *   removed, if the profile of recorded system calls could not be written
 */
export async function destroy(context: RuntimeContext, entry: Entry, record: ContainerRecord | undefined): Promise<void> {
  if (!(await entry.lock())) {
    throw new RuntimeError("WRONG_STATE", `container ${entry.id} is busy: another runtime is at work on it`);
  }
  if (!entry.alive()) return;
  let unrecorded: string | undefined;
  if (record !== undefined) {
    // The keeper writes into the directory that is removed below.
    if (record.keeper !== undefined) await awaitKeeper(record);
    const cgroup = attachCgroup(record.cgroup_paths);
    // With a pid namespace of its own no process of the container outlives the first one.
    if (!record.own_pid_namespace) {
      cgroup.killAll(SIGKILL);
      if (record.namespaces !== undefined) await killByNamespace(record, context.root);
    }
    if (record.systemd !== undefined) stopSystemdUnit(context, record.systemd);
    cgroup.remove();
    if (record.intel_rdt !== undefined) removeRdt(record.intel_rdt);
    // The recorder reads the directory that is removed below.
    if (record.recording !== undefined) unrecorded = await awaitRecorder(entry.path, true);
  }
  entry.remove();
  context.log.debug(`container ${entry.id}: cgroups and state removed`);
  if (record === undefined) return;
  await runPoststop(context, record.hooks?.poststop, hookState(record, "stopped", 0), record.bundle, record.annotations);
  if (unrecorded !== undefined) throw notRecorded(record, unrecorded);
}

function notRecorded({ id, recording }: ContainerRecord, why: string): RuntimeError {
  const text = `container ${id} is deleted, but its profile was not written to ${recording?.file ?? ""}: ${why}`;
  return new RuntimeError("SYSCALL", text, { ...(recording !== undefined && { path: recording.file }) });
}

/** For a container without a cgroup and a pid namespace. @throws TIMEOUT */
async function killByNamespace(record: ContainerRecord, root: string): Promise<void> {
  const left = await killMembers(record, SIGKILL, root);
  if (left.length === 0) return;
  throw new RuntimeError("TIMEOUT", `processes of container ${record.id} are still running: ${left.join(", ")}`);
}

/** Stops the container's unit; if systemd cannot be asked, the unit's cgroup has to be removed all the same. */
function stopSystemdUnit(context: RuntimeContext, unit: SystemdUnit): void {
  try {
    stopUnit(unit, context.log);
  } catch (error) {
    context.log.warn(error instanceof Error ? error.message : String(error));
  }
}

/** Runs poststop hooks; one that fails is a warning, and the others still run (runtime.md, step 13). */
export async function runPoststop(
  context: RuntimeContext,
  hooks: readonly Hook[] | undefined,
  state: string,
  bundle: string,
  annotations?: Annotations,
): Promise<void> {
  if (hooks === undefined || hooks.length === 0) return;
  for (let index = 0; index < hooks.length; index++) {
    const hook = hooks[index];
    if (hook === undefined) continue;
    try {
      await runHook("poststop", index, hook, state, bundle, annotations);
    } catch (error) {
      context.log.warn(error instanceof Error ? error.message : String(error));
    }
  }
}
