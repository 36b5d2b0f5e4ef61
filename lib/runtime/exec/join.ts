// SPDX-License-Identifier: Apache-2.0
/** One more process in a container: from its record to a program that runs. */
import { subPath } from "../../cgroups/files/tree.ts";
import { attachToUnit } from "../../cgroups/systemd/driver.ts";
import { asRuntimeError, RuntimeError } from "../../errors.ts";
import type { InitProcess } from "../../init/process.ts";
import type { Plan } from "../../plan/build.ts";
import { buildExecPlan } from "../../plan/exec.ts";
import type { Config, Process } from "../../spec/types.ts";
import type { Descriptors } from "../../sys/descriptors.ts";
import { isAlive } from "../container/status.ts";
import { writePidFile, type Entry } from "../container/store.ts";
import { relaysConsole } from "../foreground/console_socket.ts";
import { addToRdt } from "../host/intel_rdt.ts";
import { containerFilter, sendListener } from "../host/seccomp.ts";
import { serve, untilExecuted, type Service } from "../launch/answer_init.ts";
import { sendPidfd } from "../launch/pidfd_socket.ts";
import { STDIO } from "../launch/record_draft.ts";
import { openSlots } from "../launch/slots.ts";
import { startError } from "../launch/start_error.ts";
import { attempt, type Undo } from "../launch/undo.ts";
import type { ExecOptions, RuntimeContext } from "../options.ts";
import { joinRecording, recordingOf } from "../recording/recorder.ts";
import type { ContainerRecord } from "../record.ts";
import { startInit, type Started } from "./exec_cgroup.ts";

/** The name of the process in errors. */
const WHO = "the process";

/** The container that is joined, and the process that joins it. */
export interface Target {
  readonly entry: Entry;
  readonly record: ContainerRecord;
  readonly config: Config;
  readonly process: Process;
  /** A pidfd of the container's first process. */
  readonly pidfd: number;
}

/** A process that is to join a container. */
export interface Joining {
  readonly context: RuntimeContext;
  readonly options: ExecOptions;
  readonly target: Target;
  /** SELinux is in force. */
  readonly selinux: boolean;
  /** Connected socket that gets the master of the console; belongs to the caller. */
  readonly consoleSocket: number | undefined;
}

/**
 * Starts the process in the container, up to its program; after any failure the process is gone.
 * @returns its init, which the caller closes
 * @throws WRONG_STATE where the container has stopped; USAGE, STEP_FAILED, INIT_DIED, SYSCALL
 */
export function join(joining: Joining): Promise<InitProcess> {
  const { context, options, target } = joining;
  const { log } = context;
  const { record, config } = target;
  const make = async (undo: Undo, descriptors: Descriptors): Promise<InitProcess> => {
    const started = startInit(context, options, record);
    const { init } = started;
    undo.add(() => init.kill());
    init.takeListener = (listener) => joinRecording(target.entry.path, listener);
    sendPlan(joining, init, descriptors);
    const service = serviceOf(joining, started);
    await serve(init, config, service);
    log.debug(`container ${record.id}: child process in init(), pid ${init.pid}`);
    await untilExecuted(init, service, WHO);
    log.debug(`container ${record.id}: setns_init: about to exec was the last word of pid ${init.pid}`);
    if (options.pidFile !== undefined) writePidFile(options.pidFile, init.pid);
    return init;
  };
  return attempt(log, make, (error) => (hasStoppedMeanwhile(error, record) ? stopped() : startError(error)));
}

function sendPlan(
  { context, options, target, selinux, consoleSocket }: Joining,
  init: InitProcess,
  descriptors: Descriptors,
): void {
  const { entry, record, config, process, pidfd } = target;
  const { id, rootfs } = record;
  const own = containerFilter(context, config);
  const plan = buildExecPlan(config, process, {
    id,
    rootfs,
    noNewKeyring: record.no_new_keyring === true,
    preserveFds: options.preserveFds ?? 0,
    relaysConsole: relaysConsole(options),
    selinux,
    seccomp: record.recording === undefined ? own : recordingOf(own),
  });
  init.sendPlan(plan, openSlots({ slots: plan.slots, entry, consoleSocket, container: pidfd }, descriptors));
  context.log.debug(`container ${id}: nsexec container setup: init started with a plan of ${plan.steps.length} steps`);
  tellAffinity(context, plan);
}

/** The runtime's answers to the requests of the process's init. */
function serviceOf({ options, target }: Joining, { init, cgroup, below, isOutside, killedBefore }: Started): Service {
  const { record, config } = target;
  const { id, bundle, systemd: unit, intel_rdt: rdt, init_process_pid: statePid } = record;
  return {
    who: WHO,
    stdio: options.stdio ?? STDIO,
    ...(isOutside &&
      unit !== undefined && {
        register: (pid: number) => {
          // The container's cgroup is the unit's, or (run.oci.systemd.subgroup) one below it.
          const [, inner = ""] = (record.cgroup_paths[""] ?? "").split(`/${unit.name}`);
          attachToUnit(unit, `${inner}${subPath(below[""])}`.slice(1), pid);
        },
      }),
    joinFds: () => {
      try {
        return cgroup.joinFds(below);
      } catch (error) {
        throw asRuntimeError(error).prefixed(`error adding pid ${init.asking} to cgroups: `);
      }
    },
    // The kernel's kills before this process started are not counted.
    oomKills: () => cgroup.oomKills() - killedBefore,
    seccompListener: (fd) => sendListener(config, init, fd, { id, bundle, statePid, status: "running" }),
    ready: () => {
      if (rdt !== undefined) addToRdt(rdt, init.pid);
      if (options.pidfdSocket !== undefined) sendPidfd(options.pidfdSocket, init.pidfd, "setns");
    },
  };
}

/** Logs the effect of `initial` and `final` of `execCPUAffinity`, lowest CPU last, in runc's words. */
function tellAffinity(context: RuntimeContext, plan: Plan): void {
  for (const step of plan.steps) {
    if (step.op !== "cpuAffinity" || step.origin === "") continue;
    let mask = "";
    for (const byte of step.fields.mask) mask = byte.toString(16).padStart(2, "0") + mask;
    const text = mask.replace(/^0+(?=.)/, "");
    const when = step.origin.endsWith("initial") ? "nsexec before the cgroup" : "nsexec in the cgroup";
    context.log.debug(`${when}: affinity: 0x${text}`);
  }
}

/** The container's first process may end at any time; then the kernel refuses its namespaces. */
function hasStoppedMeanwhile(error: unknown, record: ContainerRecord): boolean {
  if (!(error instanceof RuntimeError)) return false;
  const { syscall } = error.facts;
  if (error.code !== "INIT_DIED" && syscall !== "setns" && syscall !== "clone") return false;
  return !isAlive(record.init_process_pid, record.init_process_start);
}

/** The error for a container that has ended. */
export function stopped(): RuntimeError {
  return new RuntimeError("WRONG_STATE", "cannot exec in a stopped container");
}
