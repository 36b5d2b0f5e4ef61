// SPDX-License-Identifier: Apache-2.0
/**
 * `exec`: one more process in an existing container.
 *
 * The namespaces are those of the container's first process, through a pidfd that is verified to be that process's;
 * nothing in the container is looked up by name before `init` is inside.
 */
import { RuntimeError } from "../../errors.ts";
import type { Config } from "../../spec/types.ts";
import { native } from "../../sys/native.ts";
import { openInit } from "../container/destroy.ts";
import { savedConfig } from "../container/saved_config.ts";
import { status } from "../container/status.ts";
import { find, recordOf } from "../container/store.ts";
import { processOf } from "../exec/exec_process.ts";
import { join, stopped, type Target } from "../exec/join.ts";
import { Foreground } from "../foreground/foreground.ts";
import { securityModules } from "../host/security_modules.ts";
import { warnOfCapabilities } from "../launch/capability_warnings.ts";
import { checkPreserved } from "../launch/preserve_fds.ts";
import type { ExecOptions, RuntimeContext } from "../options.ts";
import type { ContainerRecord } from "../record.ts";

/**
 * Runs a process in a container; unless detached, waits for its end.
 *
 * @returns the exit status of the process, or 128 and the number of the signal that ended it; 0 if detached
 * @throws CONTAINER_NOT_FOUND, WRONG_STATE for a stopped or paused one, CONFIG_INVALID, USAGE, STEP_FAILED, INIT_DIED
 */
export async function exec(context: RuntimeContext, options: ExecOptions): Promise<number> {
  return (await bringUp(context, options)).status;
}

/**
 * Runs a process in a container, and returns once its program runs.
 * @returns its pid, as this process's pid namespace knows it
 * @throws as {@link exec}
 */
export async function execDetached(context: RuntimeContext, options: ExecOptions): Promise<number> {
  return (await bringUp(context, { ...options, detach: true })).pid;
}

/** The result of an `exec`: `status` is 0 where the process was not waited for. */
interface Outcome {
  readonly pid: number;
  readonly status: number;
}

async function bringUp(context: RuntimeContext, options: ExecOptions): Promise<Outcome> {
  const entry = find(context.root, options.id);
  let pidfd: number | undefined;
  try {
    const record = recordOf(entry);
    const now = status(entry, record);
    if (now === "paused" && options.ignorePaused !== true) {
      throw new RuntimeError("WRONG_STATE", "cannot exec in a paused container (use --ignore-paused to override)");
    }
    pidfd = record === undefined ? undefined : openInit(record);
    if (record === undefined || pidfd === undefined || now === "creating" || now === "stopped") {
      throw now === "creating" ? stillCreating() : stopped();
    }
    const config = withTimeNamespace(options.config ?? savedConfig(entry), record);
    const process = processOf(options, config);
    return await execIn(context, options, { entry, record, config, process, pidfd });
  } finally {
    if (pidfd !== undefined) native.close(pidfd);
    entry.close();
  }
}

/** CRIU restores processes into a time namespace, so that their clocks continue from the checkpoint. */
function withTimeNamespace(config: Config, { restored }: ContainerRecord): Config {
  const { namespaces = [] } = config.linux ?? {};
  if (restored?.time_namespace !== true || namespaces.some(({ type }) => type === "time")) return config;
  return { ...config, linux: { ...config.linux, namespaces: [...namespaces, { type: "time" }] } };
}

async function execIn(context: RuntimeContext, options: ExecOptions, target: Target): Promise<Outcome> {
  checkPreserved(options.preserveFds ?? 0);
  const selinux = securityModules(target.config, target.process, context.log);
  const foreground = await Foreground.open(target.process.terminal === true, options, false);
  try {
    warnOfCapabilities(context, target.process, true);
    const init = await join({ context, options, target, selinux, consoleSocket: foreground.openConsoleSocket() });
    try {
      return { pid: init.pid, status: foreground.untilEnd(init.pid, init.pidfd) };
    } finally {
      init.close();
    }
  } finally {
    foreground.close();
  }
}

function stillCreating(): RuntimeError {
  return new RuntimeError("WRONG_STATE", "cannot exec in a container that is still being created");
}
